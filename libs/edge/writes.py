"""What a write of the Management API brings to its events, and whom its answer waits for (DESIGN §4)."""

import re
from collections.abc import Mapping
from typing import Any, Final

from libs.edge.call import Call
from libs.eventstore import Actor, Applied, Committed, Context
from libs.eventstore.applied import SETTLES_WITHIN

BEHIND: Final = "limen-not-yet-applied"
"""The header that names the followers who had not applied a write when it was answered."""

LONGEST: Final = 3.0
"""Seconds an answer waits for followers at most, however long its asker would wait: its deadline comes after five."""

_WAIT: Final = re.compile(r'(?:^|,)\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?:[;,]|$)', re.IGNORECASE)


def context_of(call: Call) -> Context:
    """Who did it, by which request."""
    claims: Mapping[str, Any] = call.claims or {}
    client = claims.get("azp") or claims.get("client_id")
    subject = str(claims.get("sub", ""))
    actor = Actor("client", str(client)) if client and subject.endswith("@clients") else Actor("user", subject)
    return Context(
        actor=actor if claims else None,
        client_id=str(client) if client else None,
        request_id=call.request_id,
        trace=call.trace,
    )


def patience(call: Call, usual: float = SETTLES_WITHIN) -> float:
    """Seconds that the answer to a write waits for followers: what `Prefer: wait` says (RFC 7240 §4.3), or `usual`."""
    said = _WAIT.search(",".join(value for name, value in call.request.headers if name == "prefer"))
    return usual if said is None else min(float(said[1]), LONGEST)


async def settled(applied: Applied, committed: Committed, *, within: float = SETTLES_WITHIN) -> list[tuple[str, str]]:
    """Wait until every follower obeys the write, `within` seconds at most; the header that names who does not yet."""
    if not committed.pos:
        return []
    behind = await applied.settled(committed.epoch, committed.pos, within=within)
    return [(BEHIND, ", ".join(behind))] if behind else []
