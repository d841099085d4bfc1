"""The rules of a tenant: it does, it refuses, it stays quiet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.eventstore import Event
from services.tenants.commands import ChangeSettings, MarkPrepared, MoveTenant, RegisterTenant
from services.tenants.events import (
    TenantDomainChanged,
    TenantOpened,
    TenantPartPrepared,
    TenantRegistered,
    TenantSettingsChanged,
)
from services.tenants.rules.settings import MandatoryAlgorithmMissing, effective
from services.tenants.rules.tenant import (
    PARTS,
    DomainTaken,
    Entry,
    NoSuchTenant,
    NotATenant,
    TenantExists,
    change_settings,
    evolve,
    mark_prepared,
    move,
    register,
)
from tests.spec import NOW, Spec

TENANTS = Spec(evolve, Entry())
REGISTERED = TenantRegistered(name="Acme", domain="id.acme.example", scheme="https")
ACME = RegisterTenant(tenant="acme", name="Acme", domain="id.acme.example", scheme="https")


def test_a_tenant_is_registered() -> None:
    TENANTS.when(register, ACME).then(REGISTERED)


def test_a_domain_is_kept_in_one_spelling() -> None:
    command = RegisterTenant(tenant="acme", name="Acme", domain="ID.Acme.example:443", scheme="https")
    TENANTS.when(register, command).then(REGISTERED)


def test_registering_the_same_again_is_quiet() -> None:
    TENANTS.given(REGISTERED).when(register, ACME).then_nothing()


def test_an_id_is_not_given_twice() -> None:
    other = RegisterTenant(tenant="acme", name="Other", domain="other.example", scheme="https")
    TENANTS.given(REGISTERED).when(register, other).then_refused(TenantExists)


def test_a_domain_is_not_given_twice() -> None:
    Spec(evolve, Entry(is_domain_taken=True)).when(register, ACME).then_refused(DomainTaken)
    taken = Spec(evolve, Entry(is_domain_taken=True)).given(REGISTERED)
    taken.when(move, MoveTenant(tenant="acme", domain="b.example", scheme="https")).then_refused(DomainTaken)


@pytest.mark.parametrize("tenant", ["", "-a", "A", "a.b", "a" * 64, "ä", "a/b"])
def test_an_id_has_its_form(tenant: str) -> None:
    command = RegisterTenant(tenant=tenant, name="x", domain="a.example", scheme="https")
    TENANTS.when(register, command).then_refused(NotATenant)


@pytest.mark.parametrize("domain", ["", "a b", "https://a.example", "a.example/", "a.example:0", "-a.example", "a@b"])
def test_a_domain_has_its_form(domain: str) -> None:
    command = RegisterTenant(tenant="a", name="x", domain=domain, scheme="https")
    TENANTS.when(register, command).then_refused(NotATenant)


def test_a_tenant_moves() -> None:
    there = TenantDomainChanged(domain="localhost:9000", scheme="http")
    command = MoveTenant(tenant="acme", domain="localhost:9000", scheme="http")
    TENANTS.given(REGISTERED).when(move, command).then(there)
    TENANTS.given(REGISTERED, there).when(move, command).then_nothing()
    TENANTS.when(move, command).then_refused(NoSuchTenant)


def test_a_tenant_opens_with_its_last_part() -> None:
    keys, token, connections = (TenantPartPrepared(part=part) for part in PARTS)
    mark_keys, mark_token, mark_connections = (MarkPrepared(tenant="acme", part=part) for part in PARTS)
    TENANTS.given(REGISTERED).when(mark_prepared, mark_keys).then(keys)
    TENANTS.given(REGISTERED, keys).when(mark_prepared, mark_keys).then_nothing()
    TENANTS.given(REGISTERED, keys).when(mark_prepared, mark_token).then(token)
    TENANTS.given(REGISTERED, keys, token).when(mark_prepared, mark_connections).then(connections, TenantOpened())
    TENANTS.given(REGISTERED, connections, token).when(mark_prepared, mark_keys).then(keys, TenantOpened())
    TENANTS.given(REGISTERED, token, keys, TenantOpened()).when(mark_prepared, mark_token).then_nothing()


def test_a_tenant_that_was_open_before_a_part_was_asked_for_stays_open() -> None:
    keys, token, connections = (TenantPartPrepared(part=part) for part in PARTS)
    before = TENANTS.given(REGISTERED, keys, token, TenantOpened())
    before.when(mark_prepared, MarkPrepared(tenant="acme", part="connections")).then(connections)


def test_a_part_of_nobody_is_quiet() -> None:
    TENANTS.when(mark_prepared, MarkPrepared(tenant="gone", part="keys")).then_nothing()


def test_only_what_differs_is_a_fact() -> None:
    wanted = {"friendly_name": "Acme", "default_audience": ""}
    command = ChangeSettings(tenant="acme", settings=wanted)
    fact = TenantSettingsChanged(settings={"friendly_name": "Acme"})
    TENANTS.given(REGISTERED).when(change_settings, command).then(fact)
    TENANTS.given(REGISTERED, fact).when(change_settings, command).then_nothing()


def test_a_removed_setting_is_null_in_the_fact() -> None:
    named = TenantSettingsChanged(settings={"friendly_name": "Acme"})
    command = ChangeSettings(tenant="acme", settings={"friendly_name": None})
    TENANTS.given(REGISTERED, named).when(change_settings, command).then(
        TenantSettingsChanged(settings={"friendly_name": None})
    )
    TENANTS.given(REGISTERED).when(change_settings, command).then_nothing()


def test_flags_change_one_by_one() -> None:
    first = TenantSettingsChanged(settings={"flags": {"enable_sso": False}})
    command = ChangeSettings(tenant="acme", settings={"flags": {"universal_login": False, "enable_sso": False}})
    TENANTS.given(REGISTERED, first).when(change_settings, command).then(
        TenantSettingsChanged(settings={"flags": {"enable_sso": False, "universal_login": False}})
    )


def test_rs256_stays_allowed() -> None:
    command = ChangeSettings(tenant="acme", settings={"allowed_signing_algs": ["ES256"]})
    TENANTS.given(REGISTERED).when(change_settings, command).then_refused(MandatoryAlgorithmMissing)


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "friendly_name": st.sampled_from([None, "", "a", "b"]),
        "session_lifetime": st.sampled_from([None, 1, 168]),
        "flags": st.dictionaries(st.sampled_from(["enable_sso", "universal_login"]), st.booleans()),
    },
)


@given(st.lists(SETTINGS, max_size=6), SETTINGS)
def test_a_change_makes_true_what_was_wanted_and_no_more(
    before: list[dict[str, object]], wanted: dict[str, object]
) -> None:
    spec = TENANTS.given(REGISTERED)
    for settings in before:
        spec = spec.given(*spec.when(change_settings, ChangeSettings(tenant="a", settings=settings)).facts)
    facts = spec.when(change_settings, ChangeSettings(tenant="a", settings=wanted)).facts
    after = spec.given(*facts)
    assert after.state.tenant is not None
    assert spec.state.tenant is not None
    now, earlier = effective(after.state.tenant.settings), effective(spec.state.tenant.settings)
    assert (now == earlier) == (not facts)
    assert not after.when(change_settings, ChangeSettings(tenant="a", settings=wanted)).facts


@given(st.lists(st.sampled_from([REGISTERED, TenantOpened(), TenantPartPrepared(part="keys")])))
def test_the_past_cannot_be_refused(facts: list[Event]) -> None:
    TENANTS.at(NOW).given(*facts)
