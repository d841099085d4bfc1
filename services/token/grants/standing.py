"""Where a client stands: all that the token endpoint decides from, read in one statement and kept while current.

A kept copy carries the versions of the rows it was read from. The statement that commits a token verifies them, so a
stale copy can never allow anything; before it refuses anything it is read again.
"""

from collections import OrderedDict
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import msgspec

from libs.jose import VerifyingKey, public_key_from_jwk, thumbprint
from libs.postgres import Database
from libs.runtime.errors import Unavailable
from services.token.rules.refresh_token import RefreshRules

STANDING: Final = """
SELECT t.version AS tenant_version, t.issuer, t.default_audience, t.allowed_signing_algs,
    (SELECT max(at) FROM restores) AS restored_at,
    c.version AS client_version, c.properties,
    (SELECT jsonb_agg(jsonb_build_object('sha256', encode(s.sha256, 'hex'), 'expires_at', s.expires_at))
     FROM client_secrets s WHERE s.tenant = c.tenant AND s.client_id = c.client_id) AS secrets,
    (SELECT jsonb_agg(jsonb_build_object('alg', k.alg, 'kid', k.kid, 'jwk', k.jwk, 'expires_at', k.expires_at))
     FROM client_credentials k WHERE k.tenant = c.tenant AND k.client_id = c.client_id AND k.counts) AS credentials,
    (SELECT jsonb_agg(jsonb_build_object('id', r.id, 'version', r.version, 'identifier', r.identifier,
                                         'properties', r.properties, 'granted', g.scope))
     FROM client_grants g JOIN resource_servers r ON r.tenant = g.tenant AND r.id = g.resource_server_id
     WHERE g.tenant = c.tenant AND g.client_id = c.client_id) AS apis
FROM tenants_v1 t LEFT JOIN clients c ON c.tenant = t.tenant AND c.client_id = $2 AND NOT c.is_deleted
WHERE t.tenant = $1
"""

DEFAULT_GRANT_TYPES: Final = ("authorization_code", "implicit", "refresh_token", "client_credentials")
"""What an application may use that does not say: Auth0's defaults."""

MOST_KEPT: Final = 20_000
"""Clients whose standing one process keeps; the longest unused goes first."""


class SecretHash(msgspec.Struct, frozen=True, dict=True):
    """A secret that may live: its SHA-256 in hexadecimal, and when it ends."""

    sha256: str
    expires_at: datetime | None

    @cached_property
    def digest(self) -> bytes:
        """The hash's bytes."""
        return bytes.fromhex(self.sha256)


class PublicKey(msgspec.Struct, frozen=True, dict=True):
    """A public key with which the client signs its assertions."""

    alg: str
    kid: str
    jwk: dict[str, Any]
    expires_at: datetime | None

    @cached_property
    def key(self) -> VerifyingKey:
        """The key, ready to verify; `names` says which `kid` means it."""
        found = public_key_from_jwk(self.jwk, self.alg)
        return VerifyingKey(found.alg, found.public, None)

    @cached_property
    def names(self) -> frozenset[str]:
        """What a `kid` may call it: the registered one, or the thumbprint (RFC 7638), which SDKs reckon themselves."""
        return frozenset((self.kid, thumbprint(self.jwk)))


class Scope(msgspec.Struct, frozen=True):
    """One scope an API defines."""

    value: str


class Policy(msgspec.Struct, frozen=True):
    """Who may get an API's tokens: `allow_all`, `deny_all`, `require_client_grant`."""

    policy: str = "allow_all"


class SubjectTypes(msgspec.Struct, frozen=True):
    """The policy for people; that for applications in their own name is always `require_client_grant`."""

    user: Policy = Policy()


class ApiProperties(msgspec.Struct, frozen=True):
    """What of an API concerns its tokens."""

    scopes: tuple[Scope, ...] = ()
    signing_alg: str = "RS256"
    token_lifetime: int = 86400
    token_lifetime_for_web: int | None = None
    allow_offline_access: bool = False
    subject_type_authorization: SubjectTypes = SubjectTypes()
    token_dialect: str = "access_token"  # noqa: S105  # Auth0's word
    enforce_policies: bool = False


class Api(msgspec.Struct, frozen=True, dict=True):
    """An API the client has a grant for."""

    id: str
    version: int
    identifier: str
    properties: ApiProperties
    granted: tuple[str, ...]
    is_system: bool = False

    @cached_property
    def scopes(self) -> tuple[str, ...]:
        """What may be asked: granted, and still defined by the API; in the grant's order."""
        return tuple(each for each in self.granted if each in self.defined)

    @cached_property
    def defined(self) -> frozenset[str]:
        """Every scope of the API."""
        return frozenset(each.value for each in self.properties.scopes)


