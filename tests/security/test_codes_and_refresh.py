"""CO, RT and OI-05: codes and refresh tokens are good once, for one application, while the person may."""

import pytest

from tests.journey import OFFLINE, ROTATING, Journey, is_refused
from tests.relying_party import CALLBACK, RelyingParty, Tokens, account, api, public, register
from tests.security.conftest import MakeJourney
from tests.stack import Stack


@pytest.fixture
def rotating(begin: MakeJourney, stack: Stack) -> Journey:
    """A public application whose refresh tokens are good once."""
    return begin(application=public(stack, refresh_token=ROTATING))


@pytest.mark.security("CO-01")
def test_a_spent_code_ends_everything_it_gave(begin: MakeJourney) -> None:
    go = begin()
    attempt, code = go.code(scope=OFFLINE)
    given = go.rp.judged(go.rp.exchange(attempt, code), attempt.parameters["nonce"])
    assert is_refused(go.rp.exchange(attempt, code))
    assert go.rp.ask_userinfo(given.access_token).status_code == 401
    assert is_refused(go.rp.renewed(given.refresh_token))


@pytest.mark.security("CO-04")
def test_a_code_is_for_its_redirect_uri(begin: MakeJourney) -> None:
    go = begin(callbacks=[CALLBACK, f"{CALLBACK}/2"])
    attempt, code = go.code()
    assert is_refused(go.rp.exchange(attempt, code, redirect_uri=f"{CALLBACK}/2"))
    form = {"grant_type": "authorization_code", "code": code}
    assert is_refused(go.rp.token(**form))


@pytest.mark.security("CO-04")
def test_a_redirect_uri_that_nobody_said_need_not_be_repeated(begin: MakeJourney) -> None:
    go = begin()
    attempt = go.rp.attempt(redirect_uri=None, scope="profile")
    code = go.landing(attempt).parameters["code"]
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": attempt.verifier or ""}
    assert is_refused(go.rp.token(**form, redirect_uri=f"{CALLBACK}/2"))
    assert go.rp.token(**form).status_code == 200


@pytest.mark.security("CO-04")
def test_a_code_is_for_its_application(go: Journey, stack: Stack) -> None:
    attempt, code = go.code()
    thief = RelyingParty(stack, register(stack))
    assert is_refused(thief.exchange(attempt, code))
    assert go.rp.exchange(attempt, code).status_code == 200, "a stranger's attempt must not spend it"
    thief.close()


@pytest.mark.security("CO-06")
def test_a_code_or_refresh_token_that_is_almost_right_is_wrong(begin: MakeJourney) -> None:
    go = begin()
    attempt, code = go.code(scope=OFFLINE)
    assert is_refused(go.rp.exchange(attempt, ""), "invalid_request")
    for wrong in _almost(code):
        assert is_refused(go.rp.exchange(attempt, wrong)), wrong
    given = go.rp.judged(go.rp.exchange(attempt, code), attempt.parameters["nonce"])
    for wrong in _almost(given.refresh_token):
        assert is_refused(go.rp.renewed(wrong)), wrong
        assert go.rp.revoke(wrong).status_code == 200, wrong
    for wrong in (given.access_token[:-1], f"{given.access_token}=", given.access_token.swapcase()):
        assert go.rp.ask_userinfo(wrong).status_code == 401
    assert go.rp.renewed(given.refresh_token).status_code == 200


def _almost(secret: str) -> list[str]:
    flipped = "A" if secret[-5] != "A" else "B"
    return [
        *(secret[:-1], f"{secret[:-5]}{flipped}{secret[-4:]}", secret.swapcase(), f"{secret}%00", f"{secret} "),
        *(f"{secret}=", f"{secret}\0", secret + secret[-1]),
    ]


@pytest.mark.security("CO-09")
def test_codes_have_nothing_in_common(go: Journey) -> None:
    codes = [go.code()[1] for _ in range(60)]
    assert len(set(codes)) == len(codes)
    assert sorted(codes) != codes
    for place in range(4, 24):
        assert len({code[place] for code in codes}) > 10, f"place {place} hardly changes"


@pytest.mark.security("CO-10")
@pytest.mark.parametrize("what", ["blocked", "deleted", "client", "session", "password"])
def test_a_code_dies_with_what_it_stands_on(begin: MakeJourney, stack: Stack, what: str) -> None:
    go = begin()
    attempt, code = go.code(scope=OFFLINE)
    _end(go, stack, what)
    answer = go.rp.exchange(attempt, code)
    if what == "client":
        assert is_refused(answer, "invalid_client", 401)
    else:
        assert is_refused(answer)


@pytest.mark.security("RT-06")
@pytest.mark.parametrize("what", ["blocked", "deleted", "password", "session"])
def test_a_refresh_token_dies_with_what_it_stands_on(begin: MakeJourney, stack: Stack, what: str) -> None:
    go = begin()
    given = go.tokens(scope=OFFLINE)
    _end(go, stack, what)
    assert is_refused(go.rp.renewed(given.refresh_token))
    if what != "session":
        assert go.rp.ask_userinfo(given.access_token).status_code == 401


