"""Each change is recorded once, with who did it, before it is answered; whatever is sent twice, killed or cut off."""

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid1

import pytest
import requests

from services.cli.quickstart import read
from services.connections.commands import DATABASE
from tests.journey import OFFLINE, journey
from tests.relying_party import PASSWORD, Account, account
from tests.security.client import Client, Signer, ToLoopback
from tests.security.insider import SCHEMAS, Insider
from tests.security.management import ROUTES
from tests.stack import MakeStack, Stack, until

LIMIT: Final = 40
"""Requests of one application a second, in one process of this stack."""


@pytest.fixture(scope="module")
def own(make_stack: MakeStack) -> Stack:
    """A stack of two `token` replicas with a low limit, to be harmed."""
    return make_stack(replicas={"token": 2}, environ={"LIMEN_MANAGEMENT_REQUESTS_PER_SECOND": str(LIMIT)})


@pytest.fixture(scope="module")
def boss(own: Stack) -> Client:
    return Client.of(own.env)


@pytest.fixture(scope="module")
def inside(own: Stack) -> Iterator[Insider]:
    with Insider.looking(own) as one:
        yield one


class Keyed:
    """Sends POSTs with an `Idempotency-Key`, each on a connection of its own, so that replicas share them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.token = client.management_token()

    def __call__(self, path: str, body: Any, key: str | bytes, *, token: str | None = None) -> requests.Response:
        headers = {"authorization": f"Bearer {token or self.token}", "idempotency-key": key}
        headers |= {"content-type": "application/json"}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return requests.post(f"{self._client.issuer}api/v2/{path}", data=data, headers=headers, timeout=10)


@pytest.fixture(scope="module")
def keyed(boss: Client) -> Keyed:
    return Keyed(boss)


def at_once(work: Callable[[int], requests.Response], times: int) -> list[requests.Response]:
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(work, range(times)))


@pytest.mark.security("AD-12")
def test_twenty_at_once_over_two_replicas_are_one_change(own: Stack, inside: Insider, keyed: Keyed) -> None:
    assert own.pid_of("token", 0) != own.pid_of("token", 1) != 0
    name, key = uuid1().hex, uuid1().hex
    answers = at_once(lambda _: keyed("clients", {"name": name}, key), 20)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 19
    facts = inside.facts(answers[0].json()["client_id"])
    assert [fact["type"] for fact in facts] == ["token.client_registered", "token.client_secret_issued"]


@pytest.mark.security("AD-12")
def test_of_two_requests_with_one_key_at_once_one_is_done(inside: Insider, keyed: Keyed) -> None:
    key, names = uuid1().hex, [uuid1().hex for _ in range(10)]
    answers = at_once(lambda at: keyed("clients", {"name": names[at]}, key), 10)
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 9
    assert sum(len(inside.facts(name)) for name in names) == 1


@pytest.mark.parametrize("key", ["", "a b", "é".encode(), b"\xff", "x" * 256, "x" * 7000, "a\tb"], ids=repr)
def test_a_key_that_is_none_does_nothing(inside: Insider, keyed: Keyed, key: str | bytes) -> None:
    with inside.nothing_changes():
        answer = keyed("clients", {"name": "x"}, key)
        assert (answer.status_code, answer.json()["statusCode"]) == (400, 400)


def test_two_keys_and_keys_that_are_nearly_the_header_are_not_guessed_at(
    own: Stack, inside: Insider, keyed: Keyed
) -> None:
    pairs = [("Authorization", f"Bearer {keyed.token}"), ("Content-Type", "application/json"), ("Content-Length", "12")]
    with inside.nothing_changes():
        for first, second in (("a", "b"), ("a", "a")):
            lines = [*pairs, ("Idempotency-Key", first), ("idempotency-key", second)]
            assert raw(own, "POST /api/v2/clients", lines, b'{"name":"x"}').startswith(b"HTTP/1.1 400")


def raw(stack: Stack, what: str, headers: list[tuple[str, str]], body: bytes = b"") -> bytes:
    """The answer to a request written by hand."""
    lines = [f"{what} HTTP/1.1", f"Host: localhost:{stack.port}", "Connection: close"]
    head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers)]) + "\r\n\r\n"
    with socket.create_connection(("localhost", stack.port), 10) as connection:
        connection.sendall(head.encode("latin-1") + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_key_names_a_body_to_the_letter(inside: Insider, keyed: Keyed) -> None:
    key, name = uuid1().hex, uuid1().hex
    first = keyed("clients", b'{"name":"%s"}' % name.encode(), key)
    for body in (b'{"name": "%s"}', b'{"name":"%s"}\n', b'{"name":"%s","description":null}'):
        assert keyed("clients", body % name.encode(), key).status_code == 422
    assert keyed("clients?", b'{"name":"%s"}' % name.encode(), key).text == first.text
    assert len(inside.facts(name)) == 1


def test_an_answer_is_given_again_when_its_object_is_gone(boss: Client, inside: Insider, keyed: Keyed) -> None:
    key, body = uuid1().hex, {"name": uuid1().hex}
    first = keyed("clients", body, key)
    app = first.json()["client_id"]
    assert boss.manage("DELETE", f"clients/{app}").status_code == 204
    with inside.nothing_changes():
        again = keyed("clients", body, key)
    assert (again.status_code, again.text) == (201, first.text)
    assert boss.manage("GET", f"clients/{app}").status_code == 404
    assert boss.ask(client_id=app, client_secret=again.json()["client_secret"]).status_code == 401


@pytest.mark.security("AD-01", "AD-10")
def test_nobody_gets_an_answer_by_another_callers_key(boss: Client, inside: Insider, keyed: Keyed) -> None:
    key, body = uuid1().hex, {"name": uuid1().hex}
    first = keyed("clients", body, key).json()
    app = boss.made("clients", {"name": "second", "app_type": "non_interactive"})
    boss.granted(app["client_id"], boss.management_audience, ("create:clients", "read:clients"))
    mine = {"client_id": app["client_id"], "client_secret": app["client_secret"], "audience": boss.management_audience}
    own = keyed("clients", body, key, token=boss.token(**mine)).json()
    assert own["client_id"] != first["client_id"]
    assert own["client_secret"] != first["client_secret"]
    with inside.nothing_changes():
        reader = boss.management_token(scope="read:clients")
        assert keyed("clients", body, key, token=reader).status_code == 403
        assert keyed("clients", body, key, token="garbage").status_code == 401


@pytest.mark.security("AD-12")
def test_a_change_is_recorded_with_its_doer_before_it_is_answered(own: Stack, boss: Client, inside: Insider) -> None:
    token, name = boss.management_token(), uuid1().hex
    pids = [own.pid_of("token", 0), own.pid_of("token", 1)]
    with own.nobody_restarts():
        answer = boss.manage("POST", "clients", {"name": name}, token=token)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert answer.status_code == 201
        facts = inside.facts(answer.json()["client_id"])
    for replica, pid in enumerate(pids):
        own.await_back("token", not_pid=pid, replica=replica, within=60)
    assert [fact["type"] for fact in facts] == ["token.client_registered", "token.client_secret_issued"]
    for meta in (json.loads(fact["meta"]) for fact in facts):
        assert meta["actor"] == {"kind": "client", "id": boss.management_client_id}
        assert meta["client_id"] == boss.management_client_id
        assert meta["request_id"] == answer.headers["x-request-id"]
        assert meta["trace"]


@pytest.mark.security("AD-12")
def test_what_was_cut_off_with_nats_is_done_once_when_it_is_sent_again(
    own: Stack, inside: Insider, keyed: Keyed
) -> None:
    named = {uuid1().hex: uuid1().hex for _ in range(8)}
    pid = own.pid_of("nats")
    with own.nobody_restarts():
        os.kill(pid, signal.SIGKILL)
        answers = at_once(lambda at: keyed("clients", {"name": [*named][at]}, [*named.values()][at]), len(named))
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.json()["statusCode"] for answer in answers} == {503}
        assert sum(len(inside.facts(name)) for name in named) == 0
    own.await_back("nats", not_pid=pid, within=60)
    pending = set(named)

    def done() -> bool:
        for name in [*pending]:
            if keyed("clients", {"name": name}, named[name]).status_code == 201:
                pending.discard(name)
        return not pending

    until(done, 60)
    assert [len(inside.facts(name)) for name in named] == [1] * len(named)


def writes(client: Client) -> Iterator[requests.Response]:
    """Every kind of change there is, one after the other, and its answer."""
    manage, pem = client.manage, Signer.new("ES256").pem
    yield (app := manage("POST", "clients", {"name": "recorded"}))
    client_id = app.json()["client_id"]
    yield manage("PATCH", f"clients/{client_id}", {"description": "changed"})
    yield manage("POST", f"clients/{client_id}/rotate-secret", {})
    keys, key = f"clients/{client_id}/credentials", {"credential_type": "public_key", "pem": pem, "alg": "ES256"}
    yield (credential := manage("POST", keys, key))
    yield manage("PATCH", f"{keys}/{credential.json()['id']}", {"expires_at": "2099-01-01T00:00:00Z"})
    yield manage("DELETE", f"{keys}/{credential.json()['id']}")
    yield (api := manage("POST", "resource-servers", {"identifier": f"urn:{uuid1().hex}"}))
    yield manage("PATCH", f"resource-servers/{api.json()['id']}", {"scopes": [{"value": "read:it"}]})
    body = {"client_id": client_id, "audience": api.json()["identifier"], "scope": []}
    yield (grant := manage("POST", "client-grants", body))
    yield manage("PATCH", f"client-grants/{grant.json()['id']}", {"scope": ["read:it"]})
    yield manage("DELETE", f"client-grants/{grant.json()['id']}")
    yield manage("DELETE", f"resource-servers/{api.json()['id']}")
    yield manage("DELETE", f"clients/{client_id}")
    yield manage("PATCH", "tenants/settings", {"friendly_name": uuid1().hex})
    yield (rotated := manage("POST", "keys/signing/rotate"))
    yield manage("PUT", f"keys/signing/{rotated.json()['kid']}/revoke")


def writes_about_people(client: Client, stack: Stack) -> Iterator[requests.Response]:
    """The same about connections, users, and what users have: sessions, refresh tokens, consents, locks."""
    manage = client.manage
    yield manage("PATCH", "branding", {"colors": {"primary": "#123456"}})
    yield manage("PATCH", "attack-protection/brute-force-protection", {"max_attempts": 11})
    yield manage("PATCH", "attack-protection/suspicious-ip-throttling", {"allowlist": ["203.0.113.9"]})
    yield from writes_about_a_connection(client)
    person = account(stack)
    path = f"users/{quote(person.user_id)}"
    for method, of in (("DELETE", "sessions/{}"), ("POST", "sessions/{}/revoke"), ("DELETE", f"{path}/sessions")):
        yield manage(method, of.format(signed_in(client, stack, person)["sessions"]))
    held = signed_in(client, stack, person)
    yield manage("PATCH", f"sessions/{held['sessions']}", {"session_metadata": {"shop": "Rome"}})
    yield manage("PATCH", f"refresh-tokens/{held['tokens']}", {"refresh_token_metadata": {"shop": "Rome"}})
    yield manage("POST", "refresh-tokens/revoke", {"ids": [held["tokens"]]})
    yield manage("DELETE", f"refresh-tokens/{signed_in(client, stack, person)['tokens']}")
    for method, of in (("DELETE", "refresh-tokens"), ("POST", "revoke-access")):
        signed_in(client, stack, person)
        yield manage(method, f"{path}/{of}")
    for each in ("DELETE grants/{}", f"DELETE grants?user_id={quote(person.user_id)}"):
        method, _, of = each.partition(" ")
        yield manage(method, of.format(consented(client, stack, person)))
    named = {"user_id": person.user_id}
    for of in ("tickets/password-change", "tickets/email-verification", "jobs/verification-email"):
        yield manage("POST", of, named)
    yield manage("DELETE", f"user-blocks/{quote(person.user_id)}")
    yield manage("DELETE", f"user-blocks?identifier={quote(person.email)}")
    yield manage("PATCH", path, {"nickname": "changed"})
    yield manage("DELETE", path)
    other = {"connection": DATABASE, "email": f"{uuid1().hex}@example.com", "password": PASSWORD}
    yield manage("POST", "users", other)
    database = manage("GET", f"connections?name={DATABASE}").json()[0]["id"]
    yield manage("DELETE", f"connections/{database}/users?email={quote(str(other['email']))}")
    yield manage("PATCH", "prompts", {"identifier_first": False})


def writes_about_a_connection(client: Client) -> Iterator[requests.Response]:
    """The same about one connection."""
    yield (made := client.manage("POST", "connections", {"name": uuid1().hex, "strategy": "auth0"}))
    path = f"connections/{made.json()['id']}"
    yield client.manage("PATCH", path, {"display_name": "changed"})
    yield client.manage("PATCH", f"{path}/clients", [{"client_id": client.client_id, "status": True}])
    yield client.manage("DELETE", path)


def signed_in(client: Client, stack: Stack, person: Account) -> dict[str, str]:
    """The ids of a new session and of a refresh token in it."""
    with journey(stack, person=person, grant_types=["authorization_code", "refresh_token"]) as one:
        assert one.tokens(scope=OFFLINE).refresh_token
    path = f"users/{quote(person.user_id)}"
    return {kind: client.manage("GET", f"{path}/{of}").json()[kind][-1]["id"] for kind, of in HELD.items()}


def consented(client: Client, stack: Stack, person: Account) -> str:
    """The id of a new consent."""
    with journey(stack, person=person, is_first_party=False) as one:
        one.browser.accepted(one.landing(one.rp.attempt()))
    return str(client.manage("GET", f"grants?user_id={quote(person.user_id)}").json()[-1]["id"])


HELD: Final = {"sessions": "sessions", "tokens": "refresh-tokens"}
FACTS: Final = " UNION ALL ".join(
    f"SELECT meta FROM {schema}.{log} WHERE meta->>'request_id' = $1"
    for schema in SCHEMAS
    for log in ("facts", "activity")
)


@pytest.mark.security("AD-12")
def test_every_kind_of_change_is_recorded_with_its_doer(own: Stack, boss: Client, inside: Insider) -> None:
    done = [*writes(boss), *writes_about_people(boss, own)]
    assert len(done) == len([route for route in ROUTES if route.method != "GET"]), "a kind of change is missing"
    for answer in done:
        assert answer.status_code in {200, 201, 202, 204}, answer.text
        facts = [json.loads(row["meta"]) for row in inside.rows(FACTS, answer.headers["x-request-id"])]
        assert facts, answer.request.url
        for meta in facts:
            assert meta["actor"] == {"kind": "client", "id": boss.management_client_id}
            assert meta["trace"], answer.request.url


@pytest.fixture(scope="module")
def neighbour(own: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Another tenant of this stack."""
    file = tmp_path_factory.mktemp("neighbour") / "quickstart.env"
    file.write_text(own.limen("tenant", "create", "near", "--domain", f"near.example:{own.port}").stdout)
    client = Client.of(read(file))
    client.http.mount("http://", ToLoopback())
    yield client
    client.http.close()


