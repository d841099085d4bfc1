"""`/api/v2/keys/signing`, and keys that come by themselves, over a real bus and a real database."""

import asyncio
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.edge.asks import AskRefused, ask
from libs.eventstore.verify import folds
from libs.jose import FollowedKeys, verify
from libs.jose.schedule import SKEW
from libs.runtime.clock import wall
from libs.sealed import associated_data
from services.key_rotation.commands import KeysAnswer, ListKeys, Rotated, RotateKey, purpose_of
from services.key_rotation.events import CATALOGUE, SigningKeyPublished, SigningKeyRevoked, SigningKeyScheduled
from services.key_rotation.rows import FOLD
from tests.conftest import MakeDatabase
from tests.servers import NatsServer
from tests.services.world import SCHEMAS, Answer, World

PATH = "/api/v2/keys/signing"


async def keys(world: World, method: str = "GET", path: str = "", body: Any = None, **how: Any) -> Answer:
    return await world.management("key_rotation", method, PATH + path, body, **how)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def now() -> datetime:
    return datetime.fromtimestamp(wall(), UTC)


@pytest.mark.security("KY-01")
async def test_a_new_tenant_has_a_current_and_a_next_key(world: World) -> None:
    answer = await keys(world)
    assert answer.status == 200
    assert [(key["current"], key["next"], key["previous"], key["revoked"]) for key in answer.body] == [
        (True, False, False, False),
        (False, True, False, False),
    ]
    current, following = answer.body
    assert set(current) >= {
        "kid",
        "cert",
        "pkcs7",
        "fingerprint",
        "thumbprint",
        "current_since",
        "current_until",
        "alg",
    }
    assert current["cert"].startswith("-----BEGIN CERTIFICATE-----")
    assert current["fingerprint"].replace(":", "") == current["thumbprint"]
    assert current["current_until"] == following["active_from"]
    assert timedelta(days=89) < at(following["active_from"]) - now() <= timedelta(days=90)
    alone = await keys(world, path=f"/{current['kid']}")
    assert alone.body == current


@pytest.mark.security("KY-02")
async def test_a_rotation_says_from_when_the_next_key_signs(world: World) -> None:
    before = (await keys(world)).body
    answer = await keys(world, "POST", "/rotate")
    assert answer.status == 201
    assert answer.body["kid"] == before[1]["kid"]
    assert answer.body["cert"] == before[1]["cert"]
    assert at(answer.body["active_from"]) >= at(before[0]["current_since"]) + timedelta(minutes=10) + SKEW
    assert "limen-not-yet-applied" not in answer.headers
    after = (await keys(world)).body
    assert [key["kid"] for key in after[:2]] == [key["kid"] for key in before]
    assert len(after) == 3
    again = await keys(world, "POST", "/rotate", {"alg": "RS256"})
    assert again.body["kid"] == after[2]["kid"]
    assert at(again.body["active_from"]) > at(answer.body["active_from"])


async def test_a_rotation_sent_again_under_its_key_is_done_once(world: World) -> None:
    first = await keys(world, "POST", "/rotate", named="once")
    again = await keys(world, "POST", "/rotate", named="once")
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (201, first.body, "true")
    assert len((await keys(world)).body) == 3


async def test_rotation_refuses_what_the_tenant_does_not_sign_with(world: World) -> None:
    bodies: list[Any] = [{"alg": "ES256"}, {"alg": "HS256"}, {"alg": 1}, {"x": 1}, []]
    for body in bodies:
        answer = await keys(world, "POST", "/rotate", body)
        assert answer.status == 400, body
    assert len((await keys(world)).body) == 2


async def test_a_revoked_current_key_is_replaced_and_its_tokens_are_refused_at_once(world: World) -> None:
    token = await world.token("acme")
    current, following = (await keys(world)).body
    answer = await keys(world, "PUT", f"/{current['kid']}/revoke", token=token)
    assert (answer.status, answer.body["kid"]) == (200, current["kid"])
    assert (await keys(world, token=token)).status == 401
    assert (await world.management("tenants", "GET", "/api/v2/tenants/settings", token=token)).status == 401
    listed = (await keys(world)).body
    assert [key["kid"] for key in listed if key["current"]] == [following["kid"]]
    assert len([key for key in listed if key["next"]]) == 1
    assert [key["kid"] for key in listed if key["revoked"]] == [current["kid"]]
    assert current["kid"] not in {key.kid for key in (await world.wrapped("acme")).keys}
    assert (await keys(world, "PUT", f"/{current['kid']}/revoke")).status == 200


