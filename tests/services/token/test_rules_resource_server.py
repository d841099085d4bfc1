"""The rules of an API: it does, it refuses, it stays quiet."""

from dataclasses import replace
from typing import Any, Final

from services.token.commands import ChangeResourceServer, DeleteResourceServer, RegisterResourceServer
from services.token.events import ResourceServerChanged, ResourceServerDeleted, ResourceServerRegistered
from services.token.rules import resource_server
from services.token.rules.resource_server import (
    DEFAULTS,
    IdentifierTaken,
    NoResourceServer,
    NoSuchResourceServer,
    State,
    SystemResourceServer,
)
from tests.spec import Spec

APIS: Final[Spec[State]] = Spec(resource_server.evolve, NoResourceServer())
REGISTER: Final = RegisterResourceServer("acme", "a1", "https://api/", {"name": "API", "scopes": None})
REGISTERED: Final = ResourceServerRegistered(
    id="a1",
    identifier="https://api/",
    is_system=False,
    properties={"token_lifetime_for_web": 7200, **DEFAULTS, "name": "API"},
)
SYSTEM: Final = ResourceServerRegistered(id="a1", identifier="https://api/", is_system=True, properties={})
DELETED: Final = ResourceServerDeleted(id="a1", identifier="https://api/")


def changed(**properties: Any) -> ChangeResourceServer:
    return ChangeResourceServer("acme", "a1", properties)


def test_an_api_is_registered_with_its_defaults() -> None:
    APIS.when(resource_server.register, REGISTER).then(REGISTERED)


def test_a_browsers_token_lives_no_longer_than_others() -> None:
    short = APIS.when(resource_server.register, replace(REGISTER, properties={"token_lifetime": 60})).facts[0]
    assert isinstance(short, ResourceServerRegistered)
    assert short.properties["token_lifetime_for_web"] == 60


def test_an_identifier_is_given_once() -> None:
    taken: Spec[State] = Spec(resource_server.evolve, NoResourceServer(is_taken=True))
    taken.when(resource_server.register, REGISTER).then_refused(IdentifierTaken)
    APIS.given(REGISTERED).when(resource_server.register, REGISTER).then_refused(IdentifierTaken)
    APIS.given(REGISTERED, DELETED).when(resource_server.register, REGISTER).then_refused(IdentifierTaken)


def test_a_system_api_that_is_there_stays() -> None:
    APIS.given(SYSTEM).when(resource_server.register, replace(REGISTER, is_system=True)).then_nothing()


def test_a_change_says_what_differs() -> None:
    given = APIS.given(REGISTERED)
    given.when(resource_server.change, changed(name="Other", token_lifetime=86400)).then(
        ResourceServerChanged(id="a1", identifier="https://api/", properties={"name": "Other"})
    )
    given.when(resource_server.change, changed(name=None)).then(
        ResourceServerChanged(id="a1", identifier="https://api/", properties={"name": None})
    )
    given.given(ResourceServerChanged(id="a1", identifier="https://api/", properties={"signing_alg": "ES256"})).when(
        resource_server.change, changed(signing_alg=None)
    ).then(ResourceServerChanged(id="a1", identifier="https://api/", properties={"signing_alg": "RS256"}))


def test_a_change_that_changes_nothing_is_quiet() -> None:
    given = APIS.given(REGISTERED)
    for command in (changed(), changed(name="API", consent_policy=None, token_lifetime=None)):
        given.when(resource_server.change, command).then_nothing()


def test_what_is_not_there_is_not_changed() -> None:
    for spec in (APIS, APIS.given(REGISTERED, DELETED)):
        spec.when(resource_server.change, changed(name="x")).then_refused(NoSuchResourceServer)


def test_a_system_api_follows_its_issuer_and_little_else() -> None:
    given = APIS.given(SYSTEM)
    moved = ResourceServerChanged(id="a1", identifier="https://moved/", properties={})
    given.when(resource_server.change, replace(changed(), identifier="https://moved/")).then(moved)
    assert given.when(resource_server.change, changed(token_lifetime=60)).facts
    refused: list[dict[str, Any]] = [{"name": "x"}, {"scopes": []}, {"signing_alg": "ES256"}]
    for properties in refused:
        given.when(resource_server.change, changed(**properties)).then_refused(SystemResourceServer)


def test_an_api_is_deleted_once_and_a_system_api_never() -> None:
    command = DeleteResourceServer("acme", "a1")
    APIS.given(REGISTERED).when(resource_server.delete, command).then(DELETED)
    APIS.given(REGISTERED, DELETED).when(resource_server.delete, command).then_nothing()
    APIS.when(resource_server.delete, command).then_nothing()
    APIS.given(SYSTEM).when(resource_server.delete, command).then_refused(SystemResourceServer)
