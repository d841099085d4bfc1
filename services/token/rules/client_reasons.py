"""Why a command about an application or its grants is refused; each says so in the Management API's words.

ManagementError
├── NotFound      NoSuchClient, UnknownCredential, NoSuchGrant, NoSuchAudience
├── Conflict      ClientIdTaken, GrantExists
└── BadRequest    TooMuchMetadata, TwoMethods, InvalidGrantTypes, SameKeyTwice, TooManyCredentials,
    │             NoSuchCredential, CredentialExpiresInThePast, ScopeUnknown
    └── NotSupported   ClientUsesNoSecret, LastCredential
"""

from collections.abc import Iterable
from typing import Final

from libs.edge.management_errors import BadRequest, Conflict, NotFound, NotSupported

MOST_CREDENTIALS: Final = 2
"""Public keys an application may have at once, counting or not, as in Auth0: the one it uses, the one it moves to."""

MOST_METADATA: Final = 10
"""Entries of `client_metadata`, as in Auth0."""


class ClientIdTaken(Conflict):
    """Another application has, or had, this client_id."""

    def __init__(self) -> None:
        super().__init__("A client with the same client_id already exists.", "client_conflict")


class NoSuchClient(NotFound):
    """There is no application of this id in the tenant."""

    def __init__(self) -> None:
        super().__init__("The client does not exist", "inexistent_client")


class ClientUsesNoSecret(NotSupported):
    """A public application, or one that signs its assertions, has no secret to rotate."""

    def __init__(self) -> None:
        super().__init__("The client does not authenticate with a secret.")


class TooMuchMetadata(BadRequest):
    """`client_metadata` would have more entries than it may."""

    def __init__(self) -> None:
        super().__init__(f"client_metadata may have at most {MOST_METADATA} entries.")


class TwoMethods(BadRequest):
    """An application authenticates by its keys or as `token_endpoint_auth_method` says, never by either."""

    def __init__(self) -> None:
        super().__init__(
            "client_authentication_methods and token_endpoint_auth_method are mutually exclusive; "
            "set the one that shall not count to null."
        )


class InvalidGrantTypes(BadRequest):
    """A public application shall ask in its own name, which it cannot prove (RFC 6749 section 4.4); Auth0's text."""

    def __init__(self, grant_types: Iterable[str]) -> None:
        super().__init__(f"Invalid grant types: {', '.join(grant_types)}")


class SameKeyTwice(BadRequest):
    """Two credentials of an application have the same key, or the same `kid`."""

    def __init__(self) -> None:
        super().__init__("The client has a credential with this key or kid already.", "credential_conflict")


class TooManyCredentials(BadRequest):
    """An application may have two public keys at once."""

    def __init__(self) -> None:
        super().__init__(f"A client can have a maximum of {MOST_CREDENTIALS} credentials", "too_many_credentials")


class NoSuchCredential(BadRequest):
    """A body names a credential that the application does not have."""

    def __init__(self) -> None:
        super().__init__("The credential does not exist.", "inexistent_credential")


class UnknownCredential(NotFound):
    """The path names a credential that the application does not have."""

    def __init__(self) -> None:
        super().__init__("The credential does not exist.", "inexistent_credential")


class LastCredential(NotSupported):
    """The only credential that counts is to be deleted: the application's old secret would count again, unasked."""

    def __init__(self) -> None:
        super().__init__(
            "The credential is the only one that client_authentication_methods names; name another there, "
            "or set client_authentication_methods to null, before you delete it."
        )


class CredentialExpiresInThePast(BadRequest):
    """A credential that has expired would never count."""

    def __init__(self) -> None:
        super().__init__("The credential's expires_at is in the past.")


class NoSuchAudience(NotFound):
    """There is no API with this identifier."""

    def __init__(self) -> None:
        super().__init__("The resource server does not exist.", "inexistent_resource_server")


class GrantExists(Conflict):
    """The application has a grant for this API already."""

    def __init__(self) -> None:
        super().__init__("A client grant for this client and audience already exists.", "client_grant_conflict")


class NoSuchGrant(NotFound):
    """There is no client grant of this id in the tenant."""

    def __init__(self) -> None:
        super().__init__("The client grant does not exist.", "inexistent_client_grant")


class ScopeUnknown(BadRequest):
    """The API does not have this scope."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"The scope '{scope}' is not defined by the resource server.", "invalid_scope")
