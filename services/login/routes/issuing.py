"""How a login ends well: what `token` is asked for, a code or an ID token of the front channel."""

from libs.bus import Bus
from libs.edge.asks import ask
from libs.oauth.authorization import ID_TOKEN
from libs.oauth.errors import ServerError
from services.login.queries.sessions import SessionView
from services.login.routes.logins import People, Transaction
from services.login.rules.authorization import level_told
from services.login.rules.session import Session
from services.token.commands import CodeIssued, IdTokenIssued, IssueCode, IssueIdToken

Signed = SessionView | Session
"""A session that was begun, renewed or looked for in this request: `token` looks again whether a code may be used."""


class Issuing:
    """Asks `token`; one per process."""

    def __init__(self, bus: Bus, people: People) -> None:
        self._bus, self._people = bus, people

    async def answer(self, tx: Transaction, session: Signed, scope: tuple[str, ...]) -> dict[str, str]:
        """What the application is told: `code` or `id_token`, as it asked, or `error` with its description.

        Raises:
            Unavailable: `token` does not answer.
        """
        if tx.params.response_type == ID_TOKEN:
            return await self._id_token(tx, session, scope)
        return await self._code(tx, session, scope)

    async def _code(self, tx: Transaction, session: Signed, scope: tuple[str, ...]) -> dict[str, str]:
        asked = tx.params
        question = IssueCode(
            tenant=tx.tenant,
            transaction=tx.id,
            client_id=tx.client.client_id,
            redirect_uri=asked.redirect_uri,
            scope=list(scope),
            audience=tx.audience,
            nonce=asked.nonce,
            code_challenge=asked.code_challenge,
            requested=asked.claims,
            person=session.person,
            session_id=session.session_id,
            auth_time=session.auth_time,
            amr=list(session.amr),
            acr=level_told(asked),
            is_redirect_uri_implied=asked.is_redirect_uri_implied,
        )
        answer = await ask(self._bus, "token", "issue_code", question, CodeIssued)
        return _refused(answer) or {"code": answer.code}

    async def _id_token(self, tx: Transaction, session: Signed, scope: tuple[str, ...]) -> dict[str, str]:
        somebody = await self._people.person(tx.tenant, session.person)
        if somebody is None or tx.params.nonce is None:
            return ServerError().body()
        question = IssueIdToken(
            tenant=tx.tenant,
            client_id=tx.client.client_id,
            redirect_uri=tx.params.redirect_uri,
            sub=somebody.user_id,
            claims=self._people.claims(somebody, tx.params, scope),
            nonce=tx.params.nonce,
            person=session.person,
            session_id=session.session_id,
            auth_time=session.auth_time,
            amr=list(session.amr),
            acr=level_told(tx.params),
        )
        answer = await ask(self._bus, "token", "issue_id_token", question, IdTokenIssued)
        return _refused(answer) or {"id_token": answer.id_token}


def _refused(answer: CodeIssued | IdTokenIssued) -> dict[str, str]:
    if answer.error is None:
        return {}
    return {"error": answer.error, "error_description": answer.error_description or ""}