@pytest.mark.security("RS-08")
def test_access_that_is_revoked_leaves_a_refresh_token_only_where_it_is_to_be_kept(go: Journey, stack: Stack) -> None:
    revoke = f"users/{go.person.user_id.replace('|', '%7C')}/revoke-access"
    given = go.tokens(scope=OFFLINE)
    for keeps, status in ((True, 200), (False, 400)):
        body = {"session_id": given.claims["sid"], "preserve_refresh_tokens": keeps}
        assert stack.management("POST", revoke, body).status == 202
        assert go.error(prompt="none") == "login_required"
        assert go.rp.renewed(given.refresh_token).status_code == status


def _end(go: Journey, stack: Stack, what: str) -> None:
    """Take away what a grant needs."""
    user = f"users/{go.person.user_id.replace('|', '%7C')}"
    if what == "blocked":
        answer = stack.management("PATCH", user, {"blocked": True})
    elif what == "deleted":
        answer = stack.management("DELETE", user)
    elif what == "client":
        answer = stack.management("DELETE", f"clients/{go.client_id}")
    elif what == "password":
        answer = stack.management("PATCH", user, {"password": "Quite another otter 49"})
    else:
        listed = stack.management("GET", f"{user}/sessions").json()["sessions"]
        answer = stack.management("POST", f"sessions/{listed[0]['id']}/revoke")
    assert answer.status in {200, 202, 204}, answer.body


@pytest.mark.security("RT-01")
def test_a_refresh_token_that_comes_again_ends_its_family(rotating: Journey) -> None:
    first = rotating.tokens(scope=OFFLINE)
    second = rotating.rp.judged(rotating.rp.renewed(first.refresh_token))
    assert second.refresh_token != first.refresh_token
    assert is_refused(rotating.rp.renewed(first.refresh_token))
    assert is_refused(rotating.rp.renewed(second.refresh_token))
    assert rotating.rp.ask_userinfo(second.access_token).status_code == 401


@pytest.mark.security("RT-04")
def test_a_renewed_token_may_be_narrower_but_never_wider(begin: MakeJourney, stack: Stack) -> None:
    go, audience = begin(), api(stack)
    given = go.tokens(scope=f"{OFFLINE} read:things", audience=audience)
    assert is_refused(go.rp.renewed(given.refresh_token, scope="openid read:things write:things"), "invalid_scope")
    narrow = go.rp.judged(go.rp.renewed(given.refresh_token, scope="openid"))
    again = go.rp.judged(go.rp.renewed(_newest(narrow, given)))
    assert set(given.answer["scope"].split()) == set(again.answer["scope"].split())


def _newest(tokens: Tokens, before: Tokens) -> str:
    return str(tokens.answer.get("refresh_token", before.refresh_token))


@pytest.mark.security("RT-08", "RS-05")
def test_no_kind_of_token_stands_for_another(begin: MakeJourney) -> None:
    go = begin()
    given = go.tokens(scope=OFFLINE)
    for wrong in (given.refresh_token, given.id_token):
        assert go.rp.ask_userinfo(wrong).status_code == 401
        answer = go.stack.request("GET", "/api/v2/users", headers={"authorization": f"Bearer {wrong}"})
        assert answer.status == 401
    for wrong in (given.access_token, given.id_token):
        assert is_refused(go.rp.renewed(wrong))


@pytest.mark.security("RT-09")
def test_nobody_gets_a_refresh_token_who_may_not_have_one(begin: MakeJourney, stack: Stack) -> None:
    assert "refresh_token" not in begin(grant_types=["authorization_code"]).tokens(scope=OFFLINE).answer
    online = api(stack, allow_offline_access=False)
    assert "refresh_token" not in begin().tokens(scope=OFFLINE, audience=online).answer
    assert "refresh_token" not in begin().tokens(scope="openid").answer


@pytest.mark.security("RT-10", "OI-05")
def test_renewing_tells_of_the_first_login_and_brings_no_nonce(begin: MakeJourney) -> None:
    go = begin()
    first = go.tokens(scope=OFFLINE, max_age="1000", nonce="  a nonce, byte for byte +%20 ")
    again = go.rp.judged(go.rp.renewed(first.refresh_token))
    assert "nonce" not in again.claims
    for name in ("auth_time", "sub", "sid", "amr"):
        assert again.claims.get(name) == first.claims.get(name), name


def test_a_revoked_refresh_token_is_over_and_revoking_tells_nothing(begin: MakeJourney, stack: Stack) -> None:
    go = begin()
    given = go.tokens(scope=OFFLINE)
    thief = RelyingParty(stack, register(stack))
    assert thief.revoke(given.refresh_token).status_code == 200
    thief.close()
    assert go.rp.revoke("v1.unknown").status_code == 200
    renewed = go.rp.judged(go.rp.renewed(given.refresh_token))
    assert go.rp.revoke(_newest(renewed, given)).status_code == 200
    assert is_refused(go.rp.renewed(_newest(renewed, given)))


@pytest.mark.security("CO-10")
def test_a_consent_that_is_taken_back_ends_the_code(begin: MakeJourney, stack: Stack) -> None:
    go = begin(is_first_party=False, person=account(stack))
    attempt, code = go.code(scope="openid email")
    user = go.person.user_id.replace("|", "%7C")
    (grant,) = stack.management("GET", f"grants?user_id={user}").json()
    assert stack.management("DELETE", f"grants/{grant['id']}").status == 204
    assert is_refused(go.rp.exchange(attempt, code))
