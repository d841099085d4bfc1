"""The rules of an application: it does, it refuses, it stays quiet."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from msgspec import structs

from services.token.commands import (
    AddClientCredential,
    ChangeClient,
    ChangeClientCredential,
    ChangeClientGrant,
    DeleteClient,
    DeleteClientCredential,
    DeleteClientGrant,
    GrantClient,
    NewCredential,
    NewSecret,
    RegisterClient,
    RotateClientSecret,
)
from services.token.events import (
    ClientChanged,
    ClientCredentialAdded,
    ClientCredentialChanged,
    ClientCredentialDisabled,
    ClientCredentialEnabled,
    ClientCredentialRemoved,
    ClientDeleted,
    ClientGrantChanged,
    ClientGrantCreated,
    ClientGrantDeleted,
    ClientRegistered,
    ClientSecretIssued,
)
from services.token.rules import client, client_properties
from services.token.rules.client import Client, NoClient, State, Target
from services.token.rules.client_reasons import (
    ClientIdTaken,
    ClientUsesNoSecret,
    CredentialExpiresInThePast,
    GrantExists,
    LastCredential,
    NoSuchAudience,
    NoSuchClient,
    NoSuchCredential,
    NoSuchGrant,
    SameKeyTwice,
    ScopeUnknown,
    TooManyCredentials,
    TooMuchMetadata,
    TwoMethods,
    UnknownCredential,
)
from tests.spec import NOW, Spec

API: Final = Target("api1", frozenset({"read", "write"}))
CLIENTS: Final[Spec[State]] = Spec(client.evolve, NoClient(API))
BORN: Final = client_properties.of_new({"name": "App"}, has_credentials=False)
REGISTERED: Final = ClientRegistered(client_id="c1", properties=BORN)
FIRST: Final = ClientSecretIssued(client_id="c1", secret_id="sec_1")
GRANTED: Final = ClientGrantCreated(
    client_id="c1",
    grant_id="cgr_1",
    resource_server_id="api1",
    audience="https://api/",
    scope=["read"],
    properties={},
)
GRANT: Final = GrantClient("acme", "c1", "cgr_1", "https://api/", ("read",), {})


def secret(number: int) -> NewSecret:
    return NewSecret(f"sec_{number}", bytes(32))


def key(number: int, **changes: Any) -> NewCredential:
    jwk = {"kty": "EC", "x": str(number), "y": str(number)}
    made = NewCredential(f"cred_{number}", "public_key", None, "ES256", f"kid{number}", jwk, None)
    return replace(made, **changes)


def added(number: int) -> ClientCredentialAdded:
    return ClientCredentialAdded(
        client_id="c1",
        credential_id=f"cred_{number}",
        credential_type="public_key",
        name=None,
        alg="ES256",
        kid=f"kid{number}",
        jwk={"kty": "EC", "x": str(number), "y": str(number)},
        expires_at=None,
        created_at=NOW,
    )


def replaced(fact: ClientCredentialAdded, **changes: Any) -> ClientCredentialAdded:
    return structs.replace(fact, **changes)


def enabled(number: int) -> ClientCredentialEnabled:
    return ClientCredentialEnabled(client_id="c1", credential_id=f"cred_{number}")


def disabled(number: int) -> ClientCredentialDisabled:
    return ClientCredentialDisabled(client_id="c1", credential_id=f"cred_{number}")


def removed(number: int) -> ClientCredentialRemoved:
    return ClientCredentialRemoved(client_id="c1", credential_id=f"cred_{number}")


def changed(**properties: Any) -> ChangeClient:
    return ChangeClient("acme", "c1", properties)


def test_a_client_is_registered_with_its_defaults_and_a_secret() -> None:
    command = RegisterClient("acme", "c1", {"name": "App", "description": None}, secret(1))
    CLIENTS.when(client.register, command).then(REGISTERED, FIRST)


def test_a_client_with_a_key_gets_the_key_and_no_secret() -> None:
    command = RegisterClient("acme", "c1", {"name": "App"}, secret(1), (key(1),))
    CLIENTS.when(client.register, command).then(REGISTERED, added(1))


@pytest.mark.parametrize(
    "public", [{"app_type": "spa"}, {"app_type": "native"}, {"token_endpoint_auth_method": "none"}]
)
def test_a_public_client_gets_no_secret(public: dict[str, Any]) -> None:
    outcome = CLIENTS.when(client.register, RegisterClient("acme", "c1", public, secret(1)))
    assert [type(each) for each in outcome.facts] == [ClientRegistered]


def test_a_client_id_is_never_given_twice() -> None:
    command = RegisterClient("acme", "c1", {}, secret(1))
    CLIENTS.given(REGISTERED).when(client.register, command).then_refused(ClientIdTaken)
    deleted = CLIENTS.given(REGISTERED, ClientDeleted(client_id="c1"))
    deleted.when(client.register, command).then_refused(ClientIdTaken)


def test_a_client_authenticates_in_one_way() -> None:
    post = {"token_endpoint_auth_method": "client_secret_post"}
    CLIENTS.when(client.register, RegisterClient("acme", "c1", post, None, (key(1),))).then_refused(TwoMethods)
    CLIENTS.given(REGISTERED, added(1)).when(client.change, changed(**post)).then_refused(TwoMethods)


def test_keys_are_bounded_different_and_to_come() -> None:
    for credentials, reason in (
        ((key(1), key(2), key(3)), TooManyCredentials),
        ((key(1), key(2, kid="kid1")), SameKeyTwice),
        ((key(1), key(2, jwk=key(1).jwk)), SameKeyTwice),
        ((key(1, expires_at=NOW.isoformat()),), CredentialExpiresInThePast),
    ):
        CLIENTS.when(client.register, RegisterClient("acme", "c1", {}, None, credentials)).then_refused(reason)
        CLIENTS.given(REGISTERED).when(client.change, ChangeClient("acme", "c1", {}, credentials)).then_refused(reason)


def test_a_change_says_what_differs() -> None:
    given = CLIENTS.given(REGISTERED)
    given.when(client.change, changed(name="New", is_first_party=True)).then(
        ClientChanged(client_id="c1", properties={"name": "New"})
    )
    given.when(client.change, changed(jwt_configuration={"alg": "PS256"})).then(
        ClientChanged(
            client_id="c1",
            properties={"jwt_configuration": {**BORN["jwt_configuration"], "alg": "PS256"}},
        )
    )


def test_a_removed_property_is_gone_or_its_default_again() -> None:
    given = CLIENTS.given(REGISTERED, ClientChanged(client_id="c1", properties={"sso": True, "is_first_party": False}))
    given.when(client.change, changed(sso=None, is_first_party=None)).then(
        ClientChanged(client_id="c1", properties={"sso": None, "is_first_party": True})
    )


def test_a_change_that_changes_nothing_is_quiet() -> None:
    CLIENTS.given(REGISTERED).when(client.change, changed(name="App", description=None)).then_nothing()
    same = ChangeClient("acme", "c1", {}, ("cred_1",))
    CLIENTS.given(REGISTERED, added(1)).when(client.change, same).then_nothing()


def test_who_is_not_there_is_not_changed() -> None:
    for spec in (CLIENTS, CLIENTS.given(REGISTERED, ClientDeleted(client_id="c1"))):
        spec.when(client.change, changed(name="x")).then_refused(NoSuchClient)
        spec.when(client.rotate_secret, RotateClientSecret("acme", "c1", secret(2))).then_refused(NoSuchClient)
        spec.when(client.grant, GRANT).then_refused(NoSuchClient)
        spec.when(client.change_grant, ChangeClientGrant("acme", "c1", "cgr_1", (), {})).then_refused(NoSuchClient)
        spec.when(client.delete, DeleteClient("acme", "c1")).then_nothing()
        spec.when(client.delete_grant, DeleteClientGrant("acme", "c1", "cgr_1")).then_nothing()


def test_metadata_is_bounded_where_it_adds_up() -> None:
    full = ClientChanged(client_id="c1", properties={"client_metadata": {str(each): "x" for each in range(10)}})
    given = CLIENTS.given(REGISTERED, full)
    given.when(client.change, changed(client_metadata={"new": "x"})).then_refused(TooMuchMetadata)
    assert given.when(client.change, changed(client_metadata={"new": "x", "0": None})).facts


def test_a_list_that_brings_keys_is_all_the_keys() -> None:
    given = CLIENTS.given(REGISTERED, added(1), added(2))
    given.when(client.change, ChangeClient("acme", "c1", {}, ("cred_2", key(3)))).then(
        ClientCredentialRemoved(client_id="c1", credential_id="cred_1"), added(3)
    )
    given.when(client.change, ChangeClient("acme", "c1", {}, (key(3),))).then(
        ClientCredentialRemoved(client_id="c1", credential_id="cred_1"),
        ClientCredentialRemoved(client_id="c1", credential_id="cred_2"),
        added(3),
    )
    given.when(client.change, ChangeClient("acme", "c1", {}, ("cred_9",))).then_refused(NoSuchCredential)


def test_a_list_of_ids_says_which_keys_count() -> None:
    given = CLIENTS.given(REGISTERED, added(1), replaced(added(2), counts=False))
    given.when(client.change, ChangeClient("acme", "c1", {}, ("cred_2",))).then(disabled(1), enabled(2))
    given.when(client.change, ChangeClient("acme", "c1", {}, ("cred_1",))).then_nothing()
    given.when(client.change, ChangeClient("acme", "c1", {}, ())).then(disabled(1))


@pytest.mark.security("TE-06")
def test_a_key_that_does_not_count_changes_no_method() -> None:
    given = CLIENTS.given(REGISTERED, FIRST, replaced(added(1), counts=False))
    assert given.when(client.rotate_secret, RotateClientSecret("acme", "c1", secret(2))).facts
    assert given.when(client.change, changed(token_endpoint_auth_method="client_secret_post")).facts
    counts = given.given(enabled(1))
    counts.when(client.rotate_secret, RotateClientSecret("acme", "c1", secret(2))).then_refused(ClientUsesNoSecret)
    counts.when(client.change, changed(token_endpoint_auth_method="client_secret_post")).then_refused(TwoMethods)


def test_a_key_is_registered_without_counting() -> None:
    given = CLIENTS.given(REGISTERED, added(1))
    given.when(client.add_credential, AddClientCredential("acme", "c1", key(2))).then(replaced(added(2), counts=False))
    for wrong, reason in (
        (key(2, kid="kid1"), SameKeyTwice),
        (key(2, jwk=key(1).jwk), SameKeyTwice),
        (key(2, expires_at=NOW.isoformat()), CredentialExpiresInThePast),
    ):
        given.when(client.add_credential, AddClientCredential("acme", "c1", wrong)).then_refused(reason)
    full = given.given(added(2))
    full.when(client.add_credential, AddClientCredential("acme", "c1", key(3))).then_refused(TooManyCredentials)
    CLIENTS.when(client.add_credential, AddClientCredential("acme", "c1", key(1))).then_refused(NoSuchClient)


def test_a_key_ends_when_it_is_told_to() -> None:
    given, end = CLIENTS.given(REGISTERED, added(1)), NOW + timedelta(days=1)
    outcome = given.when(client.change_credential, ChangeClientCredential("acme", "c1", "cred_1", end.isoformat()))
    outcome.then(
        ClientCredentialChanged(client_id="c1", credential_id="cred_1", expires_at=end, changed_at=NOW),
    )
    again = given.given(*outcome.facts)
    again.when(client.change_credential, ChangeClientCredential("acme", "c1", "cred_1", end.isoformat())).then_nothing()
    assert again.when(client.change_credential, ChangeClientCredential("acme", "c1", "cred_1", None)).facts
    unknown = ChangeClientCredential("acme", "c1", "cred_9", None)
    given.when(client.change_credential, unknown).then_refused(UnknownCredential)


@pytest.mark.security("TE-06")
def test_the_only_key_that_counts_is_not_deleted_unasked() -> None:
    given = CLIENTS.given(REGISTERED, FIRST, added(1), replaced(added(2), counts=False))
    delete = DeleteClientCredential("acme", "c1", "cred_1")
    given.when(client.delete_credential, delete).then_refused(LastCredential)
    given.when(client.delete_credential, DeleteClientCredential("acme", "c1", "cred_2")).then(removed(2))
    given.given(enabled(2)).when(client.delete_credential, delete).then(removed(1))
    given.when(client.delete_credential, replace(delete, even_the_last=True)).then(removed(1))
    given.when(client.delete_credential, DeleteClientCredential("acme", "c1", "cred_9")).then_nothing()
    CLIENTS.when(client.delete_credential, delete).then_nothing()


def test_facts_about_keys_that_are_gone_change_nothing() -> None:
    gone = CLIENTS.given(REGISTERED, added(1), removed(1))
    end = ClientCredentialChanged(client_id="c1", credential_id="cred_1", expires_at=None, changed_at=NOW)
    assert gone.given(enabled(1), disabled(1), end).state == gone.state


@pytest.mark.security("TE-06")
def test_what_becomes_public_forgets_its_secrets_and_the_machines_grant() -> None:
    given = CLIENTS.given(REGISTERED, FIRST)
    outcome = given.when(client.change, changed(token_endpoint_auth_method="none"))
    people = ["authorization_code", "implicit", "refresh_token"]
    outcome.then(
        ClientChanged(client_id="c1", properties={"token_endpoint_auth_method": "none", "grant_types": people})
    )
    after = given.given(*outcome.facts)
    assert isinstance(after.state, Client)
    assert after.state.secrets == {}
    after.when(client.rotate_secret, RotateClientSecret("acme", "c1", secret(2))).then_refused(ClientUsesNoSecret)
    back = after.given(ClientChanged(client_id="c1", properties={"token_endpoint_auth_method": None}))
    back.when(client.rotate_secret, RotateClientSecret("acme", "c1", secret(2))).then(
        ClientSecretIssued(client_id="c1", secret_id="sec_2")
    )


@pytest.mark.security("TE-12")
def test_a_rotation_ends_the_old_secret_at_once_or_later() -> None:
    given = CLIENTS.given(REGISTERED, FIRST)
    at_once = RotateClientSecret("acme", "c1", secret(2))
    given.when(client.rotate_secret, at_once).then(ClientSecretIssued(client_id="c1", secret_id="sec_2"))
    for asked, allowed in ((timedelta(minutes=5), timedelta(minutes=5)), (timedelta(days=99), timedelta(days=30))):
        later = given.when(client.rotate_secret, replace(at_once, previous_lifetime=asked))
        later.then(ClientSecretIssued(client_id="c1", secret_id="sec_2", previous_expires_at=NOW + allowed))
        state = given.given(*later.facts).state
        assert isinstance(state, Client)
        assert state.secrets == {"sec_1": NOW + allowed, "sec_2": None}


def test_no_rotation_prolongs_an_older_secret() -> None:
    soon, late = NOW + timedelta(minutes=1), NOW + timedelta(days=9)
    second = ClientSecretIssued(client_id="c1", secret_id="sec_2", previous_expires_at=soon)
    third = ClientSecretIssued(client_id="c1", secret_id="sec_3", previous_expires_at=late)
    state = CLIENTS.given(REGISTERED, FIRST, second, third).state
    assert isinstance(state, Client)
    assert state.secrets == {"sec_2": late, "sec_3": None}


def test_who_signs_does_not_rotate() -> None:
    command = RotateClientSecret("acme", "c1", secret(2))
    CLIENTS.given(REGISTERED, added(1)).when(client.rotate_secret, command).then_refused(ClientUsesNoSecret)


def test_a_client_is_deleted_once() -> None:
    deleted = ClientDeleted(client_id="c1")
    CLIENTS.given(REGISTERED).when(client.delete, DeleteClient("acme", "c1")).then(deleted)
    CLIENTS.given(REGISTERED, deleted).when(client.delete, DeleteClient("acme", "c1")).then_nothing()


def test_a_client_is_granted_what_the_api_has() -> None:
    given = CLIENTS.given(REGISTERED)
    given.when(client.grant, GRANT).then(GRANTED)
    given.when(client.grant, replace(GRANT, scope=("fly",))).then_refused(ScopeUnknown)
    given.given(GRANTED).when(client.grant, GRANT).then_refused(GrantExists)
    nowhere: Spec[State] = Spec(client.evolve, NoClient())
    nowhere.given(REGISTERED).when(client.grant, GRANT).then_refused(NoSuchAudience)


def test_a_grant_is_changed_where_it_differs() -> None:
    given = CLIENTS.given(REGISTERED, GRANTED)
    command = ChangeClientGrant("acme", "c1", "cgr_1", ("read", "write"), {})
    given.when(client.change_grant, command).then(
        ClientGrantChanged(client_id="c1", grant_id="cgr_1", scope=["read", "write"], properties={})
    )
    given.when(client.change_grant, replace(command, scope=("read",))).then_nothing()
    given.when(
        client.change_grant, replace(command, scope=None, properties={"organization_usage": None})
    ).then_nothing()
    given.when(client.change_grant, replace(command, scope=("fly",))).then_refused(ScopeUnknown)
    given.when(client.change_grant, replace(command, grant_id="cgr_9")).then_refused(NoSuchGrant)


def test_a_grant_whose_api_lost_a_scope_can_still_be_changed() -> None:
    narrow: Spec[State] = Spec(client.evolve, NoClient(Target("api1", frozenset({"write"}))))
    given = narrow.given(REGISTERED, GRANTED)
    command = ChangeClientGrant("acme", "c1", "cgr_1", None, {"organization_usage": "deny"})
    given.when(client.change_grant, command).then(
        ClientGrantChanged(client_id="c1", grant_id="cgr_1", scope=["read"], properties={"organization_usage": "deny"})
    )
    given.when(client.change_grant, replace(command, scope=("read",))).then_refused(ScopeUnknown)


def test_a_grant_is_deleted_once() -> None:
    command = DeleteClientGrant("acme", "c1", "cgr_1")
    gone = ClientGrantDeleted(client_id="c1", grant_id="cgr_1")
    CLIENTS.given(REGISTERED, GRANTED).when(client.delete_grant, command).then(gone)
    CLIENTS.given(REGISTERED, GRANTED, gone).when(client.delete_grant, command).then_nothing()
