"""What a grant type is to the endpoint: some small questions; the endpoint owns the order in which they are asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, Protocol, Self

from libs.bus import Bus
from libs.edge.asks import learn
from libs.eventstore import EventStore
from libs.oauth import Parameters
from libs.runtime.together import Together
from services.login.commands import PeopleAnswer, PeopleOf, PersonAnswer, PersonOf
from services.token.events import GrantStarted
from services.token.grants.authentication import Authenticated
from services.token.grants.refresh_tokens import RefreshTokens, Seed
from services.token.grants.standing import Api, Standing
from services.token.queries import grants
from services.token.queries.grants import ApiRow, GrantRow
from services.token.rules.code import Code


@dataclass(frozen=True)
class Reach:
    """What a grant type can reach besides its request: rows and commands, `login`, the keys of refresh tokens.

    Requests that come at the same time look for their rows and ask `login` together.
    """

    store: EventStore
    refresh_tokens: RefreshTokens
    codes: Together[grants.Named, tuple[Code | None, ApiRow | None]]
    grants: Together[grants.Named, tuple[GrantRow | None, ApiRow | None]]
    people: Together[PersonOf, PersonAnswer]

    @classmethod
    def of(cls, store: EventStore, bus: Bus, refresh_tokens: RefreshTokens) -> Self:
        """The reach of one process."""

        async def people(asked: Sequence[PersonOf]) -> Sequence[PersonAnswer]:
            answer = await learn(bus, "login", "people", PeopleOf(people=list(asked)), PeopleAnswer)
            return answer.people

        return cls(
            store,
            refresh_tokens,
            Together(partial(grants.codes, store.database)),
            Together(partial(grants.grants_by_handle, store.database)),
            Together(people),
        )


class Asked(NamedTuple):
    """A request whose client is authenticated."""

    grant_type: str
    parameters: Parameters
    standing: Standing
    authenticated: Authenticated
    now: datetime
    reach: Reach


class Redemption(NamedTuple):
    """A code is to be spent, and a grant to begin."""

    code: bytes
    started: GrantStarted
    seed: Seed
    requested: str | None
    idle_expires_at: datetime | None


class Renewal(NamedTuple):
    """A refresh token of generation `presented` is to be used; `leeway` is in seconds."""

    presented: int
    seed: Seed
    rotates: bool
    leeway: int
    idle_expires_at: datetime | None


class Personal(NamedTuple):
    """What tokens say of a person, and which rows change when they are issued.

    `id_claims` are the ID token's besides those of every ID token; `None` when none was asked.
    """

    person: str
    grant_id: str
    session_id: str
    id_claims: Mapping[str, Any] | None
    change: Redemption | Renewal


class Decision(NamedTuple):
    """What the token shall say; the endpoint adds issuer, times, `jti` and the client.

    A person's token without an API is for the userinfo endpoint alone.
    """

    api: Api | None
    sub: str
    scope: tuple[str, ...]
    claims: Mapping[str, Any]
    lifetime: int
    personal: Personal | None = None

    @property
    def signing_alg(self) -> str:
        """What the access token is signed with."""
        return self.api.properties.signing_alg if self.api else "RS256"


class Grant(Protocol):
    """One grant type."""

    parameters: frozenset[str]
    """What it reads from the request besides the client's authentication."""

    async def decide(self, asked: Asked) -> Decision:
        """Decide what is granted.

        Raises:
            OAuthError: a reason why not.
            Unavailable: whom it must ask is away.
        """
