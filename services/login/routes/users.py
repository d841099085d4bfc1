"""`/api/v2/users`, `/api/v2/users-by-email`: people, as an administrator sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from libs.edge import Call, Reply, Route, answers
from libs.edge.management import InsufficientScope
from libs.edge.management_errors import BadRequest, InvalidQuery, NotSupported
from libs.edge.operation import FIELDS, GONE, PAGES, Listing, Operation, Parameter, line
from libs.edge.paging import Fields, OffsetPage, requested
from libs.edge.schema import Anything, Array, Boolean, Text
from libs.edge.validation import changed, created
from libs.edge.writes import context_of
from libs.eventstore import Also
from libs.postgres import Connection as Rows
from libs.sealed import new_person_key
from libs.sealed.passwords import Passwords
from services.login.commands import ChangeUser, RegisterUser
from services.login.factors.attempt import Caller, PasswordRefused
from services.login.factors.mails import mail
from services.login.factors.policy import Policy
from services.login.factors.signup import PROVIDER, new_person, new_user_id, personal
from services.login.queries import people, places
from services.login.queries.people import Person
from services.login.queries.places import Connection
from services.login.queries.user_search import Wanted
from services.login.routes.erasing import erase
from services.login.routes.people_desk import PeopleDesk, asking_for, members_of
from services.login.routes.user_schema import MOST_METADATA, PROFILE, USER, USER_CHANGE, USER_CREATION
from services.login.rows.errands import put, put_ending
from services.login.rules.database import require_username
from services.login.rules.identifiers import InvalidIdentifier, email_of, username_of
from services.login.rules.person_reasons import NoAddress, NoSuchUser

PATH: Final = "/api/v2/users"
ONE: Final = "/api/v2/users/{id}"

READ: Final = ("read:users", "read:current_user", "read:user_idp_tokens")
CHANGE: Final = ("update:users", "update:users_app_metadata", "update:current_user_metadata")
DELETE: Final = ("delete:users", "delete:current_user")

IDENTITY_ONLY: Final = frozenset({"user_id", "identities"})
"""What a caller sees that may read identities and nothing else."""

LIST: Final = Operation(
    query=(
        *PAGES,
        *FIELDS,
        Parameter("sort", line(64), "A field and :1 or :-1"),
        Parameter("connection", line(128), "Only users of this connection"),
        Parameter("q", line(1024), "Lucene: field:value, AND, OR, NOT, a * at the end"),
        Parameter("search_engine", Text(enum=("v1", "v2", "v3")), "Understood is v3"),
        Parameter("primary_order", Boolean(), "Without effect: an order that was not asked is by age"),
    ),
    answer=Listing("users", USER, has_checkpoints=False),
)
CREATE: Final = Operation(body=USER_CREATION, answer=USER, status=201, identified_by="user_id")
BY_EMAIL: Final = Operation(
    query=(*FIELDS, Parameter("email", line(320), "The address, in any case")), answer=Array(Anything())
)


class UnknownConnection(BadRequest):
    """There is no database connection of this name, or the user has no identity in it."""

    def __init__(self) -> None:
        super().__init__("The connection does not exist.", "inexistent_connection")


class WeakPassword(BadRequest):
    """The password does not keep the connection's policy."""

    def __init__(self, refused: PasswordRefused) -> None:
        super().__init__(f"{refused.name}: {refused.description}", "invalid_password")


class IncompleteUser(BadRequest):
    """An account in a database has an address or a user name, and both have their forms."""


def routes(desk: PeopleDesk, passwords: Passwords) -> tuple[Route, ...]:
    """The table of routes."""
    users = Users(desk, passwords)
    one = Operation(query=FIELDS, answer=USER)
    change = Operation(body=USER_CHANGE, answer=USER)
    return (
        Route("GET", PATH, users.list, scopes=("read:users", "read:user_idp_tokens"), operation=LIST),
        Route("POST", PATH, users.create, scopes=("create:users",), operation=CREATE),
        Route("GET", ONE, users.read, scopes=READ, operation=one),
        Route("PATCH", ONE, users.change, scopes=CHANGE, operation=change),
        Route("DELETE", ONE, users.delete, scopes=DELETE, operation=GONE),
        Route("GET", "/api/v2/users-by-email", users.by_email, scopes=("read:users",), operation=BY_EMAIL),
    )


