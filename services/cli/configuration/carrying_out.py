"""Owns making changes: one request after the other, each told as it is done, so that a failure leaves no doubt.

A run that ended early is run again: it finds what is there and does the rest.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from libs.runtime.errors import Unavailable
from services.cli.configuration.difference import Change, Create, Delete, Update
from services.cli.configuration.issued import Issued
from services.cli.configuration.management import Management, Refusal
from services.cli.configuration.present import Present
from services.cli.configuration.sections import CLIENTS, ENABLED, GRANTS
from services.cli.errors import UNAVAILABLE, Refused
from services.connections.routes.schemas.connection import MOST_CLIENTS

Say = Callable[[str], None]


class CarryingOut:
    """One run over some changes."""

    def __init__(self, management: Management, present: Present, issued: Issued, say: Say) -> None:
        self._management = management
        self._ids = dict(present.ids)
        self._issued = issued
        self._say = say

    async def run(self, steps: Iterable[Change]) -> None:
        """Make every change, in this order.

        Raises:
            Refused: one failed; its object is named, and those after it are not touched.
        """
        for step in steps:
            label = step.section.label(step.key)
            try:
                self._say(f"{label}: {await self._made(step)}")
            except Refusal as error:
                raise Refused(f"{label}: {error} - what comes after it is not done.") from error
            except Unavailable as error:
                raise Refused(f"{label}: {error}; run it again.{_doubt(step)}", UNAVAILABLE) from error

    async def _made(self, step: Change) -> str:
        match step:
            case Create():
                return await self._create(step)
            case Update():
                return await self._update(step)
            case Delete():
                await self._management.request("DELETE", self._path(step))
                return "deleted"

    async def _create(self, step: Create) -> str:
        answer = await self._management.request("POST", step.section.path, json=self._body(step))
        made_id = str(answer[step.section.id_member])
        self._ids[step.section.name, step.key] = made_id
        if step.section is CLIENTS:
            return self._issue(step, answer, made_id)
        await self._let_in(step, ())
        return f"created, {made_id}"

    async def _update(self, step: Update) -> str:
        if body := self._body(step):
            await self._management.request("PATCH", self._path(step), json=body)
        await self._let_in(step, step.before.get(ENABLED, ()))
        return "changed"

    async def _let_in(self, step: Create | Update, before: Iterable[str]) -> None:
        """Let applications use a connection, or no longer; those that a file cannot name stay as they are."""
        if ENABLED not in step.body:
            return
        wanted = step.body[ENABLED]
        said = [
            {"client_id": self._ids[CLIENTS.name, (name,)], "status": name in wanted}
            for name in sorted({*before} ^ {*wanted})
        ]
        for start in range(0, len(said), MOST_CLIENTS):
            some = said[start : start + MOST_CLIENTS]
            await self._management.request("PATCH", f"{self._path(step)}/clients", json=some)

    def _issue(self, step: Create, answer: dict[str, Any], client_id: str) -> str:
        if not answer.get("client_secret"):
            return f"created, client_id {client_id}, without a secret"
        self._issued.tell(step.key[0], client_id, answer["client_secret"])
        return f"created, client_id {client_id}"

    def _body(self, step: Create | Update) -> dict[str, Any]:
        if step.section is GRANTS and isinstance(step, Create):
            return {**step.body, "client_id": self._ids[CLIENTS.name, step.key[:1]]}
        return {name: value for name, value in step.body.items() if name != ENABLED}

    def _path(self, step: Change) -> str:
        if step.section.is_single:
            return step.section.path
        return f"{step.section.path}/{quote(self._ids[step.section.name, step.key], safe='')}"


def _doubt(step: Change) -> str:
    """What else to say when it is not known whether a request was carried out."""
    is_application = isinstance(step, Create) and step.section is CLIENTS
    return " If the application is there then, its secret was lost: rotate it." if is_application else ""
