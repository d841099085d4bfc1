"""People sign in to applications that use unmodified SDKs over `limen up --tls`."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
from auth0.authentication import Database, GetToken, RevokeToken, Users
from auth0.authentication.exceptions import Auth0Error
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier, TokenVerifier
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt

from tests.browser import Browser, browsing
from tests.mailbox import link, mail
from tests.relying_party import (
    CALLBACK,
    PASSWORD,
    Account,
    Application,
    Attempt,
    RelyingParty,
    account,
    api,
    public,
    register,
)
from tests.sdk.conftest import Node
from tests.stack import Stack, until

CONNECTION: Final = "Username-Password-Authentication"
ONCE: Final[Any] = {"max_retries": 0}
SCOPE: Final = "openid profile email offline_access"

pytestmark = pytest.mark.usefixtures("trusting")


@pytest.fixture(scope="module")
def ada(tls: Stack) -> Account:
    return account(tls, name="Ada Lovelace")


@pytest.fixture(scope="module")
def audience(tls: Stack) -> str:
    return api(tls)


@pytest.fixture(scope="module")
def web(tls: Stack) -> Application:
    return register(tls)


@pytest.fixture
def browser(tls: Stack) -> Iterator[Browser]:
    with browsing(tls) as one:
        yield one


class Coming:
    """How a person comes to an application: with a code, by the login page."""

    def __init__(self, stack: Stack, browser: Browser, ada: Account, audience: str) -> None:
        self.stack, self.browser, self.ada, self.audience = stack, browser, ada, audience

    def back(self, url: str) -> str:
        """The address at which the browser arrives after the login that begins at `url`."""
        page = self.browser.open(url)
        landing = page if page.landed else self.browser.sign_in(page, self.ada.email, self.ada.password)
        return f"{landing.address}?{urlencode(landing.parameters)}"

    def with_code(self, application: Application, *, pkce: bool = False) -> tuple[str, Attempt]:
        rp = RelyingParty(self.stack, application)
        rp.pkce = pkce
        attempt = rp.attempt(scope=SCOPE, audience=self.audience, nonce=None)
        page = self.browser.open(attempt.url)
        landing = page if page.landed else self.browser.sign_in(page, self.ada.email, self.ada.password)
        code = rp.code(attempt, landing)
        rp.close()
        return code, attempt


@pytest.fixture
def coming(tls: Stack, browser: Browser, ada: Account, audience: str) -> Coming:
    return Coming(tls, browser, ada, audience)


# auth0-python


def test_auth0_python_redeems_a_code_and_verifies_the_id_token(
    tls: Stack, coming: Coming, web: Application, ada: Account
) -> None:
    code, _ = coming.with_code(web)
    got = GetToken(tls.env["LIMEN_DOMAIN"], web.client_id, client_secret=web.client_secret)
    tokens = got.authorization_code(code=code, redirect_uri=CALLBACK)
    keys = AsymmetricSignatureVerifier(f"{tls.issuer}.well-known/jwks.json")
    claims = TokenVerifier(keys, issuer=tls.issuer, audience=web.client_id, leeway=5).verify(tokens["id_token"])
    assert (claims["email"], claims["name"]) == (ada.email, "Ada Lovelace")
    assert Users(tls.env["LIMEN_DOMAIN"]).userinfo(tokens["access_token"])["email"] == ada.email


def test_auth0_python_renews_and_revokes(tls: Stack, coming: Coming, web: Application) -> None:
    code, _ = coming.with_code(web)
    domain = tls.env["LIMEN_DOMAIN"]
    got = GetToken(domain, web.client_id, client_secret=web.client_secret)
    tokens = got.authorization_code(code=code, redirect_uri=CALLBACK)
    renewed = got.refresh_token(tokens["refresh_token"])
    assert renewed["access_token"] != tokens["access_token"]
    kept = renewed.get("refresh_token", tokens["refresh_token"])
    RevokeToken(domain, web.client_id, client_secret=web.client_secret).revoke_refresh_token(kept)
    with pytest.raises(Auth0Error) as refused:
        got.refresh_token(kept)
    assert (refused.value.error_code, refused.value.message) == (
        "invalid_grant",
        "Unknown or invalid refresh token.",
    )


def test_auth0_python_proves_a_public_application_by_pkce(tls: Stack, coming: Coming) -> None:
    native = public(tls)
    code, attempt = coming.with_code(native, pkce=True)
    got = GetToken(tls.env["LIMEN_DOMAIN"], native.client_id)
    with pytest.raises(Auth0Error) as refused:
        got.authorization_code_pkce("x" * 43, code, CALLBACK)
    assert (refused.value.error_code, refused.value.message) == ("invalid_grant", "Failed to verify code verifier")
    assert attempt.verifier is not None
    tokens = got.authorization_code_pkce(attempt.verifier, code, CALLBACK)
    assert got.refresh_token(tokens["refresh_token"])["refresh_token"] != tokens["refresh_token"]


def test_auth0_python_signs_somebody_up_who_then_resets_the_password(
    tls: Stack, web: Application, browser: Browser
) -> None:
    database = Database(tls.env["LIMEN_DOMAIN"], web.client_id)
    email = "grace.python@example.com"
    made = database.signup(email, PASSWORD, CONNECTION, name="Grace Hopper", user_metadata={"ship": "Missouri"})
    assert (made["email"], made["email_verified"]) == (email, False)
    for weak in ("short", "password1234"):
        with pytest.raises(Auth0Error) as refused:
            database.signup("weak@example.com", weak, CONNECTION)
        assert refused.value.error_code == "invalid_password"
    assert database.change_password(email, CONNECTION) == database.change_password("nobody@example.com", CONNECTION)
    page = browser.open(link(tls, email, "reset_email"))
    inputs = {name: "Another fine otter 48" for name, kind in page.form().types.items() if kind == "password"}
    assert browser.submit(page, inputs).status == 200
    assert mail(tls, email, "password_changed")


@pytest.fixture
def management(tls: Stack) -> Iterator[Any]:
    env = tls.env
    with httpx.Client() as pool:
        yield ManagementClient(
            domain=env["LIMEN_DOMAIN"],
            client_id=env["LIMEN_MANAGEMENT_CLIENT_ID"],
            client_secret=env["LIMEN_MANAGEMENT_CLIENT_SECRET"],
            httpx_client=pool,
        )


def test_auth0_python_keeps_users(management: Any) -> None:
    users = management.users
    made = users.create(connection=CONNECTION, email="python.user@example.com", password=PASSWORD, name="Py")
    assert users.get(made.user_id).name == "Py"
    assert users.update(made.user_id, user_metadata={"colour": "green"}).user_metadata == {"colour": "green"}
    assert [each.user_id for each in users.list_users_by_email(email="python.user@example.com")] == [made.user_id]
    assert [each.user_id for each in users.list(q='email:"python.user@example.com"')] == [made.user_id]
    with pytest.raises(ApiError) as there:
        users.create(connection=CONNECTION, email="Python.User@example.com", password=PASSWORD, request_options=ONCE)
    assert there.value.status_code == 409
    users.delete(made.user_id)
    with pytest.raises(ApiError) as gone:
        users.get(made.user_id, request_options=ONCE)
    assert (gone.value.status_code, gone.value.body["errorCode"]) == (404, "inexistent_user")


def test_auth0_python_lists_every_user_page_by_page(management: Any, tls: Stack) -> None:
    made = {account(tls).user_id for _ in range(5)}
    seen = [each.user_id for each in management.users.list(per_page=2)]
    assert made <= set(seen)
    assert len(seen) == len(set(seen))


def test_auth0_python_sees_and_ends_sessions_and_grants(
    management: Any, tls: Stack, coming: Coming, web: Application, ada: Account
) -> None:
    code, _ = coming.with_code(web)
    got = GetToken(tls.env["LIMEN_DOMAIN"], web.client_id, client_secret=web.client_secret)
    tokens = got.authorization_code(code=code, redirect_uri=CALLBACK)
    sessions = list(management.users.sessions.list(ada.user_id))
    assert sessions
    assert management.sessions.get(sessions[0].id).user_id == ada.user_id
    noted = management.sessions.update(sessions[0].id, session_metadata={"shop": "Rome"})
    assert (noted.session_metadata, noted.device.last_ip) == ({"shop": "Rome"}, "127.0.0.1")
    held = next(iter(management.refresh_tokens.list(user_id=ada.user_id, client_id=web.client_id)))
    assert held.id in [each.id for each in management.users.refresh_token.list(ada.user_id)]
    assert management.refresh_tokens.update(held.id, refresh_token_metadata={"a": "b"}).refresh_token_metadata
    management.users.revoke_access(ada.user_id, session_id=sessions[0].id, preserve_refresh_tokens=True)
    for session in sessions:
        management.sessions.revoke(session.id)
    assert Users(tls.env["LIMEN_DOMAIN"]).protocol == "https"
    with pytest.raises(Auth0Error):
        got.refresh_token(tokens["refresh_token"])
    management.refresh_tokens.revoke(user_id=ada.user_id)
    assert not list(management.refresh_tokens.list(user_id=ada.user_id))


def test_auth0_python_reads_what_happened_to_a_user(
    management: Any, tls: Stack, browser: Browser, audience: str, web: Application
) -> None:
    person, another = account(tls), account(tls)
    coming = Coming(tls, browser, person, audience)
    code, _ = coming.with_code(web)
    got = GetToken(tls.env["LIMEN_DOMAIN"], web.client_id, client_secret=web.client_secret)
    got.authorization_code(code=code, redirect_uri=CALLBACK)

    def log(**query: Any) -> list[Any]:
        return list(management.users.logs.list(person.user_id, **query))

    until(lambda: {"sapi", "s", "seacft"} <= {each.type for each in log()})
    entries = log(per_page=1, sort="date:1")
    assert [each.log_id for each in entries] == sorted(each.log_id for each in entries)
    assert {each.user_id for each in entries} == {person.user_id}
    assert next(each for each in entries if each.type == "s").ip == "127.0.0.1"
    assert [each.log_id for each in log()] == [each.log_id for each in reversed(entries)]
    assert entries[0].model_dump(exclude={"user_id"}) == management.logs.get(entries[0].log_id).model_dump(
        exclude={"user_id"}
    )
    others = {each.log_id for each in management.users.logs.list(another.user_id)}
    assert others.isdisjoint(each.log_id for each in entries)
    management.users.delete(person.user_id)
    with pytest.raises(ApiError) as gone:
        management.users.logs.list(person.user_id, request_options=ONCE)
    assert (gone.value.status_code, gone.value.body["errorCode"]) == (404, "inexistent_user")


def test_auth0_python_configures_connections(management: Any, web: Application) -> None:
    names = [each.name for each in management.connections.list(strategy=["auth0"])]
    assert CONNECTION in names
    made = management.connections.create(name="second-database", strategy="auth0")
    assert management.connections.get(made.id).name == "second-database"
    management.connections.clients.update(made.id, request=[{"client_id": web.client_id, "status": True}])
    assert [each.client_id for each in management.connections.clients.get(made.id)] == [web.client_id]
    assert made.id in [each.id for each in management.clients.connections.get(web.client_id)]
    user = management.users.create(connection="second-database", email="gone@example.com", password=PASSWORD)
    management.connections.users.delete_by_email(made.id, email="gone@example.com")
    with pytest.raises(ApiError):
        management.users.get(user.user_id, request_options=ONCE)
    management.connections.delete(made.id)
    assert "second-database" not in [each.name for each in management.connections.list(strategy=["auth0"])]


# node


def test_node_auth0_legacy_takes_codes_and_keeps_sessions_alive(
    tls: Stack, node: Node, coming: Coming, web: Application, ada: Account
) -> None:
    plain, _ = coming.with_code(web)
    proven, attempt = coming.with_code(web, pkce=True)
    told = node.script(
        "legacy.mjs",
        tls,
        APP_CLIENT_ID=web.client_id,
        APP_CLIENT_SECRET=str(web.client_secret),
        CALLBACK=CALLBACK,
        CODE=plain,
        PROVEN_CODE=proven,
        VERIFIER=str(attempt.verifier),
        NEWCOMER="legacy.node@example.com",
        PASSWORD=PASSWORD,
    )
    assert told["first"] == ["access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"]
    assert told["wrongVerifier"] == [400, "invalid_grant", "Failed to verify code verifier"]
    assert (told["user"], told["renewed"]) == (ada.email, True)
    assert told["revoked"] == [400, "invalid_grant", "Unknown or invalid refresh token."]
    assert told["signedUp"] == ["legacy.node@example.com", False, True]
    assert told["reset"] == "We've just sent you an email to reset your password."


def test_auth0_auth_js_goes_the_whole_way(
    tls: Stack, node: Node, coming: Coming, web: Application, ada: Account, audience: str
) -> None:
    environ = {
        "APP_CLIENT_ID": web.client_id,
        "APP_CLIENT_SECRET": str(web.client_secret),
        "APP_AUDIENCE": audience,
        "CALLBACK": CALLBACK,
        "EMAIL": ada.email,
        "NEWCOMER": "auth.js@example.com",
        "PASSWORD": PASSWORD,
    }
    with node.talking("auth_js.mjs", tls, **environ) as script:
        script.hears(coming.back(script.says()["authorize"]))
        told = script.says()
    assert told["claims"] == [True, True, True]
    assert (told["renewed"], told["revoked"]) == (True, "invalid_grant")
    assert told["signedUp"] == ["auth.js@example.com", False]
    assert told["weak"] == "invalid_password"
    assert told["reset"] == "string"
    assert told["logout"].startswith(f"{tls.issuer}oidc/logout?")


def test_node_auth0_keeps_users(tls: Stack, node: Node) -> None:
    told = node.script("users.mjs", tls, PASSWORD=PASSWORD)
    assert told["made"] == ["node.user@example.com", "Node", False, True, CONNECTION]
    assert told["read"] == ["knot", "green"]
    assert (told["byEmail"], told["found"]) == ([True], True)
    assert CONNECTION in told["connections"]
    assert told["sessions"] == []
    assert (told["ticket"], told["verification"]) == ("/u/reset-password", "/u/verify-email")
    assert told["twice"][0] == 409
    assert told["gone"] == [404, "inexistent_user"]


# authlib


def test_authlib_signs_somebody_in_knowing_only_openid(tls: Stack, coming: Coming, web: Application) -> None:
    metadata = httpx.get(f"{tls.issuer}.well-known/openid-configuration").json()
    with OAuth2Session(
        client_id=web.client_id,
        client_secret=web.client_secret,
        scope="openid profile email",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
    ) as client:
        verifier = "v" * 50
        url, state = client.create_authorization_url(
            metadata["authorization_endpoint"], nonce="a nonce", code_verifier=verifier
        )
        tokens = client.fetch_token(
            metadata["token_endpoint"], authorization_response=coming.back(url), state=state, code_verifier=verifier
        )
        rp = RelyingParty(tls, web)
        keys = rp.keys()
        rp.close()
        claims = CodeIDToken(jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims, {})
        claims.options = {"iss": {"value": tls.issuer}, "aud": {"value": web.client_id}}
        claims.params = {"nonce": "a nonce", "client_id": web.client_id, "access_token": tokens["access_token"]}
        claims.header = {"alg": "RS256"}
        claims.validate(leeway=5)
        assert client.get(metadata["userinfo_endpoint"]).json()["sub"] == claims["sub"]
