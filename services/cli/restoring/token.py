"""What of `token` must not come back: applications, their secrets, credentials and grants, APIs and their scopes."""

from collections.abc import Mapping
from typing import Any, Final

from libs.eventstore import Envelope
from libs.runtime.ids import client_secret, prefixed
from libs.sealed import hash_of_secret
from services.cli.restoring.steps import Burn, Place, Reapply, Step, narrowed
from services.token.commands import (
    ChangeClient,
    ChangeClientCredential,
    ChangeClientGrant,
    ChangeResourceServer,
    DeleteClient,
    DeleteClientCredential,
    DeleteClientGrant,
    DeleteResourceServer,
    NewSecret,
    RevokeGrant,
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
    ClientGrantDeleted,
    ClientSecretIssued,
    GrantRevoked,
    ResourceServerChanged,
    ResourceServerDeleted,
)
from services.token.rules.client import Client
from services.token.rules.client_credentials import counting
from services.token.rules.grant import LivingGrant
from services.token.rules.resource_server import ResourceServer

METHOD: Final = "token_endpoint_auth_method"
LIFETIMES: Final = ("token_lifetime", "token_lifetime_for_web")


async def client_deleted(place: Place, lost: Envelope, event: ClientDeleted) -> Step | None:
    """The application is deleted again."""
    if await _client(place, lost.tenant, event.client_id) is None:
        return None
    return Step(DeleteClient(lost.tenant, event.client_id), f"application {event.client_id} is deleted again")


async def secret_issued(place: Place, lost: Envelope, event: ClientSecretIssued) -> Step | None:
    """The secret that was replaced ends as it was told to; the one that replaced it is lost, and nobody knows ours."""
    client = await _client(place, lost.tenant, event.client_id)
    if client is None or not client.secrets:
        return None
    ends = event.previous_expires_at
    async with place.store.database.connection() as rows:
        now = await rows.fetchval("SELECT clock_timestamp()")
    overlap = ends - now if ends is not None and ends > now else None
    command = RotateClientSecret(lost.tenant, event.client_id, _nobody_s_secret(), overlap)
    when = f"ends at {ends.isoformat(timespec='seconds')}, as was said" if ends and overlap else "has ended"
    return Step(
        command, f"application {event.client_id}: the secret that was replaced {when}", _rotate(event.client_id)
    )


async def credential_added(place: Place, lost: Envelope, event: ClientCredentialAdded) -> Step | None:
    """An application that had moved from secrets to keys has no key here: its secrets must not count again."""
    client = await _client(place, lost.tenant, event.client_id)
    if client is None or not event.counts or counting(client.credentials) or not client.secrets:
        return None
    return _secrets_ended(lost, event.client_id, f"register the public key of application {{}} again ({event.kid})")


async def credential_enabled(place: Place, lost: Envelope, event: ClientCredentialEnabled) -> Step | None:
    """The same, when the key had been registered before."""
    client = await _client(place, lost.tenant, event.client_id)
    if client is None or counting(client.credentials) or not client.secrets:
        return None
    return _secrets_ended(
        lost, event.client_id, f"let credential {event.credential_id} of application {{}} count again"
    )


def _secrets_ended(lost: Envelope, client_id: str, todo: str) -> Step:
    return Step(
        RotateClientSecret(lost.tenant, client_id, _nobody_s_secret()),
        f"application {client_id}: the secrets it had before it used keys have ended",
        todo.format(client_id),
    )


async def credential_disabled(place: Place, lost: Envelope, event: ClientCredentialDisabled) -> Step | None:
    """The public key does not count again."""
    client = await _client(place, lost.tenant, event.client_id)
    if client is None or event.credential_id not in counting(client.credentials):
        return None
    stay = tuple(each for each in counting(client.credentials) if each != event.credential_id)
    command = ChangeClient(lost.tenant, event.client_id, {}, stay)
    return Step(command, f"application {event.client_id}: credential {event.credential_id} does not count again")


