"""The properties we know are those of auth0-python's signatures and of what Auth0's own tools were seen to send.

The signatures are read from the installed SDK, so that a newer one shows at once what it knows more.
"""

import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pydantic
import pytest
from auth0.management.client_grants.client import ClientGrantsClient
from auth0.management.clients.client import ClientsClient
from auth0.management.clients.credentials.client import CredentialsClient
from auth0.management.resource_servers.client import ResourceServersClient

from libs.edge.schema import Anything, Array, Dictionary, Kind, Object, Resource
from services.token.routes.schemas.client import CLIENT
from services.token.routes.schemas.client_credential import CHANGE, NEW
from services.token.routes.schemas.client_grant import CLIENT_GRANT
from services.token.routes.schemas.resource_server import RESOURCE_SERVER
from tests.shapes.oracle import RECORDED

SECRETS: Final = {
    "client_secret",
    "signing_secret",
    "addons.azure_blob.storageAccessKey",
    "addons.azure_sb.sasKey",
    "addons.firebase.private_key",
    "addons.firebase.secret",
    "addons.layer.privateKey",
    "addons.sap_api.servicePassword",
    "addons.wams.masterkey",
}
"""Refused: what is in a property is in an event, and no secret is ever in an event."""

ALIASES: Final = {"b_2_b_integration_configuration": "b2b_integration_configuration"}
"""What the SDK calls a parameter because Python or its generator wants it, and what it sends."""

NO_BODY: Final = {"id", "client_id", "credential_id", "request_options", "return"}
RESOURCES: Final[Mapping[str, tuple[type[Any], Resource, Resource]]] = {
    "/clients": (ClientsClient, CLIENT, CLIENT),
    "/resource-servers": (ResourceServersClient, RESOURCE_SERVER, RESOURCE_SERVER),
    "/client-grants": (ClientGrantsClient, CLIENT_GRANT, CLIENT_GRANT),
    "/clients/{}/credentials": (CredentialsClient, NEW, CHANGE),
}


def known(resource: Resource, verb: str) -> dict[str, Kind]:
    """What a body may say, by name."""
    return {
        each.name: each.kind
        for each in resource.properties
        if not each.is_read_only and (verb == "create" or not each.is_immutable)
    }


def unknown(names: Mapping[str, Any], kinds: Mapping[str, Kind], place: str = "") -> Iterator[str]:
    """Which of `names`, each with the names inside it, are not in the table."""
    for name, inside in names.items():
        if name not in kinds:
            yield place + name
        elif inside:
            yield from unknown(inside, _members(kinds[name], place + name, inside), f"{place}{name}.")


def _members(kind: Kind, place: str, inside: Mapping[str, Any]) -> Mapping[str, Kind]:
    while isinstance(kind, Array):
        kind = kind.items
    if isinstance(kind, Anything | Dictionary):
        return dict.fromkeys(inside, Anything())
    assert isinstance(kind, Object), f"{place} is an object"
    return {each.name: each.kind for each in kind.properties}


def of_signature(client: type[Any], verb: str) -> dict[str, Any]:
    hints = typing.get_type_hints(getattr(client, verb))
    return {ALIASES.get(name, name): of_hint(hint) for name, hint in hints.items() if name not in NO_BODY}


def of_hint(hint: Any) -> dict[str, Any]:
    """The members of the models in a type."""
    if isinstance(hint, type) and issubclass(hint, pydantic.BaseModel):
        return {field.alias or name: of_hint(field.annotation) for name, field in hint.model_fields.items()}
    return {name: inside for each in typing.get_args(hint) for name, inside in of_hint(each).items()}


def of_shape(shape: Any) -> dict[str, Any]:
    """The members of what was recorded."""
    if isinstance(shape, list):
        return of_shape(shape[0]) if shape else {}
    return {name: of_shape(each) for name, each in shape.items()} if isinstance(shape, dict) else {}


@pytest.mark.parametrize("verb", ["create", "update"])
@pytest.mark.parametrize("path", RESOURCES)
def test_what_auth0_python_sends_is_known(path: str, verb: str) -> None:
    client, creation, change = RESOURCES[path]
    kinds = known(creation if verb == "create" else change, verb)
    assert set(unknown(of_signature(client, verb), kinds)) <= SECRETS


@pytest.mark.parametrize("verb", ["create", "update"])
@pytest.mark.parametrize("path", RESOURCES)
def test_what_auth0s_tools_were_seen_to_send_is_known(path: str, verb: str) -> None:
    _, creation, change = RESOURCES[path]
    operation = f"POST {path}" if verb == "create" else f"PATCH {path}/{{}}"
    kinds = known(creation if verb == "create" else change, verb)
    assert set(unknown(of_shape(RECORDED[operation]["request"]), kinds)) <= SECRETS


@pytest.mark.parametrize("path", RESOURCES)
def test_we_know_no_property_that_auth0_does_not(path: str) -> None:
    client, creation, _ = RESOURCES[path]
    sent = of_signature(client, "create") | of_shape(RECORDED[f"POST {path}"]["request"])
    ours_alone = known(creation, "create").keys() - sent.keys() - NO_BODY
    assert ours_alone == set()


def test_what_has_no_effect_says_for_what_it_waits() -> None:
    waiting = {
        each.name for resource in (CLIENT, RESOURCE_SERVER, CLIENT_GRANT) for each in resource.properties if each.waits
    }
    obeyed = {
        "name",
        "grant_types",
        "client_authentication_methods",
        "token_lifetime",
        "signing_alg",
        "scope",
        "audience",
        "callbacks",
        "refresh_token",
        "allow_offline_access",
    }
    assert not waiting & obeyed
    assert {"organization_usage", "token_quota", "signed_request_object"} <= waiting
