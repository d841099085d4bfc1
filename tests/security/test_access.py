"""Who may use the Management API: every route of every service, tried by everybody who may not."""

from time import time  # noqa: TID251  # a forger has a clock of its own
from typing import Any, Final

import pytest

from libs.edge import Route
from tests.security.client import Client
from tests.security.insider import Forger, Insider
from tests.security.management import ROUTES, SCOPES, body_of, named, path_of

NOT_A_TOKEN: Final = ("", "garbage", "a.b.c", "Bearer x", "\x7f")
TOLD: Final = {"statusCode", "error", "message", "errorCode"}
OTHER_KINDS: Final = ("logout+jwt", "dpop+jwt", "secevent+jwt", "oauth-authz-req+jwt", "token-introspection+jwt", "")


@pytest.fixture(scope="session")
def strangers(client: Client, other: Client, insider: Insider, forger: Forger) -> dict[str, str]:
    """Tokens with every scope that are not for this API, from somebody else, too old, or of another kind."""
    scope, now = " ".join(SCOPES), int(time())
    elsewhere = insider.forger(other)
    claims: dict[str, dict[str, Any]] = {
        "for another API": {"aud": client.audience},
        "for an API whose name begins like ours": {"aud": client.management_audience + "x"},
        "for the API without its slash": {"aud": client.management_audience.rstrip("/")},
        "for nobody": {"aud": None},
        "an ID token": {"aud": client.management_client_id, "sub": "auth0|1", "nonce": "n"},
        "for the other tenant": {"aud": other.management_audience, "iss": other.issuer},
        "by another issuer": {"iss": other.issuer},
        "by the issuer without its slash": {"iss": client.issuer.rstrip("/")},
        "expired": {"exp": now - 61, "iat": now - 600},
        "not yet good": {"nbf": now + 600},
        "for ever": {"exp": None},
        "of no subject": {"sub": None},
    }
    tokens = {name: forger.token(scope, **given) for name, given in claims.items()}
    tokens |= {f"of type {typ!r}": forger.token(scope, typ=typ) for typ in OTHER_KINDS}
    mine = {"iss": client.issuer, "aud": client.management_audience}
    return tokens | {
        "another application's": client.token(),
        "another tenant's": other.management_token(),
        "signed by another tenant": elsewhere.token(scope, **mine),
    }


def asked(client: Client, route: Route, mine: dict[str, str], authorization: str | None) -> Any:
    headers = {} if authorization is None else {"authorization": authorization.encode()}
    known = {"client_id": mine["clients"], "audience": client.audience, "allowed_signing_algs": ["RS256", "ES256"]}
    url = f"{client.issuer}api/v2/{path_of(route, mine)}"
    return client.http.request(route.method, url, json=body_of(route, **known), headers=headers, timeout=10)


def tells_nothing(answer: Any, mine: dict[str, str]) -> bool:
    return set(answer.json()) <= TOLD and not [each for each in mine.values() if each in answer.text]


@pytest.mark.security("AD-01", "JO-14", "RS-02", "RS-05")
@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_a_route_is_closed_to_strangers(
    client: Client, insider: Insider, strangers: dict[str, str], mine: dict[str, str], route: Route
) -> None:
    with insider.nothing_changes():
        nobody = asked(client, route, mine, None)
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
        for text in NOT_A_TOKEN:
            assert asked(client, route, mine, f"Bearer {text}").status_code in {400, 401}, text
        for name, token in strangers.items():
            answer = asked(client, route, mine, f"Bearer {token}")
            assert answer.status_code == 401, (name, answer.text)
            assert tells_nothing(answer, mine), name


def nearly(scopes: tuple[str, ...]) -> list[Any]:
    """Every scope there is but those that open a route, and what somebody might take for them."""
    rest = [scope for scope in SCOPES if scope not in scopes]
    like = [f"{scope}s" for scope in scopes] + [scope.upper() for scope in scopes] + [f"x:{scope}" for scope in scopes]
    return ["", "*", None, " ".join(rest + like), list(scopes), ",".join(scopes * 2), "\t".join(scopes * 2)]


@pytest.mark.security("AD-01")
@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_a_route_is_closed_to_who_has_every_scope_but_its_own(
    client: Client, insider: Insider, forger: Forger, mine: dict[str, str], route: Route
) -> None:
    scopes = route.scopes or ()
    with insider.nothing_changes():
        for scope in nearly(scopes):
            answer = asked(client, route, mine, f"Bearer {forger.token(scope, permissions=[*scopes])}")
            assert (answer.status_code, answer.json()["errorCode"]) == (403, "insufficient_scope"), scope
            assert tells_nothing(answer, {"client": mine["clients"]})
            assert set(answer.json()["message"].rpartition(": ")[2].split(",")) == set(scopes)


@pytest.mark.parametrize("route", [each for each in ROUTES if each.method == "GET"], ids=named)
def test_each_of_a_routes_scopes_opens_it(client: Client, forger: Forger, mine: dict[str, str], route: Route) -> None:
    promised = route.operation.status if route.operation else 200
    for scope in route.scopes or ():
        # Who may read themself alone is the one whom the path names.
        own = {"sub": mine["users"]} if scope.endswith(":current_user") else {}
        answer = asked(client, route, mine, f"Bearer {forger.token(scope, **own)}")
        assert answer.status_code in {promised, 404}, (scope, answer.text)
    accepted = forger.token(
        " ".join(SCOPES), typ="at+jwt", aud=[client.management_audience, f"{client.issuer}userinfo"]
    )
    assert asked(client, route, mine, f"Bearer {accepted}").status_code in {promised, 404}
