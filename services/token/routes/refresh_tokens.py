"""`/api/v2/refresh-tokens`: what a person lets an application go on with; never the token itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Call, Query, Reply, Route, answers
from libs.edge.asks import learn
from libs.edge.management_errors import BadRequest, InvalidQuery, NotFound
from libs.edge.operation import CHECKPOINTS, FIELDS, Listing, Operation, Parameter
from libs.edge.operation import line as in_query
from libs.edge.paging import MAX_PER_PAGE, PER_PAGE, CheckpointPage, Fields
from libs.edge.schema import Anything, Array, Dictionary, Property, Resource, Text
from libs.edge.validation import changed, created
from libs.edge.writes import context_of
from services.login.commands import UserAnswer, UserOf
from services.token.commands import AnnotateGrant, RevokeGrant
from services.token.queries import grants
from services.token.queries.grants import GrantRow
from services.token.routes.desk import Desk
from services.token.routes.schemas.kinds import BOOLEAN, line, ours, removable
from services.token.rules.grant import NoSuchRefreshToken

PATH: Final = "/api/v2/refresh-tokens"
ONE: Final = "/api/v2/refresh-tokens/{id}"

METADATA: Final = "refresh_token_metadata"
BY_ADMINISTRATOR: Final = "revoked_by_administrator"

REFRESH_TOKEN: Final = Resource(
    "refresh_token",
    ours("id", line(64), "Names it here; not the token"),
    ours("user_id", line(1024), "Whose it is"),
    ours("client_id", line(64), "Which application holds it"),
    ours("session_id", line(64), "The session in which it began"),
    ours("rotating", BOOLEAN, "Whether each use gives a new one"),
    ours("resource_servers", Array(Anything()), "For which API and scopes"),
    ours("created_at", line(32), "When it began"),
    ours("idle_expires_at", line(32), "When it ends unless it is used"),
    ours("expires_at", line(32), "When it ends at the latest"),
    ours("last_exchanged_at", line(32), "When it was last used"),
    ours("device", Anything(), "Where it was used; not kept"),
    removable(METADATA, Dictionary(Text(max_length=255), max_members=25), "Noted of it; replaced as a whole"),
)

REVOCATION: Final = Resource(
    "refresh token revocation",
    Property("ids", Array(Text(min_length=1, max_length=64), min_items=1), "Which, and nothing beside them"),
    Property("user_id", line(300, shortest=1), "All of this user"),
    Property("client_id", line(64, shortest=1), "Of those only this application's"),
    Property("audience", line(600, shortest=1), "Of those only the ones for this API"),
)

LIST: Final = Operation(
    query=(
        Parameter("user_id", in_query(300), "Whose"),
        Parameter("client_id", in_query(64), "Only this application's"),
        *CHECKPOINTS,
        *FIELDS,
    ),
    answer=Listing("refresh_tokens", REFRESH_TOKEN, has_offsets=False),
    errors=(404,),
)
READ: Final = Operation(answer=REFRESH_TOKEN, errors=(404,))
CHANGE: Final = Operation(body=REFRESH_TOKEN, answer=REFRESH_TOKEN, errors=(404,))
ENDED: Final = Operation(status=202)
REVOKE: Final = Operation(body=REVOCATION, status=202)


class NoSuchUser(NotFound):
    """There is no user of this id."""

    def __init__(self) -> None:
        super().__init__("The user does not exist.", "inexistent_user")


class UnclearRevocation(BadRequest):
    """Which refresh tokens are meant is not said in one of the ways there are."""


@dataclass(frozen=True)
class RefreshTokenRoutes:
    """The handlers."""

    desk: Desk
    bus: Bus

    def routes(self) -> tuple[Route, ...]:
        """The table of routes."""
        read, delete = ("read:refresh_tokens",), ("delete:refresh_tokens",)
        return (
            Route("GET", PATH, self.list, scopes=read, operation=LIST),
            Route("POST", f"{PATH}/revoke", self.revoke, scopes=delete, operation=REVOKE),
            Route("GET", ONE, self.read, scopes=read, operation=READ),
            Route("PATCH", ONE, self.change, scopes=("update:refresh_tokens",), operation=CHANGE),
            Route("DELETE", ONE, self.delete, scopes=delete, operation=ENDED),
        )

    async def list(self, call: Call) -> Reply:
        """A page of a user's refresh tokens."""
        query = call.query()
        page, fields, user_id = _page(query), Fields.requested(query), query.text("user_id")
        if user_id is None:
            raise InvalidQuery.about("user_id", "Missing required property: user_id")
        after = self.desk.after(call, page)
        person = await self._person(call.tenant, user_id)
        found = await grants.refresh_tokens(
            self.desk.database, call.tenant, person, query.text("client_id"), after.position, after.limit + 1
        )
        last = found[after.limit - 1].grant_id if len(found) > after.limit else None
        items = [fields.of(members(each, user_id)) for each in found[: after.limit]]
        return answers.json(page.answer("refresh_tokens", items, self.desk.following(call, last)))

    async def read(self, call: Call) -> Reply:
        """One refresh token."""
        return answers.json(await self._shown(call))

    async def change(self, call: Call) -> Reply:
        """Note something of it, in place of what was noted; `null` and `{}` note nothing."""
        body = changed(REFRESH_TOKEN, call)
        if METADATA not in body:
            raise BadRequest("Payload validation error: 'Too few properties defined (0), minimum 1'.")
        said = {name: text for name, text in (body[METADATA] or {}).items() if text is not None}
        await self.desk.store.execute(AnnotateGrant(call.tenant, call.parameters["id"], said), context_of(call))
        return answers.json(await self._shown(call))

    async def delete(self, call: Call) -> Reply:
        """End it; 202 also where there was none."""
        command = RevokeGrant(call.tenant, call.parameters["id"], BY_ADMINISTRATOR)
        _, headers = await self.desk.run(command, call)
        return answers.empty(status=202, headers=headers)

    async def revoke(self, call: Call) -> Reply:
        """End many, one by one: those that are named, or a user's; 202 also where there was none."""
        for grant_id in await self._meant(call.tenant, _clear(created(REVOCATION, call))):
            command = RevokeGrant(call.tenant, grant_id, BY_ADMINISTRATOR)
            await self.desk.store.execute(command, context_of(call))
        return answers.empty(status=202)

    async def _meant(self, tenant: str, said: Mapping[str, Any]) -> Sequence[str]:
        if "ids" in said:
            return [*dict.fromkeys(said["ids"])]
        user = await self._user(UserOf(tenant=tenant, user_id=said["user_id"]))
        if user.person is None:
            return []
        return await grants.grants_of(
            self.desk.database,
            tenant,
            user.person,
            client_id=said.get("client_id"),
            audience=said.get("audience"),
            session_id=None,
        )

    async def _shown(self, call: Call) -> dict[str, Any]:
        grant = await grants.grant(self.desk.database, call.tenant, call.parameters["id"])
        if grant is None or not grant.is_offline:
            raise NoSuchRefreshToken
        return members(grant, (await self._user(UserOf(tenant=call.tenant, person=grant.person))).user_id)

    async def _person(self, tenant: str, user_id: str) -> str:
        person = (await self._user(UserOf(tenant=tenant, user_id=user_id))).person
        if person is None:
            raise NoSuchUser
        return person

    async def _user(self, question: UserOf) -> UserAnswer:
        """What a person is called outside, and here: `login` alone knows."""
        return await learn(self.bus, "login", "user", question, UserAnswer)


