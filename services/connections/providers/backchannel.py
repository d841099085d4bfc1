"""Telling applications that a session is over: OpenID Connect Back-Channel Logout 1.0, section 2.5.

The logout token is asked of `token` at each try, because it lives two minutes. An application with several addresses is
told at each; one that was told is not told again.
"""

import msgspec

from libs.bus import Bus
from libs.edge.asks import AskRefused, ask
from libs.outgoing import Forbidden, Outgoing, Unreachable
from libs.runtime.errors import Unavailable
from services.connections.commands import DeliverLogout
from services.connections.providers.outcome import Later, Never
from services.connections.rows.deliveries import Leased
from services.token.commands import LogoutToken, LogoutTokenFor

TOLD = range(200, 300)


class Telling(msgspec.Struct, frozen=True):
    """What waits: the logout, and who was told of it already."""

    asked: DeliverLogout
    told: list[str] = []


class BackChannel:
    """The provider of the kind `logout`."""

    def __init__(self, bus: Bus, outgoing: Outgoing) -> None:
        self._bus = bus
        self._outgoing = outgoing

    async def deliver(self, leased: Leased, payload: bytes) -> None:
        """Tell the application at each of its addresses.

        Raises:
            Later: an address did not take it; the others are not told again.
            Never: none of its addresses may be gone to, or it wants to be told no more.
        """
        telling = msgspec.msgpack.decode(payload, type=Telling)
        token = await self._token(leased, telling.asked)
        if not token.urls:
            raise Never("the application does not want to be told")
        told, later, never = list(telling.told), [], []
        for url in token.urls:
            if url in told:
                continue
            try:
                await self._tell(url, token.token)
            except Later as reason:
                later.append(str(reason))
            except Never as reason:
                never.append(str(reason))
            else:
                told.append(url)
        if later:
            raise Later(later[0], msgspec.msgpack.encode(Telling(telling.asked, told)))
        if never:
            raise Never(never[0])

    async def _token(self, leased: Leased, asked: DeliverLogout) -> LogoutToken:
        question = LogoutTokenFor(
            tenant=leased.tenant,
            client_id=asked.client_id,
            sub=asked.sub,
            session_id=asked.session_id,
            jti=leased.delivery_id,
        )
        try:
            return await ask(self._bus, "token", "logout_token", question, LogoutToken)
        except Unavailable as error:
            raise Later("token makes no logout token now") from error
        except AskRefused as error:
            raise Later("token refuses a logout token") from error

    async def _tell(self, url: str, token: str) -> None:
        try:
            status = await self._outgoing.post_form(url, {"logout_token": token})
        except Forbidden as error:
            raise Never(f"its address is refused: {error}") from error
        except Unreachable as error:
            raise Later(f"no answer: {error}") from error
        if status not in TOLD:
            raise Later(f"answered {status}")