async def test_a_tenant_gets_rid_of_the_keys_of_an_algorithm(world: World) -> None:
    settings = "/api/v2/tenants/settings"
    await world.management("tenants", "PATCH", settings, {"allowed_signing_algs": ["RS256", "ES256"]})
    elliptic = [key["kid"] for key in (await keys(world)).body if key["alg"] == "ES256"]
    assert len(elliptic) == 2
    await world.management("tenants", "PATCH", settings, {"allowed_signing_algs": ["RS256"]})
    for kid in elliptic:
        assert (await keys(world, "PUT", f"/{kid}/revoke")).status == 200
    assert {key["alg"] for key in (await keys(world)).body if not key["revoked"]} == {"RS256"}
    await world.management("tenants", "PATCH", settings, {"allowed_signing_algs": ["RS256", "ES256"]})
    assert (await world.signer("acme", "ES256")).kid not in elliptic


@pytest.mark.security("AD-01")
async def test_keys_are_for_those_with_the_scope(world: World) -> None:
    kid = (await keys(world)).body[0]["kid"]
    routes = [("GET", ""), ("GET", f"/{kid}"), ("POST", "/rotate"), ("PUT", f"/{kid}/revoke")]
    without, stranger = await world.token("acme", scope="read:tenant_settings"), await world.token("other")
    reader = await world.token("acme", scope="read:signing_keys")
    for method, path in routes:
        assert (await keys(world, method, path, token="")).status == 401
        assert (await keys(world, method, path, token=stranger)).status == 401
        assert (await keys(world, method, path, token=without)).status == 403
        assert (await keys(world, method, path, token=reader)).status == (200 if method == "GET" else 403)


@pytest.mark.security("AD-02")
async def test_another_tenants_key_does_not_exist(world: World) -> None:
    kid = (await keys(world, tenant="other")).body[0]["kid"]
    for method, path in (("GET", f"/{kid}"), ("PUT", f"/{kid}/revoke"), ("GET", "/nonsense")):
        answer = await keys(world, method, path)
        assert (answer.status, answer.body["errorCode"]) == (404, "inexistent_signing_key")
    assert not (await keys(world, tenant="other")).body[0]["revoked"]


async def test_when_the_next_key_becomes_current_another_is_announced_once(world: World) -> None:
    before = len(await world.facts("key_rotation", "acme"))
    async with world.database("key_rotation") as database, database.connection() as rows:
        await rows.execute(
            "UPDATE signing_keys SET active_from = clock_timestamp() WHERE tenant = 'acme' AND active_from > now()"
        )
    making = [await world.making(), await world.making()]
    await asyncio.gather(*(each.one_round() for each in making))
    facts = (await world.facts("key_rotation", "acme"))[before:]
    assert [fact["type"] for fact in facts] == ["key_rotation.signing_key_published"]
    await asyncio.sleep(1.2)  # the leader's own round has come by now
    assert len(await world.facts("key_rotation", "acme")) == before + 1


@pytest.mark.security("KY-04")
async def test_under_one_rotation_after_the_other_every_token_verifies(
    make_database: MakeDatabase, nats: NatsServer
) -> None:
    max_age = timedelta(seconds=1)
    async with World(await make_database(**SCHEMAS), nats.url, environ={"LIMEN_JWKS_MAX_AGE": "1s"}) as world:
        await world.tenant("acme", "id.acme.example")
        signed_by: set[str] = set()
        cached: dict[str, Any] = {}
        for step in range(20):
            if step % 3 == 0:
                assert (await ask(world.bus, "key_rotation", "rotate", RotateKey(tenant="acme"), Rotated)).kid
            if not cached or wall() - cached["at"] >= max_age.total_seconds():
                cached = {"at": wall(), "keys": await followed(world)}
            signer = await world.signer("acme")
            token = signer.sign({"iss": "me", "aud": "you", "exp": wall() + 60})
            found = cached["keys"].verifying_key("acme", signer.kid, now())
            assert found is not None, "a verifier that caches as told does not know the key"
            verify(token, [found], algorithms=["RS256"], issuer="me", audience="you", now=now())
            signed_by.add(signer.kid)
            await asyncio.sleep(0.4)
        assert len(signed_by) > 2