@dataclass(frozen=True)
class Users:
    """The handlers."""

    desk: PeopleDesk
    passwords: Passwords

    async def list(self, call: Call) -> Reply:
        """A page of the users that are wanted."""
        query = call.query()
        if query.text("search_engine") not in {None, "v3"}:
            raise InvalidQuery.about("search_engine", "Only v3 is supported")
        page, fields = requested(query, has_checkpoints=False), Fields.requested(query)
        assert isinstance(page, OffsetPage), "no checkpoints were offered"
        wanted = Wanted(query.text("q") or "", query.text("connection"), query.text("sort") or "")
        found = await self.desk.users.page(call.tenant, wanted, page.start, page.per_page, counts=page.include_totals)
        items = [fields.of(_readable(call, person)) for person in found.items]
        said = page.answer("users", items, found.total)
        return answers.json({**said, "length": len(items)} if page.include_totals else said)

    async def by_email(self, call: Call) -> Reply:
        """Everybody with an address."""
        query = call.query()
        email, fields = query.text("email"), Fields.requested(query)
        if email is None:
            raise InvalidQuery.about("email", "Missing required property: email")
        found = await people.by_email(self.desk.database, call.tenant, email)
        return answers.json([fields.of(members_of(person)) for person in found])

    async def read(self, call: Call) -> Reply:
        """One user; whoever may read themself alone reads nobody else."""
        _only_self(call, {"read:users", "read:user_idp_tokens"}, "read:users")
        fields = Fields.requested(call.query())
        return answers.json(fields.of(_readable(call, await self._found(call))))

    async def create(self, call: Call) -> Reply:
        """An account in a database connection, made by an administrator."""
        body = created(USER_CREATION, call)
        connection = await places.connection(self.desk.database, call.tenant, body["connection"])
        if connection is None or not connection.is_database:
            raise UnknownConnection
        profile = _profile(body)
        _require_identifier(profile)
        _require_length(connection.options, profile)
        if body.get("password") is None:
            raise IncompleteUser("Payload validation error: 'Missing required property: password'.")
        phc, _ = await self._hashed(call.tenant, Policy.of(connection.options), body["password"], profile, ())
        command = _registering(call, body, connection, profile, phc)

        async def answer(rows: Rows, _state: Any) -> Reply:
            row = await rows.fetchrow(people.ONE, call.tenant, command.person)
            assert row is not None, "it was written just now"
            return answers.json(members_of(people.person_of(row)), status=201)

        caller = await asking_for(self.desk.database, call, None)
        return await self.desk.once(command, call, answer, _verifying(call, caller, command.person, profile, body))

    async def change(self, call: Call) -> Reply:
        """Change what is said of a user; what ends sessions ends them before the answer."""
        body = changed(USER_CHANGE, call)
        _require_scopes_of(call, body)
        person = await self._found(call)
        if body.get("connection") not in {None, person.connection}:
            raise UnknownConnection
        profile = _profile(body)
        if not profile.keys().isdisjoint({"email", "username"}):
            _require_identifier({**person.profile, **profile})
        if profile.get("username") not in {None, person.profile.get("username")}:
            connection = await places.connection(self.desk.database, call.tenant, person.connection_id)
            _require_length(connection.options if connection else {}, profile)
        phc, keeps = None, 0
        if body.get("password") is not None:
            phc, keeps = await self._changed_password(call.tenant, person, {**person.profile, **profile}, body)
        command = ChangeUser(
            tenant=call.tenant,
            person=person.person,
            profile=profile,
            email_verified=body.get("email_verified"),
            is_blocked=body.get("blocked"),
            phc=phc,
            keeps=keeps,
        )
        caller = await asking_for(self.desk.database, call, body.get("client_id"))
        verifying = _verifying(call, caller, person.person, {**person.profile, **profile}, body)
        why = _why(command)
        also = [verifying, _told(call, person, phc), _ending(call, person, why)]
        committed = await self.desk.run(command, call, also)
        if why:
            await self.desk.ended(call.tenant, person.person, why, context_of(call))
        headers = await self.desk.headers(committed, call)
        return answers.json(_readable(call, await self._found(call)), headers=headers)

    async def delete(self, call: Call) -> Reply:
        """Forget a user; 204 also where there was none."""
        _only_self(call, {"delete:users"}, "delete:users")
        person = await people.by_user_id(self.desk.database, call.tenant, call.parameters["id"])
        if person is None:
            return answers.empty()
        committed = await erase(self.desk, call.tenant, person.person, context_of(call))
        return answers.empty(headers=await self.desk.headers(committed, call))

    async def _found(self, call: Call) -> Person:
        person = await people.by_user_id(self.desk.database, call.tenant, call.parameters["id"])
        if person is None:
            raise NoSuchUser
        return person

    async def _changed_password(
        self, tenant: str, person: Person, profile: Mapping[str, Any], body: Mapping[str, Any]
    ) -> tuple[str, int]:
        connection = await places.connection(self.desk.database, tenant, person.connection_id)
        policy = Policy.of(connection.options if connection else {})
        earlier = await people.earlier_passwords(self.desk.database, tenant, person.person, policy.history)
        return await self._hashed(tenant, policy, body["password"], profile, earlier)

    async def _hashed(
        self, tenant: str, policy: Policy, password: str, profile: Mapping[str, Any], earlier: Sequence[str]
    ) -> tuple[str, int]:
        place = await places.place(self.desk.database, tenant)
        try:
            await policy.require(self.passwords, password, personal(place, profile), earlier)
        except PasswordRefused as refused:
            raise WeakPassword(refused) from refused
        return await self.passwords.hashed_of(password), policy.history


