"""`/dbconnections/signup` and `/dbconnections/change_password`: accounts by Auth0's Authentication API.

Errors are `{name, code, description, statusCode}`, as Auth0's SDKs read them here alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from libs.edge import Call, Reply, Route, answers
from libs.edge.refusals import Refusal
from libs.edge.renderers import oauth_json
from libs.edge.validation import violation
from libs.edge.wire import Request
from libs.oauth.errors import InvalidRequest
from libs.runtime.strict_json import MalformedJSON, load_object
from services.login.factors.attempt import SignUpRefused, SignUpRequest, TooManyAttempts
from services.login.factors.signup import SignUp
from services.login.factors.tickets import Tickets
from services.login.queries import people, places
from services.login.routes.answering import html
from services.login.routes.forms import FORM
from services.login.routes.people_desk import PeopleDesk, caller_of
from services.login.routes.user_schema import PHONE_NUMBER, PICTURE, PLAIN
from services.login.rules.database import may_reset

SENT: Final = "We've just sent you an email to reset your password."
"""The same, whether or not there is somebody."""

LONGEST: Final = {"given_name": 150, "family_name": 150, "name": 300, "nickname": 300}
FORMED: Final = {
    "picture": (PICTURE, "an https URL of at most 2048 characters"),
    "phone_number": (PHONE_NUMBER, "+ and up to fifteen digits"),
}
"""What is as an administrator would have to say it; that a number is theirs, nobody has shown."""

MOST_METADATA: Final = 10
LONGEST_KEY: Final = 100
LONGEST_VALUE: Final = 500


class Malformed(InvalidRequest):
    """The body does not say what is needed, or not as texts."""


class SelfServiceDisabled(Malformed):
    """The connection does not let people set another password by themselves."""


def routes(desk: PeopleDesk, signup: SignUp, tickets: Tickets) -> tuple[Route, ...]:
    """The table of routes."""
    connections = DBConnections(desk, signup, tickets)
    return (
        Route("POST", "/dbconnections/signup", connections.signup, renderer=rendered),
        Route("POST", "/dbconnections/change_password", connections.change_password, renderer=rendered),
    )


@dataclass(frozen=True)
class DBConnections:
    """The handlers."""

    desk: PeopleDesk
    signing_up: SignUp
    tickets: Tickets

    async def signup(self, call: Call) -> Reply:
        """An account, made by whoever asks."""
        body = _organizationless(call)
        caller = await caller_of(self.desk.database, call, _text(body, "client_id"))
        request = SignUpRequest(
            **{name: getattr(caller, name) for name in caller.__dataclass_fields__},
            tenant=call.tenant,
            connection_id=_needed(body, "connection"),
            email=_needed(body, "email"),
            password=_needed(body, "password"),
            username=_text(body, "username"),
            profile=_profile(body),
        )
        proven = await self.signing_up.register(request)
        person = await people.person(self.desk.database, call.tenant, proven.person)
        assert person is not None, "it was made just now"
        said = {name: value for name, value in person.profile.items() if name != "app_metadata"}
        bare = person.user_id.partition("|")[2]
        body_out = {"_id": bare, **said, "email_verified": person.email_verified}
        return answers.json(body_out, headers=answers.NO_STORE)

    async def change_password(self, call: Call) -> Reply:
        """A mail with a link to set a new password, if there is somebody; the answer never tells."""
        body = _organizationless(call)
        caller = await caller_of(self.desk.database, call, _text(body, "client_id"))
        identifier = _text(body, "email") or _needed(body, "username")
        connection = await places.connection(self.desk.database, call.tenant, _needed(body, "connection"))
        if connection is not None and not may_reset(connection.options):
            raise SelfServiceDisabled("Changing a password by mail is disabled for this connection.")
        named = connection.connection_id if connection else ""
        await self.tickets.reset_requested(call.tenant, named, identifier, caller)
        return html(SENT, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


def rendered(error: Exception, request: Request) -> Reply:
    """Tell an error as this part of Auth0's API does."""
    if isinstance(error, SignUpRefused):
        return _told(HTTPStatus.BAD_REQUEST, error.code, error.description, error.name)
    if isinstance(error, TooManyAttempts):
        return _told(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", "Too many requests", "TooManyRequestsError")
    if isinstance(error, Malformed):
        return _told(HTTPStatus.BAD_REQUEST, "invalid_request", error.description, "BadRequestError")
    if isinstance(error, Refusal):
        return _told(error.status, error.code, error.message, "BadRequestError")
    return oauth_json(error, request)


def _told(status: int, code: str, description: str, name: str) -> Reply:
    said = {"name": name, "code": code, "description": description, "statusCode": int(status)}
    return answers.json(said, status=status, headers=answers.NO_STORE)


def _body(call: Call) -> Mapping[str, Any]:
    media_type = (call.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type not in {"application/json", FORM}:
        raise Malformed("The content type must be application/json.")
    try:
        return load_object(call.request.body) if media_type != FORM else _form(call.request.body)
    except (MalformedJSON, ValueError) as error:
        raise Malformed("The body is malformed.") from error


def _organizationless(call: Call) -> Mapping[str, Any]:
    """The body; an account or a mail of an organization would be another one than what is made."""
    body = _body(call)
    if body.get("organization"):
        raise Malformed("Organizations are not supported.")
    return body


def _form(body: bytes) -> Mapping[str, Any]:
    pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=100)
    if len(dict(pairs)) != len(pairs) or any("\0" in value for _, value in pairs):
        raise ValueError
    return dict(pairs)


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise Malformed(f"{name} must be a text.")
    return value or None


def _needed(body: Mapping[str, Any], name: str) -> str:
    value = _text(body, name)
    if value is None:
        raise Malformed(f"Missing required parameter: {name}.")
    return value


def _profile(body: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody says of themself: short lines without control characters, and up to ten texts of metadata."""
    said = {name: _line(body, name, longest) for name, longest in LONGEST.items() if _text(body, name)}
    said |= {name: _formed(body, name) for name in FORMED if _text(body, name)}
    metadata = body.get("user_metadata")
    if metadata is None:
        return said
    if not isinstance(metadata, dict) or len(metadata) > MOST_METADATA:
        raise Malformed(f"user_metadata must be an object of at most {MOST_METADATA} texts.")
    if any(len(name) > LONGEST_KEY for name in metadata):
        raise Malformed(f"A name in user_metadata has {LONGEST_KEY} characters at most.")
    texts = {name: _line(metadata, name, LONGEST_VALUE) for name in metadata}
    return {**said, "user_metadata": texts} if texts else said


def _formed(body: Mapping[str, Any], name: str) -> str:
    value, (kind, wanted) = _text(body, name) or "", FORMED[name]
    if violation(kind, value) is not None:
        raise Malformed(f"{name} must be {wanted}.")
    return value


def _line(body: Mapping[str, Any], name: str, longest: int) -> str:
    value = _text(body, name) or ""
    if len(value) > longest or not re.fullmatch(PLAIN, value):
        raise Malformed(f"{name} is too long, or holds characters that cannot be shown.")
    return value
