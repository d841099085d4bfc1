"""The rules of consents: given, widened, taken back, and given anew from nothing."""

from typing import Final

from services.login.commands import GiveConsent, RevokeConsent
from services.login.events import ConsentGiven, ConsentRevoked
from services.login.rules import consent
from services.login.rules.consent import Consent, NoConsent, State, consent_id_of
from tests.spec import Spec

CONSENTS: Final[Spec[State]] = Spec(consent.evolve, NoConsent())
REVOKE: Final = RevokeConsent("acme", "c1")
REVOKED: Final = ConsentRevoked(person="p1", consent_id="c1", client_id="app", audience=None)


def give(*scope: str) -> GiveConsent:
    return GiveConsent("acme", "c1", "p1", "app", None, scope)


def given(*scope: str) -> ConsentGiven:
    return ConsentGiven(person="p1", consent_id="c1", client_id="app", audience=None, scope=list(scope))


def test_what_is_allowed_is_added_to_what_was() -> None:
    CONSENTS.when(consent.give, give("openid")).then(given("openid"))
    allowed = CONSENTS.given(given("openid"))
    allowed.when(consent.give, give("openid")).then_nothing()
    allowed.when(consent.give, give("read", "openid")).then(given("openid", "read"))


def test_what_was_taken_back_covers_nothing_and_is_not_there_when_more_is_allowed() -> None:
    CONSENTS.when(consent.revoke, REVOKE).then_nothing()
    CONSENTS.given(given("openid", "read")).when(consent.revoke, REVOKE).then(REVOKED)
    taken = CONSENTS.given(given("openid", "read"), REVOKED)
    assert isinstance(taken.state, Consent)
    for scope in ((), ("openid",)):
        assert not taken.state.covers(scope)
    taken.when(consent.revoke, REVOKE).then_nothing()
    taken.when(consent.give, give("email")).then(given("email"))


def test_a_consent_covers_no_more_than_was_allowed() -> None:
    allowed = CONSENTS.given(given("openid", "read")).state
    assert isinstance(allowed, Consent)
    for scope in ((), ("read",), ("read", "openid")):
        assert allowed.covers(scope)
    assert not allowed.covers(("read", "write"))


def test_each_person_application_and_api_has_a_consent_of_its_own() -> None:
    several = [
        ("acme", "p1", "app", None),
        ("other", "p1", "app", None),
        ("acme", "p2", "app", None),
        ("acme", "p1", "shop", None),
        ("acme", "p1", "app", "https://api.example/"),
    ]
    assert len({consent_id_of(*each) for each in several}) == len(several)
