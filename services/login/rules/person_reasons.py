"""Why a command about somebody is refused, in the Management API's words.

ManagementError
├── NotFound      NoSuchUser
├── Conflict      UserExists, UsernameExists
└── BadRequest    NoAddress
TicketRefused     a link that is spent, expired, replaced by a newer one, or never was
"""

from libs.edge.management_errors import BadRequest, Conflict, NotFound


class NoSuchUser(NotFound):
    """There is nobody of this id in the tenant."""

    def __init__(self) -> None:
        super().__init__("The user does not exist.", "inexistent_user")


class UserExists(Conflict):
    """Somebody in the connection has this address, user name or id."""

    def __init__(self, message: str = "The user already exists.", code: str = "auth0_idp_error") -> None:
        super().__init__(message, code)


class UsernameExists(UserExists):
    """Somebody in the connection has this user name."""

    def __init__(self) -> None:
        super().__init__("The username provided is in use already.")


class NoAddress(BadRequest):
    """An address is to be verified, and the user has none: nothing could be sent, and nothing shown."""

    def __init__(self) -> None:
        super().__init__("The user does not have an email address.")


class TicketRefused(Exception):
    """The link is spent, expired, replaced by a newer one, or never was: the same for all."""