async def credential_changed(place: Place, lost: Envelope, event: ClientCredentialChanged) -> Step | None:
    """The public key ends as early as was said."""
    client = await _client(place, lost.tenant, event.client_id)
    if client is None or event.credential_id not in client.credentials or event.expires_at is None:
        return None
    ends = client.credentials[event.credential_id].expires_at
    if ends is not None and ends <= event.expires_at:
        return None
    when = event.expires_at.isoformat()
    command = ChangeClientCredential(lost.tenant, event.client_id, event.credential_id, when)
    return Step(command, f"application {event.client_id}: credential {event.credential_id} ends at {when} again")


async def credential_removed(place: Place, lost: Envelope, event: ClientCredentialRemoved) -> Step | None:
    """The public key is removed again."""
    client = await _client(place, lost.tenant, event.client_id)
    if client is None or event.credential_id not in client.credentials:
        return None
    command = DeleteClientCredential(lost.tenant, event.client_id, event.credential_id, even_the_last=True)
    return Step(command, f"application {event.client_id}: credential {event.credential_id} is removed again")


async def client_changed(place: Place, lost: Envelope, event: ClientChanged) -> Step | None:
    """Lists (grant types, callbacks, origins) lose what they had lost; another way to authenticate is another."""
    client = await _client(place, lost.tenant, event.client_id)
    if client is None:
        return None
    properties: dict[str, Any] = _narrowed_lists(client.properties, event.properties)
    credentials: tuple[str, ...] | None = None
    if METHOD in event.properties and event.properties[METHOD] != client.properties.get(METHOD):
        properties[METHOD] = event.properties[METHOD]
        # A method excludes keys: that it could be set says that they had gone.
        has_keys = bool(counting(client.credentials))
        credentials = () if event.properties[METHOD] is not None and has_keys else None
    if not properties:
        return None
    command = ChangeClient(lost.tenant, event.client_id, properties, credentials)
    return Step(command, f"application {event.client_id}: {', '.join(properties)} as restricted as before")


async def grant_deleted(place: Place, lost: Envelope, event: ClientGrantDeleted) -> Step | None:
    """The client grant is deleted again."""
    client = await _client(place, lost.tenant, event.client_id)
    if client is None or event.grant_id not in client.grants:
        return None
    command = DeleteClientGrant(lost.tenant, event.client_id, event.grant_id)
    audience = client.grants[event.grant_id].audience
    return Step(command, f"application {event.client_id}: its grant for {audience} is deleted again")


async def grant_changed(place: Place, lost: Envelope, event: ClientGrantChanged) -> Step | None:
    """The client grant loses the scopes it had lost."""
    asked = ChangeClientGrant(lost.tenant, event.client_id, event.grant_id, (), {})
    client = await place.state(asked)
    if not isinstance(client, Client) or event.grant_id not in client.grants or client.target is None:
        return None
    grant, defined = client.grants[event.grant_id], client.target.scopes
    kept = tuple(each for each in narrowed(list(grant.scope), event.scope) if each in defined)
    if kept == grant.scope:
        return None
    command = ChangeClientGrant(lost.tenant, event.client_id, event.grant_id, kept, {})
    return Step(command, f"application {event.client_id}: its grant for {grant.audience} is narrowed again")


async def resource_server_deleted(place: Place, lost: Envelope, event: ResourceServerDeleted) -> Step | None:
    """The API is deleted again, and with it what applications may ask of it."""
    if await _api(place, lost.tenant, event.id) is None:
        return None
    return Step(DeleteResourceServer(lost.tenant, event.id), f"API {event.identifier} is deleted again")


async def resource_server_changed(place: Place, lost: Envelope, event: ResourceServerChanged) -> Step | None:
    """The API loses the scopes it had lost, its tokens live no longer, and are signed as they were."""
    api = await _api(place, lost.tenant, event.id)
    if api is None:
        return None
    properties = _restricted(api, event.properties)
    if not properties:
        return None
    command = ChangeResourceServer(lost.tenant, event.id, properties)
    return Step(command, f"API {api.identifier}: {', '.join(properties)} as restricted as before")


