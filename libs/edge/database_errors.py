"""What `/dbconnections/*` answer when they refuse: `{name, code, description, statusCode}`, in Auth0's words.

Auth0's libraries for browsers and phones compare `code`, and `name` where a password is not good enough.
"""

from typing import Any, ClassVar


class DatabaseError(Exception):
    """A refusal of `/dbconnections/*`; `code` is Auth0's, the description is for the person."""

    status: ClassVar[int] = 400
    name: str = "BadRequestError"
    code: str

    def __init__(self, description: str, *, code: str | None = None, name: str | None = None) -> None:
        super().__init__(description)
        self.description = description
        self.code = code or type(self).code
        self.name = name or type(self).name

    def body(self) -> dict[str, Any]:
        """Return the JSON members."""
        return database_body(self.name, self.code, self.description, self.status)


def database_body(name: str, code: str, description: str, status: int) -> dict[str, Any]:
    """Return the error object of `/dbconnections/*`."""
    return {"name": name, "code": code, "description": description, "statusCode": status}
