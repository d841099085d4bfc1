"""The token endpoint as a stranger meets it: the lines TE of the security checklist."""

import statistics
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.security.client import Client


class Elsewhere(HTTPAdapter):
    """Connects from another address of this machine."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=("127.0.0.2", 0))


def elsewhere() -> requests.Session:
    """A session whose requests come from another address than everybody's."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", Elsewhere())
    return session


def is_refused(answer: requests.Response, status: int, error: str) -> bool:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["error"] == error
    assert isinstance(body["error_description"], str)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    return True


def test_a_machine_gets_a_token_that_the_published_keys_verify(client: Client) -> None:
    answer = client.ask()
    assert answer.status_code == 200
    claims = client.verified(answer.json()["access_token"])
    assert claims["sub"] == f"{client.client_id}@clients"
    assert claims["azp"] == client.client_id
    assert claims["gty"] == "client-credentials"
    assert claims["scope"] == answer.json()["scope"] == "read:messages write:messages"
    assert claims["exp"] - claims["iat"] == answer.json()["expires_in"] == 86400
    assert claims["jti"]


def test_json_bodies_are_read_as_forms_are(client: Client) -> None:
    body = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.client_secret}
    answer = client.json(body | {"audience": client.audience, "organization": None, "scope": ""})
    assert answer.status_code == 200


def test_scope_narrows_what_is_granted(client: Client) -> None:
    answer = client.ask(scope="read:messages")
    assert answer.json()["scope"] == "read:messages"
    assert client.verified(answer.json()["access_token"])["scope"] == "read:messages"


@pytest.mark.security("TE-01")
def test_other_methods_are_405_and_name_post(client: Client) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = client.http.request(method, f"{client.issuer}oauth/token", timeout=10)
        assert answer.status_code == 405
        assert "POST" in answer.headers["allow"]


@pytest.mark.security("TE-02")
def test_what_is_not_one_clear_request_is_invalid(client: Client) -> None:
    url = f"{client.issuer}oauth/token"
    in_query = client.http.post(f"{url}?grant_type=client_credentials&audience={client.audience}", timeout=10)
    assert is_refused(in_query, 400, "invalid_request")
    plain = client.http.post(url, data="grant_type=x", headers={"content-type": "text/plain"}, timeout=10)
    assert is_refused(plain, 400, "invalid_request")
    assert is_refused(client.ask(grant_type=None), 400, "invalid_request")
    twice = [("grant_type", "client_credentials"), ("grant_type", "client_credentials")]
    assert is_refused(client.form(twice), 400, "invalid_request")
    duplicate = b'{"grant_type": "client_credentials", "client_id": "a", "client_id": "b", "client_secret": "c"}'
    assert is_refused(client.json(duplicate), 400, "invalid_request")
    assert is_refused(client.ask(grant_type="urn:unknown"), 400, "unsupported_grant_type")


@pytest.mark.security("TE-04")
def test_a_client_that_is_not_authenticated_learns_nothing_else(client: Client) -> None:
    wrong = client.basic(client.client_id, "x" * 64)
    assert is_refused(wrong, 401, "invalid_client")
    assert wrong.headers["www-authenticate"].startswith("Basic")
    in_body = client.ask(client_secret="x" * 64)
    assert is_refused(in_body, 401, "invalid_client")
    unknown = client.ask(client_id="u" * 32)
    assert is_refused(unknown, 401, "invalid_client")
    assert unknown.json() == in_body.json()
    assert {name for name in unknown.headers if name != "date"} == {name for name in in_body.headers if name != "date"}


@pytest.mark.security("TE-04")
def test_an_unknown_client_takes_as_long_as_a_known_one(client: Client) -> None:
    known: list[float] = []
    unknown: list[float] = []
    machine = client.machine("timed")
    for number in range(30):
        for samples, client_id in ((known, machine["client_id"]), (unknown, f"u{number:031}")):
            begun = perf_counter()
            assert client.ask(client_id=client_id, client_secret="w" * 64).status_code == 401
            samples.append(perf_counter() - begun)
    ratio = statistics.median(known) / statistics.median(unknown)
    assert 0.5 < ratio < 2


@pytest.mark.security("TE-05")
def test_two_ways_of_authentication_are_one_too_many(client: Client) -> None:
    body = {"client_id": client.client_id, "client_secret": client.client_secret}
    assert is_refused(client.basic(client.client_id, client.client_secret, **body), 400, "invalid_request")
    assert is_refused(client.basic(client.client_id, client.client_secret, client_id="b" * 32), 400, "invalid_request")
    two = [("grant_type", "client_credentials"), ("client_assertion", "a"), ("client_assertion", "b")]
    assert is_refused(client.form(two), 400, "invalid_request")
    same = client.basic(client.client_id, client.client_secret, client_id=client.client_id)
    assert same.status_code == 200