def _restricted(api: ResourceServer, lost: Mapping[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        name: lost[name]
        for name in LIFETIMES
        if isinstance(lost.get(name), int) and lost[name] < api.properties.get(name, 0)
    }
    if api.is_system:
        return properties
    if "signing_alg" in lost and lost["signing_alg"] != api.properties.get("signing_alg"):
        properties["signing_alg"] = lost["signing_alg"]
    if lost.get("allow_offline_access") is False and api.properties.get("allow_offline_access"):
        properties["allow_offline_access"] = False
    if "scopes" in lost:
        values = [each["value"] for each in lost["scopes"] or ()]
        here = api.properties.get("scopes", [])
        kept = [each for each in here if each["value"] in values]
        properties |= {"scopes": kept} if kept != here else {}
    return properties


def _narrowed_lists(here: Mapping[str, Any], lost: Mapping[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for name, value in lost.items():
        if not isinstance(here.get(name), list):
            continue
        kept = narrowed(here[name], value or [])
        if kept != here[name]:
            properties[name] = kept
    return properties


async def grant_revoked(place: Place, lost: Envelope, event: GrantRevoked) -> Step | None:
    """The person's grant is void again, and its refresh token with it."""
    command = RevokeGrant(lost.tenant, event.grant_id, event.reason)
    if not isinstance(await place.state(command), LivingGrant):
        return None
    return Step(command, f"grant {event.grant_id} of person {event.person} is revoked again")


async def _client(place: Place, tenant: str, client_id: str) -> Client | None:
    state = await place.state(DeleteClient(tenant, client_id))
    return state if isinstance(state, Client) else None


async def _api(place: Place, tenant: str, id_: str) -> ResourceServer | None:
    state = await place.state(DeleteResourceServer(tenant, id_))
    return state if isinstance(state, ResourceServer) else None


def _nobody_s_secret() -> NewSecret:
    """A secret that is forgotten as soon as it is hashed."""
    return NewSecret(prefixed("sec", 16), hash_of_secret(client_secret()))


def _rotate(client_id: str) -> str:
    return (
        f"rotate the secret of application {client_id}: the newest it had is lost, and it has one now that nobody knows"
    )


REAPPLY: Final[Mapping[type, Reapply]] = {
    ClientDeleted: client_deleted,
    ClientSecretIssued: secret_issued,
    ClientCredentialAdded: credential_added,
    ClientCredentialEnabled: credential_enabled,
    ClientCredentialDisabled: credential_disabled,
    ClientCredentialChanged: credential_changed,
    ClientCredentialRemoved: credential_removed,
    ClientChanged: client_changed,
    ClientGrantDeleted: grant_deleted,
    ClientGrantChanged: grant_changed,
    ResourceServerDeleted: resource_server_deleted,
    ResourceServerChanged: resource_server_changed,
    GrantRevoked: grant_revoked,
}
"""Every fact of `token` that may have restricted something."""

BURN: Final = (
    Burn("INSERT INTO restores (at) VALUES (clock_timestamp())", ""),
    Burn(
        """
        UPDATE grants SET epoch = epoch + 1 FROM clients
        WHERE clients.tenant = grants.tenant AND clients.client_id = grants.client_id AND is_offline
            AND (generation > 0 OR clients.properties->'refresh_token'->>'rotation_type' = 'rotating')
        """,
        "refresh tokens that rotate are void, because one that was spent would be good again: people sign in anew",
    ),
    Burn(
        "UPDATE codes SET expires_at = issued_at WHERE spent_at IS NULL AND expires_at > clock_timestamp()",
        "authorization codes on their way are void",
    ),
)
"""What may have been used once in what was lost: client assertions, refresh tokens, codes."""
