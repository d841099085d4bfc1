"""Secrets are shown once, by the answer that issues them; then they are in no answer, log, table or stream."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid1

import pytest

from libs.jose.keys import private_key_to_der
from tests.security.client import Client, Signer
from tests.security.insider import Insider
from tests.security.management import ROUTES, path_of
from tests.stack import Stack, until

IN_FILES: Final = ("secrets", "keys", "quickstart.env", "tls")
"""Where the operator keeps what processes need; nothing else of a data directory may hold a secret."""


@pytest.fixture(scope="module")
def secrets(client: Client, stack: Stack, insider: Insider) -> dict[str, str]:
    """A secret of every kind, after everything was done with them that can be done."""
    app = client.machine("secretive", client_metadata={"a": "b"})
    path = f"clients/{app['client_id']}"
    found = {"issued": app["client_secret"]}
    found["rotated"] = client.manage("POST", f"{path}/rotate-secret", {"previous_secret_lifetime": 60}).json()[
        "client_secret"
    ]
    key = {"idempotency-key": uuid1().hex}
    for name in ("named", "answered again"):
        answer = keyed(client, "clients", {"name": "named"}, key)
        found[name] = answer.json()["client_secret"]
    found["idempotency key"] = key["idempotency-key"]
    found["access token"] = client.token(client_id=app["client_id"], client_secret=found["rotated"])
    found["management token"] = client.management_token()
    found["wrong secret"] = "wr0ng-" + uuid1().hex
    everywhere(client, app["client_id"], found)
    return found | dict(kept(stack)) | dict(signing_keys(insider, client))


def keyed(client: Client, path: str, body: Any, headers: Mapping[str, str]) -> Any:
    headers = {"authorization": f"Bearer {client.management_token()}"} | dict(headers)
    return client.http.post(f"{client.issuer}api/v2/{path}", json=body, headers=headers, timeout=10)


def everywhere(client: Client, client_id: str, found: Mapping[str, str]) -> None:
    """Secrets where a careless program puts them: in queries, bodies that are refused, headers of another kind."""
    client.ask(client_id=client_id, client_secret=found["wrong secret"])
    client.basic(client_id, found["wrong secret"])
    client.form({"grant_type": "nonsense", "client_id": client_id, "client_secret": found["rotated"]})
    client.json(b'{"client_secret": "' + found["rotated"].encode() + b'", "client_secret": 1}')
    client.assertion(client_id, found["access token"])
    client.http.get(f"{client.issuer}api/v2/clients?access_token={found['access token']}", timeout=10)
    client.http.get(f"{client.issuer}oauth/token?client_secret={found['rotated']}", timeout=10)
    client.manage("PATCH", f"clients/{client_id}", {"client_secret": found["rotated"]})
    client.manage("GET", "clients", token=found["access token"])
    client.manage("GET", f"clients?q={found['rotated']}&client_secret={found['rotated']}")
    client.http.get(f"{client.issuer}api/v2/clients", auth=(client_id, found["rotated"]), timeout=10)
    client.manage("POST", "clients", {"name": "x", "signing_keys": [{"key": found["rotated"]}]})


def kept(stack: Stack) -> Iterator[tuple[str, str]]:
    """What the data directory keeps for the processes: passwords, and the key that wraps the others."""
    passwords = json.loads(stack.data.passwords.read_text())
    yield from ((f"password of {name}", value) for name, value in passwords.items() if isinstance(value, str))
    yield "key-encryption key", stack.data.key.read_text().strip().rpartition(":")[2]
    yield "quickstart", stack.env["LIMEN_CLIENT_SECRET"]
    yield "management", stack.env["LIMEN_MANAGEMENT_CLIENT_SECRET"]


def signing_keys(insider: Insider, client: Client) -> Iterator[tuple[str, str]]:
    """The current signing key, as it could be written by a careless hand."""
    der = private_key_to_der(insider.forger(client).private_key)
    # From the middle of the private numbers, away from what is public of the key.
    middle = der[len(der) // 2 : len(der) // 2 + 48]
    yield "signing key in hexadecimal", middle.hex()
    yield from ((f"signing key in base64 ({at})", base64.b64encode(middle[at:])[:-4].decode()) for at in range(3))


def seen(client: Client, stack: Stack, insider: Insider) -> Iterator[tuple[str, str]]:
    """Everything that somebody without the data directory's secrets may come to see."""
    ids = {"clients": "x", "signing": client.jwks()["keys"][0]["kid"]}
    token = client.management_token()
    for route in (each for each in ROUTES if each.method == "GET"):
        yield route.name, client.manage("GET", path_of(route, ids), token=token).text
    listed = [client.manage("GET", "clients?per_page=100", token=token)]
    while len(listed[-1].json()) == 100:
        listed.append(client.manage("GET", f"clients?per_page=100&page={len(listed)}", token=token))
    yield "GET /api/v2/clients", "\n".join(page.text for page in listed)
    for each in (app for page in listed for app in page.json()):
        yield "one client", client.manage("GET", f"clients/{each['client_id']}", token=token).text
    for service in ("gateway", "token", "login", "tenants", "key_rotation", "audit"):
        for page in ("/metrics", "/readyz", "/livez"):
            yield f"{page} of {service}", stack.admin(service, page).body.decode()
    yield (
        "rows",
        "\n".join(insider.texts("tenants", "token", "login", "connections", "key_rotation", "gateway", "audit")),
    )
    for file in sorted(stack.data.path.rglob("*")):
        if file.is_file() and not set(IN_FILES) & set(file.relative_to(stack.data.path).parts):
            yield str(file), readable(file)