@pytest.mark.security("TE-06")
def test_a_registered_method_is_exact_and_none_registered_takes_both(client: Client) -> None:
    basic = client.machine("basic only", token_endpoint_auth_method="client_secret_basic")
    post = client.machine("post only", token_endpoint_auth_method="client_secret_post")
    unset = client.machine("either")

    def as_basic(app: dict[str, Any]) -> requests.Response:
        return client.basic(app["client_id"], app["client_secret"])

    def as_post(app: dict[str, Any]) -> requests.Response:
        return client.ask(client_id=app["client_id"], client_secret=app["client_secret"])

    assert as_basic(basic).status_code == as_post(post).status_code == 200
    assert as_basic(unset).status_code == as_post(unset).status_code == 200
    assert is_refused(as_post(basic), 401, "invalid_client")
    assert is_refused(as_basic(post), 401, "invalid_client")


@pytest.mark.security("TE-08")
def test_an_answer_is_json_that_nobody_keeps(client: Client) -> None:
    answer = client.ask()
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["token_type"] == "Bearer"
    assert isinstance(answer.json()["expires_in"], int)


@pytest.mark.security("TE-09")
def test_public_clients_and_scopes_beyond_the_grant_are_refused(client: Client) -> None:
    public = client.made("clients", {"name": "public", "app_type": "spa", "token_endpoint_auth_method": "none"})
    asked = client.ask(client_id=public["client_id"], client_secret=None)
    assert (asked.status_code, asked.json()["error"]) in {(401, "invalid_client"), (400, "unauthorized_client")}
    assert is_refused(client.ask(scope="read:messages admin:everything"), 400, "invalid_scope")
    assert is_refused(client.ask(scope='bad"scope'), 400, "invalid_scope")


@pytest.mark.security("TE-10")
def test_a_target_that_is_not_granted_is_invalid(client: Client) -> None:
    assert is_refused(client.ask(audience="https://unknown.example/"), 400, "invalid_target")
    assert is_refused(client.ask(audience=client.management_audience), 400, "invalid_target")
    two = [("grant_type", "client_credentials"), ("client_id", client.client_id)]
    two += [("client_secret", client.client_secret), ("resource", client.audience), ("resource", "https://b.example/")]
    assert is_refused(client.form(two), 400, "invalid_target")
    assert client.ask(audience=None, resource=client.audience).status_code == 200
    assert is_refused(client.ask(audience=None), 400, "invalid_request")
    assert is_refused(client.ask(organization="org_1"), 400, "invalid_request")


@pytest.mark.security("TE-12")
def test_two_secrets_live_while_one_replaces_the_other(client: Client) -> None:
    app = client.machine("rotating")
    old = app["client_secret"]
    rotated = client.manage("POST", f"clients/{app['client_id']}/rotate-secret", {"previous_secret_lifetime": 3600})
    new = rotated.json()["client_secret"]

    def ask(secret: str) -> int:
        return client.ask(client_id=app["client_id"], client_secret=secret).status_code

    assert ask(old) == ask(new) == 200
    newest = client.manage("POST", f"clients/{app['client_id']}/rotate-secret").json()["client_secret"]
    assert [ask(old), ask(new), ask(newest)] == [401, 401, 200]


@pytest.mark.security("TE-12")
def test_the_replaced_secret_ends_when_its_time_has_come(client: Client) -> None:
    app = client.machine("ending")
    rotate = f"clients/{app['client_id']}/rotate-secret"
    assert client.manage("POST", rotate, {"previous_secret_lifetime": 2}).status_code == 200

    def ask() -> int:
        return client.ask(client_id=app["client_id"], client_secret=app["client_secret"]).status_code

    assert ask() == 200
    sleep(2.1)
    assert ask() == 401


@pytest.mark.security("TE-13")
def test_an_address_that_guesses_is_told_to_wait(client: Client) -> None:
    app = client.machine("guessed at")

    def guess(number: int) -> requests.Response:
        return client.ask(client_id=app["client_id"], client_secret=f"{number:064}")

    with ThreadPoolExecutor(8) as pool:
        statuses = [answer.status_code for answer in pool.map(guess, range(130))]
    assert statuses.count(401) <= 100
    limited = guess(999)
    assert is_refused(limited, 429, "too_many_requests")
    assert int(limited.headers["retry-after"]) >= 1
    right = client.ask(client_id=app["client_id"], client_secret=app["client_secret"])
    assert right.status_code == 429
    said = {"x-forwarded-for": "192.0.2.7", "forwarded": "for=192.0.2.7", "x-real-ip": "192.0.2.7"}
    given = {"grant_type": "client_credentials", "client_id": app["client_id"], "client_secret": "x"}
    assert client.form(given, headers=said).status_code == 429, "an address is not what a stranger calls it"
    assert client.ask().status_code == 200, "another client of the same address goes on"
    right_elsewhere = {**given, "client_secret": app["client_secret"], "audience": client.audience}
    with elsewhere() as owner:
        answer = owner.post(f"{client.issuer}oauth/token", data=right_elsewhere, timeout=10)
    assert answer.status_code == 200, answer.text


@pytest.mark.security("TE-14")
def test_a_clients_subject_is_nobody_elses(client: Client) -> None:
    refused = client.manage("POST", "clients", {"name": "x", "client_id": "auth0|someone"})
    assert refused.status_code == 400
    assert client.verified(client.token())["sub"].endswith("@clients")