def _page(query: Query) -> CheckpointPage:
    return CheckpointPage(query.integer("take", minimum=1, maximum=MAX_PER_PAGE) or PER_PAGE, query.text("from"))


def _clear(said: dict[str, Any]) -> dict[str, Any]:
    """The body, if it says in one of Auth0's four ways which are meant."""
    names = set(said)
    if "ids" in names and len(names) > 1:
        raise UnclearRevocation("ids cannot be combined with user_id, client_id or audience.")
    if names & {"client_id", "audience"} and "user_id" not in names:
        raise UnclearRevocation("client_id and audience must be paired with user_id.")
    if "audience" in names and "client_id" not in names:
        raise UnclearRevocation("audience must be used with both user_id and client_id.")
    if not names:
        raise UnclearRevocation("One of ids and user_id is required.")
    return said


def members(grant: GrantRow, user_id: str | None) -> dict[str, Any]:
    """A refresh token as the Management API shows it."""
    scopes = " ".join(grant.scope)
    return {
        "id": grant.grant_id,
        "user_id": user_id,
        "client_id": grant.client_id,
        "session_id": grant.session_id,
        "rotating": grant.is_rotating,
        "resource_servers": [{"audience": grant.audience, "scopes": scopes}] if grant.audience else [],
        "created_at": grant.created_at,
        "idle_expires_at": grant.idle_expires_at,
        "expires_at": grant.expires_at,
        "last_exchanged_at": grant.last_exchanged_at,
        "device": {},
        METADATA: grant.metadata,
    }