class TokenFormat(msgspec.Struct, frozen=True):
    """How an application's ID tokens are made: its property `jwt_configuration`."""

    lifetime_in_seconds: int = 36_000
    alg: str = "RS256"


class LogoutWishes(msgspec.Struct, frozen=True):
    """What of an application's `oidc_logout` concerns logout tokens."""

    backchannel_logout_urls: tuple[str, ...] = ()


class ClientProperties(msgspec.Struct, frozen=True):
    """What of an application concerns its tokens."""

    name: str = ""
    app_type: str | None = None
    grant_types: tuple[str, ...] | None = None
    token_endpoint_auth_method: str | None = None
    callbacks: tuple[str, ...] = ()
    refresh_token: RefreshRules = RefreshRules()
    jwt_configuration: TokenFormat = TokenFormat()
    oidc_logout: LogoutWishes | None = None
    oidc_backchannel_logout: LogoutWishes | None = None

    @property
    def backchannel_logout_urls(self) -> tuple[str, ...]:
        """Where it wants to be told that a session ended; `oidc_logout` is the newer name."""
        wishes = self.oidc_logout or self.oidc_backchannel_logout
        return wishes.backchannel_logout_urls if wishes else ()

    @property
    def is_public(self) -> bool:
        """Whether it proves nothing when it speaks (RFC 6749 section 2.1)."""
        return self.token_endpoint_auth_method == "none"  # noqa: S105  # a method's name

    def may_use(self, grant_type: str) -> bool:
        """Whether it is registered for the grant type."""
        return grant_type in (DEFAULT_GRANT_TYPES if self.grant_types is None else self.grant_types)


class Standing(msgspec.Struct, frozen=True, dict=True):
    """A client, its tenant, and the APIs it may ask for. `client` is `None` when there is none of this id."""

    tenant: str
    tenant_version: int
    issuer: str
    default_audience: str | None
    client_id: str
    client_version: int
    client: ClientProperties | None
    secrets: tuple[SecretHash, ...]
    credentials: tuple[PublicKey, ...]
    apis: tuple[Api, ...]
    restored_at: datetime | None = None
    """When the database last forgot which assertions were used."""
    signing_algs: tuple[str, ...] = ("RS256",)
    """What the tenant allows tokens to be signed with."""

    @cached_property
    def api_by_identifier(self) -> dict[str, Api]:
        """The APIs by audience."""
        return {api.identifier: api for api in self.apis}

    @property
    def name(self) -> str | None:
        """The application's name."""
        return self.client.name if self.client else None


class UnknownTenant(Unavailable):
    """No such tenant has been heard of yet."""


class Standings:
    """Reads standings, and keeps those of clients that exist."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[tuple[str, str], Standing] = OrderedDict()

    def kept(self, tenant: str, client_id: str) -> Standing | None:
        """A copy that may be stale."""
        return self._kept.get((tenant, client_id))

    async def read(self, tenant: str, client_id: str) -> Standing:
        """What the rows say now.

        Raises:
            UnknownTenant: there is no row of the tenant.
        """
        async with self._database.connection() as rows:
            row = await rows.fetchrow(STANDING, tenant, client_id)
        if row is None:
            raise UnknownTenant(tenant)
        standing = _standing(tenant, client_id, row)
        self._keep(standing)
        return standing

    def _keep(self, standing: Standing) -> None:
        key = (standing.tenant, standing.client_id)
        if standing.client is None:
            self._kept.pop(key, None)
            return
        self._kept[key] = standing
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


def _standing(tenant: str, client_id: str, row: Any) -> Standing:
    exists = row["client_version"] is not None
    return Standing(
        tenant=tenant,
        tenant_version=row["tenant_version"],
        issuer=row["issuer"],
        default_audience=row["default_audience"],
        client_id=client_id,
        client_version=row["client_version"] or 0,
        client=msgspec.json.decode(row["properties"], type=ClientProperties) if exists else None,
        secrets=_all(row["secrets"], SecretHash),
        credentials=_all(row["credentials"], PublicKey),
        apis=_all(row["apis"], Api),
        restored_at=row["restored_at"],
        signing_algs=tuple(row["allowed_signing_algs"]),
    )


def _all(text: str | None, kind: type[Any]) -> tuple[Any, ...]:
    return msgspec.json.decode(text, type=tuple[kind, ...]) if text else ()  # type: ignore[valid-type]
