"""`/api/v2/refresh-tokens/{id}`: what a person lets an application go on with; never the token itself."""

from dataclasses import dataclass
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Call, Reply, Route, answers
from libs.edge.asks import AskRefused, ask
from libs.edge.management_errors import NotFound
from libs.edge.operation import Operation
from libs.edge.schema import Anything, Array, Resource
from libs.runtime.errors import Unavailable
from services.login.commands import PeopleAnswer, PeopleOf, PersonOf
from services.token.commands import RevokeGrant
from services.token.queries import grants
from services.token.queries.grants import GrantRow
from services.token.routes.desk import Desk
from services.token.routes.schemas.kinds import BOOLEAN, line, ours

ONE: Final = "/api/v2/refresh-tokens/{id}"

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
)

READ: Final = Operation(answer=REFRESH_TOKEN, errors=(404,))
ENDED: Final = Operation(status=202)


class NoSuchRefreshToken(NotFound):
    """There is none of this id, or it has ended."""

    def __init__(self) -> None:
        super().__init__("The refresh token does not exist.", "inexistent_refresh_token")


@dataclass(frozen=True)
class RefreshTokenRoutes:
    """The handlers."""

    desk: Desk
    bus: Bus

    def routes(self) -> tuple[Route, ...]:
        """The table of routes."""
        return (
            Route("GET", ONE, self.read, scopes=("read:refresh_tokens",), operation=READ),
            Route("DELETE", ONE, self.delete, scopes=("delete:refresh_tokens",), operation=ENDED),
        )

    async def read(self, call: Call) -> Reply:
        """One refresh token."""
        grant = await grants.grant(self.desk.database, call.tenant, call.parameters["id"])
        if grant is None or not grant.is_offline:
            raise NoSuchRefreshToken
        return answers.json(members(grant, await self._user_id(call.tenant, grant)))

    async def delete(self, call: Call) -> Reply:
        """End it; 202 also where there was none."""
        command = RevokeGrant(call.tenant, call.parameters["id"], "revoked_by_administrator")
        _, headers = await self.desk.run(command, call)
        return answers.empty(status=202, headers=headers)

    async def _user_id(self, tenant: str, grant: GrantRow) -> str | None:
        """What the person is called outside: `login` alone knows, and says it of those who may still use the token."""
        question = PersonOf(
            tenant=tenant,
            person=grant.person,
            session_id=grant.session_id,
            client_id=grant.client_id,
            audience=grant.audience,
            scope=[],
            requested=None,
            authorized_at=grant.auth_time,
            purpose="refresh",
        )
        try:
            answer = await ask(self.bus, "login", "people", PeopleOf(people=[question]), PeopleAnswer)
        except AskRefused as error:
            raise Unavailable(str(error)) from error
        return answer.people[0].sub or None


def members(grant: GrantRow, user_id: str | None) -> dict[str, Any]:
    """A refresh token as the Management API shows it."""
    resource_servers = [{"audience": grant.audience, "scopes": " ".join(grant.scope)}]
    return {
        "id": grant.grant_id,
        "user_id": user_id,
        "client_id": grant.client_id,
        "session_id": grant.session_id,
        "rotating": grant.is_rotating,
        "resource_servers": resource_servers,
        "created_at": grant.created_at,
        "idle_expires_at": grant.idle_expires_at,
        "expires_at": grant.expires_at,
        "last_exchanged_at": grant.last_exchanged_at,
    }
