"""Authorization codes (RFC 6749 section 4.1.3, RFC 7636): an application redeems what a person let it have.

The code is spent by one conditional statement (`redeeming`), in which the grant begins; a code that is presented again
ends the grant, which is a fact.
"""

from datetime import timedelta
from hashlib import sha256
from secrets import token_bytes
from typing import Any

import msgspec

from libs.runtime.ids import text
from services.login.commands import PersonAnswer, PersonOf
from services.token.events import GrantStarted
from services.token.grants import people
from services.token.grants.grant import Asked, Decision, Personal, Redemption
from services.token.grants.refresh_tokens import HANDLE_BYTES, SALT_BYTES, Seed
from services.token.grants.standing import Api, ClientProperties
from services.token.rules.code import Code, UnknownCode, require_redeemable
from services.token.rules.people import OFFLINE


class PersonIsGone(UnknownCode):
    """`login` says that the person or the session is not what it was when the code was issued."""

    description = "Invalid authorization code"


class ApiIsGone(UnknownCode):
    """The API the code was issued for is no more, or no longer for people."""

    description = "Invalid authorization code"


class AuthorizationCode:
    """The grant type `authorization_code`."""

    parameters = frozenset({"code", "redirect_uri", "code_verifier", "audience", "resource"})

    async def decide(self, asked: Asked) -> Decision:
        """Grant what the code was issued for, if this client may redeem it, once."""
        client = people.require_allowed(asked)
        code, api = await _redeemable(asked)
        people.require_target(asked.parameters, code.audience)
        scope = tuple(people.may_have(api, client, code.scope))
        answer = await _person(asked, code, scope)
        change = _redemption(asked, client, api, code, scope)
        started = change.started
        claims = people.id_claims(answer, _protocol(answer, code), scope)
        personal = Personal(code.person, started.grant_id, code.session_id, claims, change)
        return Decision(api, answer.sub, scope, {}, people.lifetime(api, client), personal)


async def _redeemable(asked: Asked) -> tuple[Code, Api | None]:
    given, tenant = asked.parameters, asked.standing.tenant
    found, row = await asked.reach.codes.one((tenant, hash_of(given.required("code"))))
    code = require_redeemable(
        found,
        client_id=asked.standing.client_id,
        redirect_uri=given.get("redirect_uri"),
        code_verifier=given.get("code_verifier"),
    )
    api = people.api_of(row)
    if code.audience is not None and (api is None or not people.is_for_people(api)):
        raise ApiIsGone
    return code, api


def hash_of(code: str) -> bytes:
    """What a code's row is found by."""
    return sha256(code.encode()).digest()


async def _person(asked: Asked, code: Code, scope: tuple[str, ...]) -> PersonAnswer:
    question = PersonOf(
        tenant=asked.standing.tenant,
        person=code.person,
        session_id=code.session_id,
        client_id=code.client_id,
        audience=code.audience,
        scope=people.openid_of(scope),
        requested=code.requested,
        authorized_at=code.auth_time,
        purpose="code",
    )
    try:
        return await people.person(asked, question)
    except people.PersonRefused as refusal:
        raise PersonIsGone from refusal


def _redemption(
    asked: Asked, client: ClientProperties, api: Api | None, code: Code, scope: tuple[str, ...]
) -> Redemption:
    is_offline, now = OFFLINE in scope, asked.now
    ends_with_token = now + timedelta(seconds=people.lifetime(api, client))
    started = GrantStarted(
        grant_id=text(22),
        client_id=code.client_id,
        person=code.person,
        session_id=code.session_id,
        scope=list(scope),
        audience=code.audience,
        auth_time=code.auth_time,
        acr=code.acr,
        amr=list(code.amr),
        is_offline=is_offline,
        started_at=now,
        expires_at=client.refresh_token.ends_at(now) if is_offline else ends_with_token,
        org_id=code.org_id,
        cnf=code.cnf,
        resource=list(code.resource),
        act=code.act,
    )
    requested = None if code.requested is None else msgspec.json.encode(code.requested).decode()
    seed = Seed(token_bytes(HANDLE_BYTES), token_bytes(SALT_BYTES), 1)
    return Redemption(
        code.sha256, started, seed, requested, client.refresh_token.idles_until(now) if is_offline else None
    )


def _protocol(answer: PersonAnswer, code: Code) -> dict[str, Any]:
    return {
        "sub": answer.sub,
        "auth_time": int(code.auth_time.timestamp()),
        "sid": code.session_id,
        "nonce": code.nonce,
        "amr": list(code.amr) or None,
        "acr": code.acr,
    }