def last_of_a_flood(client: Client, token: str) -> requests.Response:
    """The first refusal of one who asks as fast as he can."""
    refused: list[requests.Response] = []

    def ask(_: int) -> None:
        with requests.Session() as http:
            while not refused:
                headers = {"authorization": f"Bearer {token}"}
                answer = http.get(f"{client.issuer}api/v2/tenants/settings", headers=headers, timeout=10)
                assert answer.status_code in {200, 429}
                refused.extend([answer] if answer.status_code == 429 else [])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))
    return refused[0]


def test_a_limit_is_one_applications_alone(boss: Client, neighbour: Client) -> None:
    app = boss.made("clients", {"name": "greedy", "app_type": "non_interactive"})
    boss.granted(app["client_id"], boss.management_audience, ("read:tenant_settings",))
    greedy = boss.token(
        client_id=app["client_id"], client_secret=app["client_secret"], audience=boss.management_audience
    )
    patient, near = boss.management_token(), neighbour.management_token()

    refused = last_of_a_flood(boss, greedy)
    assert refused.headers["x-ratelimit-limit"] == str(LIMIT)
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert int(refused.headers["retry-after"]) >= 1
    assert int(refused.headers["x-ratelimit-reset"]) > 0
    assert refused.json()["statusCode"] == 429
    assert boss.manage("GET", "tenants/settings", token=patient).status_code == 200
    assert neighbour.manage("GET", "tenants/settings", token=near).status_code == 200


MANY: Final = """
INSERT INTO token.clients (tenant, client_id, version, properties)
SELECT tenants.tenant, md5(n::text), 1, jsonb_build_object('name', 'client ' || n, 'app_type', 'spa')
FROM tenants.tenants, generate_series(1, 10000) n WHERE domain = $1
"""


def test_a_page_far_behind_the_last_of_ten_thousand_clients_is_quick(neighbour: Client, inside: Insider) -> None:
    """Last, for nothing but rows was written: this tenant's log does not know its clients."""
    inside.rows(MANY, neighbour.issuer.split("/")[2])
    inside.rows("ANALYZE token.clients")
    token = neighbour.management_token()
    for query in ("page=1000000&per_page=100", "page=1000000&per_page=100&include_totals=true", "page=99&per_page=100"):
        answers = [neighbour.manage("GET", f"clients?{query}", token=token) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {200}
        assert min(answer.elapsed.total_seconds() for answer in answers) < 1, query
