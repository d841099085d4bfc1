"""What is public of what happens: one table, in which every event of every service is mapped or named private.

What is published names things by opaque ids. Addresses, names of programs and what strangers claim stay behind: the
tenant's own log says them (`private`), the feed does not.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from libs.eventstore import Envelope, Event
from libs.eventstore.feeding import Public
from services.audit.events import SubscriberAdded, SubscriberRemoved, public
from services.audit.events.kinds import PublicEvent
from services.audit.rules.codes import code_of
from services.audit.rules.publishing_people import PEOPLE
from services.audit.rules.said import Private, Said, Says, seen
from services.key_rotation import events as keys
from services.tenants import events as tenants
from services.token import events as token

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

UNKNOWN: Final = "unknown"
"""The entity of events about somebody we do not know: what a stranger claims is in no subject."""

INVALID_CLIENT: Final = "invalid_client"


def _client_registered(_: Envelope, event: token.ClientRegistered) -> Said:
    given = event.properties
    return Said(
        public.ClientRegistered(
            client_id=event.client_id,
            name=given.get("name"),
            app_type=given.get("app_type"),
            is_first_party=given.get("is_first_party", True) is not False,
        )
    )


def _client_changed(_: Envelope, event: token.ClientChanged) -> Said:
    return Said(public.ClientChanged(client_id=event.client_id, changed=sorted(event.properties)))


def _secret_issued(envelope: Envelope, event: token.ClientSecretIssued) -> Said:
    # The second fact of an application is the secret it was registered with.
    kind = public.ClientSecretIssued if envelope.version == FIRST_SECRET else public.ClientSecretRotated
    return Said(
        kind(client_id=event.client_id, secret_id=event.secret_id, previous_expires_at=event.previous_expires_at)
    )


FIRST_SECRET: Final = 2


def _credential_added(_: Envelope, event: token.ClientCredentialAdded) -> Said:
    return Said(
        public.ClientCredentialAdded(
            client_id=event.client_id,
            credential_id=event.credential_id,
            credential_type=event.credential_type,
            alg=event.alg,
            kid=event.kid,
            expires_at=event.expires_at,
        )
    )


def _credential(kind: Callable[..., PublicEvent]) -> Says:
    return lambda _, event: Said(kind(client_id=event.client_id, credential_id=event.credential_id))


def _credential_changed(_: Envelope, event: token.ClientCredentialChanged) -> Said:
    return Said(
        public.ClientCredentialChanged(
            client_id=event.client_id, credential_id=event.credential_id, expires_at=event.expires_at
        )
    )


def _grant_created(_: Envelope, event: token.ClientGrantCreated) -> Said:
    return Said(
        public.ClientGrantCreated(
            grant_id=event.grant_id, client_id=event.client_id, audience=event.audience, scope=event.scope
        )
    )


def _grant_changed(_: Envelope, event: token.ClientGrantChanged) -> Said:
    return Said(public.ClientGrantChanged(grant_id=event.grant_id, client_id=event.client_id, scope=event.scope))


def _api_registered(_: Envelope, event: token.ResourceServerRegistered) -> Said:
    return Said(
        public.ResourceServerRegistered(
            id=event.id,
            identifier=event.identifier,
            name=event.properties.get("name"),
            is_system=event.is_system,
        )
    )


def _api_changed(_: Envelope, event: token.ResourceServerChanged) -> Said:
    return Said(
        public.ResourceServerChanged(id=event.id, identifier=event.identifier, changed=sorted(event.properties))
    )


def _token_issued(_: Envelope, event: token.TokenIssued) -> Said:
    issued = public.TokenIssued(
        jti=event.jti,
        client_id=event.client_id,
        grant_type=event.grant_type,
        audience=event.audience,
        scope=event.scope,
        sub=event.sub,
        alg=event.alg,
        kid=event.kid,
        expires_at=event.expires_at,
    )
    return Said(issued, seen(event))


def _token_refused(_: Envelope, event: token.TokenRefused) -> Said:
    # Only an application that is there bears a name: any other id is a stranger's words.
    client_id = event.client_id if event.client_name is not None else None
    said = {**seen(event), "description": event.error_description, "audience": event.audience}
    if event.error == INVALID_CLIENT:
        failed = public.ClientAuthenticationFailed(
            client_id=client_id, grant_type=event.grant_type, reason=event.reason
        )
        return Said(failed, said)
    refused = public.ClientTokenRefused(
        client_id=client_id, grant_type=event.grant_type, error=event.error, reason=event.reason
    )
    return Said(refused, said)


PUBLISHED: Final[Mapping[type[Event], Says | Private]] = {
    token.ClientRegistered: _client_registered,
    token.ClientChanged: _client_changed,
    token.ClientDeleted: lambda _, event: Said(public.ClientDeleted(client_id=event.client_id)),
    token.ClientSecretIssued: _secret_issued,
    token.ClientCredentialAdded: _credential_added,
    token.ClientCredentialEnabled: _credential(public.ClientCredentialEnabled),
    token.ClientCredentialDisabled: _credential(public.ClientCredentialDisabled),
    token.ClientCredentialChanged: _credential_changed,
    token.ClientCredentialRemoved: _credential(public.ClientCredentialRemoved),
    token.ClientGrantCreated: _grant_created,
    token.ClientGrantChanged: _grant_changed,
    token.ClientGrantDeleted: lambda _, event: Said(
        public.ClientGrantDeleted(grant_id=event.grant_id, client_id=event.client_id)
    ),
    token.ResourceServerRegistered: _api_registered,
    token.ResourceServerChanged: _api_changed,
    token.ResourceServerDeleted: lambda _, event: Said(
        public.ResourceServerDeleted(id=event.id, identifier=event.identifier)
    ),
    token.TokenIssued: _token_issued,
    token.TokenRefused: _token_refused,
    tenants.TenantRegistered: lambda envelope, event: Said(
        public.TenantRegistered(id=envelope.tenant, name=event.name, domain=event.domain, scheme=event.scheme)
    ),
    tenants.TenantDomainChanged: lambda envelope, event: Said(
        public.TenantDomainChanged(id=envelope.tenant, domain=event.domain, scheme=event.scheme)
    ),
    tenants.TenantSettingsChanged: lambda envelope, event: Said(
        public.TenantSettingsChanged(id=envelope.tenant, changed=sorted(event.settings))
    ),
    tenants.TenantBrandingChanged: lambda envelope, event: Said(
        public.TenantBrandingChanged(id=envelope.tenant, changed=sorted({*event.branding, *event.pictures}))
    ),
    tenants.TenantPromptsChanged: lambda envelope, event: Said(
        public.TenantPromptsChanged(id=envelope.tenant, changed=sorted(event.prompts))
    ),
    tenants.TenantProtectionChanged: lambda envelope, event: Said(
        public.TenantProtectionChanged(id=envelope.tenant, changed=sorted(event.protection))
    ),
    tenants.TenantPartPrepared: Private("a step between two of our services"),
    tenants.TenantOpened: lambda envelope, _: Said(public.TenantOpened(id=envelope.tenant)),
    keys.SigningKeyPublished: lambda _, event: Said(
        public.SigningKeyPublished(kid=event.kid, alg=event.alg, active_from=event.active_from)
    ),
    keys.SigningKeyScheduled: lambda _, event: Said(
        public.SigningKeyScheduled(kid=event.kid, active_from=event.active_from)
    ),
    keys.SigningKeyRevoked: lambda _, event: Said(public.SigningKeyRevoked(kid=event.kid)),
    **PEOPLE,
    SubscriberAdded: Private("who listens is the operator's matter"),
    SubscriberRemoved: Private("who listens is the operator's matter"),
}
"""Every event. What every service may record of its own working (`OF_EVERY_SERVICE`) is the operator's matter."""


def publishes(says: Says) -> Callable[[Envelope, Any], Public]:
    """A row of the table as the feed takes it."""

    def publish(envelope: Envelope, event: Any) -> Public:
        said = says(envelope, event)
        name = public.name_of(type(said.event))
        return Public(
            type=name,
            v=said.event.v,
            entity=entity_of(public.key_of(said.event)),
            data=_ENCODER.encode(said.event),
            code=code_of(name, said.event),
            client_id=getattr(said.event, "client_id", None),
            private=None if said.private is None else _ENCODER.encode(said.private),
        )

    return publish


_ENCODER: Final = msgspec.json.Encoder()


def entity_of(key: str | None) -> str:
    """An id as a token of a subject: itself where it may be one, else `x-` and a hash; for none, `unknown`."""
    if key is None:
        return UNKNOWN
    return key if _TOKEN.fullmatch(key) else f"x-{sha256(key.encode()).hexdigest()[:32]}"