def scopes_of(call: Call) -> frozenset[str]:
    """The scopes of the caller's token."""
    claims: Mapping[str, Any] = call.claims or {}
    return frozenset(str(claims.get("scope", "")).split(" "))


def _only_self(call: Call, anybody: set[str], expected: str) -> None:
    """Whoever lacks the scopes for `anybody` is their own subject, or may not."""
    claims: Mapping[str, Any] = call.claims or {}
    if scopes_of(call).isdisjoint(anybody) and claims.get("sub") != call.parameters["id"]:
        raise InsufficientScope((expected,))


def _require_scopes_of(call: Call, body: Mapping[str, Any]) -> None:
    """Each kind of member has its own scope; the route's only open the door."""
    scopes = scopes_of(call)
    if "update:users" in scopes:
        return
    others = body.keys() - {"app_metadata", "connection", "client_id"}
    if "update:users_app_metadata" in scopes and not others:
        return
    if "update:current_user_metadata" in scopes and body.keys() <= {"user_metadata"}:
        _only_self(call, set(), "update:users")
        return
    raise InsufficientScope(("update:users",))


def _readable(call: Call, person: Person) -> dict[str, Any]:
    members = members_of(person)
    if scopes_of(call).isdisjoint({"read:users", "update:users", "read:current_user", *CHANGE}):
        return {name: value for name, value in members.items() if name in IDENTITY_ONLY}
    return members


def _profile(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a body says of a person, addresses and names in their forms."""
    said = {name: value for name, value in body.items() if name in PROFILE}
    if "phone_verified" in body:
        said["phone_verified"] = body["phone_verified"]
    try:
        said |= {"email": email_of(said["email"])} if said.get("email") is not None else {}
        said |= {"username": username_of(said["username"])} if said.get("username") is not None else {}
    except InvalidIdentifier as error:
        raise _misnamed(error) from error
    for name in ("user_metadata", "app_metadata"):
        if said.get(name) is not None and len(msgspec.json.encode(said[name])) > MOST_METADATA:
            raise IncompleteUser(f"Payload validation error: 'Object is too large' on property {name}.")
    return said


def _misnamed(error: InvalidIdentifier) -> IncompleteUser:
    told = f"Payload validation error: 'Object didn't pass validation for format {error}' on property {error}."
    return IncompleteUser(told)


def _require_length(options: Mapping[str, Any], profile: Mapping[str, Any]) -> None:
    try:
        require_username(options, profile.get("username"))
    except InvalidIdentifier as error:
        raise _misnamed(error) from error


def _require_identifier(profile: Mapping[str, Any]) -> None:
    """Without both nobody could sign in any more."""
    if not profile.get("email") and not profile.get("username"):
        raise IncompleteUser("Payload validation error: 'Missing required property: email'.")


def _registering(
    call: Call, body: Mapping[str, Any], connection: Connection, profile: Mapping[str, Any], phc: str
) -> RegisterUser:
    return RegisterUser(
        tenant=call.tenant,
        person=new_person(),
        key=new_person_key(),
        connection_id=connection.connection_id,
        connection=connection.name,
        provider=PROVIDER,
        user_id=f"{PROVIDER}|{body['user_id']}" if body.get("user_id") else new_user_id(),
        profile=profile,
        email_verified=body.get("email_verified") is True,
        is_blocked=body.get("blocked") is True,
        phc=phc,
    )


def _verifying(
    call: Call, caller: Caller, person: str, profile: Mapping[str, Any], body: Mapping[str, Any]
) -> Also | None:
    """The mail by which an address is verified, where it is wanted: for a new user by default, else when asked.

    Raises:
        NoAddress: it is asked for, and there is no address.
        NotSupported: the same of a number, to which nothing can be sent.
    """
    if body.get("verify_phone_number") is True:
        raise NotSupported("This value of verify_phone_number is not supported.")
    if body.get("verify_email") is True and not profile.get("email"):
        raise NoAddress
    default = "connection" in body and call.request.method == "POST" and body.get("email_verified") is not True
    if not profile.get("email") or not body.get("verify_email", default):
        return None
    wanted = mail(call.tenant, person, "verify_email", application=caller.client_name, client_id=caller.client_id)

    async def also(rows: Rows, _state: Any) -> None:
        await put(rows, wanted)

    return also


def _why(command: ChangeUser) -> str | None:
    """Why the sessions of a user end with a change, if they do.

    Also of who was blocked already when it was asked: somebody may have been let in since.
    """
    if command.is_blocked:
        return "blocked"
    return "password" if command.phc is not None else None


def _ending(call: Call, person: Person, why: str | None) -> Also | None:
    """The sessions' end, for whatever is left of them when the answer was never given."""
    if why is None:
        return None

    async def also(rows: Rows, _state: Any) -> None:
        await put_ending(rows, call.tenant, person.person, why)

    return also


def _told(call: Call, person: Person, phc: str | None) -> Also | None:
    if phc is None:
        return None

    async def also(rows: Rows, _state: Any) -> None:
        await put(rows, mail(call.tenant, person.person, "password_changed"))

    return also