async def followed(world: World) -> FollowedKeys:
    """The JWKS as a verifier fetches it, from the facts of this moment."""
    keys = FollowedKeys(published=SigningKeyPublished, scheduled=SigningKeyScheduled, revoked=SigningKeyRevoked)
    for fact in await world.facts("key_rotation", "acme"):
        event = CATALOGUE.decode(fact["type"], fact["data"])
        keys.apply("acme", event, version=fact["version"])
    return keys


@pytest.mark.security("KY-06")
async def test_no_private_key_is_in_the_database_or_in_a_fact(world: World) -> None:
    await keys(world, "POST", "/rotate")
    for key in (await world.wrapped("acme")).keys:
        der = world.keyring.unwrap(key.wrapped, aad=associated_data(**purpose_of("acme", key.kid, key.alg)))
        part = der[-150:-90]  # behind the public numbers: the last of the private ones
        spelt = [part, part.hex().encode(), b64encode(part), urlsafe_b64encode(part)]
        kek = bytes(32)
        async with world.database("key_rotation") as database, database.connection() as rows:
            for table in ("signing_keys", "facts", "activity", "checkpoints", "key_lines", "tenants_v1"):
                dump = str(await rows.fetch(f"SELECT * FROM {table}")).encode()
                wrapped = b"".join(row["wrapped"] for row in await rows.fetch("SELECT wrapped FROM signing_keys"))
                assert not any(each in dump or each in wrapped for each in spelt)
                assert kek not in wrapped
    for fact in await world.facts("key_rotation"):
        jwk = json.loads(fact["data"]).get("jwk", {})
        assert {"d", "p", "q", "dp", "dq", "qi"}.isdisjoint(jwk)


async def test_the_operator_lists_and_rotates_on_the_bus(world: World) -> None:
    listed = await ask(world.bus, "key_rotation", "list", ListKeys(), KeysAnswer)
    assert [(key.tenant, key.standing) for key in listed.keys] == [
        ("acme", "current"),
        ("acme", "next"),
        ("other", "current"),
        ("other", "next"),
    ]
    rotated = await ask(world.bus, "key_rotation", "rotate", RotateKey(tenant="acme"), Rotated)
    assert rotated.kid == listed.keys[1].kid
    with pytest.raises(AskRefused, match="ES256"):
        await ask(world.bus, "key_rotation", "rotate", RotateKey(tenant="acme", alg="ES256"), Rotated)
    only = await ask(world.bus, "key_rotation", "list", ListKeys(tenant="other"), KeysAnswer)
    assert len(only.keys) == 2


async def test_the_rows_are_what_the_facts_fold_to(world: World) -> None:
    for _ in range(3):
        await keys(world, "POST", "/rotate")
    listed = (await keys(world)).body
    for kid in (listed[0]["kid"], listed[-1]["kid"]):
        await keys(world, "PUT", f"/{kid}/revoke")
    facts = await world.facts("key_rotation", "acme")
    async with world.database("key_rotation") as database, database.connection() as rows, rows.transaction():
        assert await folds(rows, CATALOGUE, FOLD) == (2, [])
        assert await rows.fetchval("SELECT version FROM key_lines WHERE tenant = 'acme'") == len(facts)


async def test_rotations_at_once_all_count(world: World) -> None:
    question = RotateKey(tenant="acme")
    answers = await asyncio.gather(
        *(ask(world.bus, "key_rotation", "rotate", question, Rotated, timeout=5) for _ in range(4))
    )
    assert len({answer.kid for answer in answers}) == 4
    assert len({answer.active_from for answer in answers}) == 4
