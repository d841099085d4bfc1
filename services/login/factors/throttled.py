"""What is told of an address that has to wait: once, whatever it tries meanwhile, or it could flood the log."""

from contextlib import suppress
from typing import Any

from libs.eventstore import EventStore
from libs.postgres import Connection
from services.login.commands import Note
from services.login.events import LoginThrottled
from services.login.factors.attempt import Caller
from services.login.rows.attempts import LOGINS, SIGNUPS, Attempts


class AlreadyTold(Exception):
    """Another request from there was faster."""


async def tell(store: EventStore, attempts: Attempts, tenant: str, caller: Caller, *, is_signup: bool = False) -> None:
    """Tell that the caller's address has to wait, unless that was told since it last had not to."""
    what = SIGNUPS if is_signup else LOGINS
    if await attempts.is_told(tenant, what, caller.address):
        return

    async def also(rows: Connection, _state: Any) -> None:
        if not await attempts.tell(rows, tenant, what, caller.address):
            raise AlreadyTold

    with suppress(AlreadyTold):
        await store.execute(Note(tenant, (_throttled(caller, is_signup=is_signup),)), caller.context, also=also)


def _throttled(caller: Caller, *, is_signup: bool) -> LoginThrottled:
    return LoginThrottled(
        client_id=caller.client_id,
        client_name=caller.client_name,
        is_signup=is_signup,
        address=caller.address,
        user_agent=caller.user_agent,
        host=caller.host,
    )