def readable(file: Path) -> str:
    try:
        return file.read_bytes().decode("latin-1")
    except FileNotFoundError:  # A server may remove its own files at any time.
        return ""


@pytest.mark.security("AD-10", "KY-06")
def test_no_secret_is_anywhere_after_its_answer(
    client: Client, stack: Stack, insider: Insider, secrets: dict[str, str]
) -> None:
    assert len(set(secrets.values())) == len(secrets) - 1, "the answer to the same request is the same"
    mirrored(stack, insider)
    places = dict(seen(client, stack, insider))
    public = {place for place, text in places.items() if client.client_id in text}
    assert {"GET /api/v2/clients", "rows"} <= public
    assert {kind for kind in ("/nats/", "/logs/") if any(kind in place for place in public)} == {"/nats/", "/logs/"}
    assert [(name, place) for name, secret in secrets.items() for place, text in places.items() if secret in text] == []


def mirrored(stack: Stack, insider: Insider) -> None:
    """Wait until the streams hold what the logs do."""
    last = insider.rows("SELECT id::text FROM token.facts ORDER BY pos DESC LIMIT 1")[0]["id"]
    until(lambda: last in json.dumps(stack.events("--log", "facts", "--from", "1")))


@pytest.mark.security("AD-10")
def test_an_error_does_not_repeat_a_secret(client: Client) -> None:
    secret, private = "s3cret-" + uuid1().hex, Signer.new()
    pem = base64.b64encode(private_key_to_der(private.private)).decode()
    app = client.machine("erring")
    bodies: list[Any] = [
        {"name": "x", "client_secret": secret},
        {"name": "x", "addons": {"firebase": {"private_key": secret}}},
        {"name": "x", "signing_keys": [{"key": secret}]},
        {"name": "x", "client_authentication_methods": {"private_key_jwt": {"credentials": [{"pem": pem}]}}},
        {"name": "x", "encryption_key": {"priv": secret}},
        [secret],
    ]
    for body in bodies:
        answer = client.manage("POST", "clients", body)
        assert answer.status_code == 400, body
        assert secret not in answer.text, body
        assert pem not in answer.text, body
    for answer in (
        client.ask(client_id=app["client_id"], client_secret=secret),
        client.ask(client_secret=secret, scope="x y"),
        client.json({"client_secret": [secret]}),
        client.assertion(app["client_id"], secret),
        client.manage("GET", "clients", token=secret),
    ):
        assert answer.status_code in {400, 401}
        assert secret not in answer.text
