"""Refresh tokens (RFC 6749 section 6, RFC 9700 section 4.14): an application goes on with what a person let it have.

Each use of a rotating token gives the next; the one before is forgiven within the leeway, and an older one ends the
grant, which is a fact.
"""

from typing import Any

from libs.oauth import InvalidScope, Scopes
from services.login.commands import PersonAnswer, PersonOf
from services.token.grants import people, refresh_tokens
from services.token.grants.grant import Asked, Decision, Personal, Renewal
from services.token.grants.refresh_tokens import Presented, Seed
from services.token.grants.standing import Api
from services.token.queries.grants import GrantRow
from services.token.rules.people import OFFLINE
from services.token.rules.refresh_token import (
    RefreshRules,
    UnknownRefreshToken,
    narrowed,
    successor,
)


class GrantIsGone(UnknownRefreshToken):
    """`login` says that person, session or consent are not what they were, or the API is no more."""

    description = "Unknown or invalid refresh token."


class NothingIsLeft(InvalidScope):
    """All that was asked for was granted once, and is no scope of the API any more.

    An answer without `scope` would say that it was granted (RFC 6749 section 5.1), and an empty one is none.
    """

    description = "The API does not have the scope any more."


class RefreshToken:
    """The grant type `refresh_token`."""

    parameters = frozenset({"refresh_token", "scope", "audience", "resource"})

    async def decide(self, asked: Asked) -> Decision:
        """Grant what was granted, or less of it."""
        client = people.require_allowed(asked)
        presented, grant, api = await _genuine(asked)
        successor(presented.generation, grant.chain, client.refresh_token, grant.read_at)
        people.require_target(asked.parameters, grant.audience)
        scope = _scope(asked, grant, api)
        answer = await _person(asked, grant, scope)
        change = _renewal(asked, presented, grant, client.refresh_token)
        claims = people.id_claims(answer, _protocol(answer, grant), scope)
        personal = Personal(grant.person, grant.grant_id, grant.session_id, claims, change)
        said = {"gty": "refresh_token"}
        return Decision(api, answer.sub, scope, said, people.lifetime(api, client), personal)


async def found(asked: Asked, token: str) -> tuple[Presented, GrantRow, Api | None] | None:
    """The living grant of a genuine refresh token of this client, with the API it is for."""
    presented = refresh_tokens.read(token)
    if presented is None:
        return None
    tenant = asked.standing.tenant
    grant, row = await asked.reach.grants.one((tenant, presented.handle))
    if grant is None or grant.client_id != asked.standing.client_id:
        return None
    if not asked.reach.refresh_tokens.is_genuine(tenant, presented, _seed(grant)):
        return None
    return presented, grant, people.api_of(row)


async def _genuine(asked: Asked) -> tuple[Presented, GrantRow, Api | None]:
    known = await found(asked, asked.parameters.required("refresh_token"))
    if known is None:
        raise UnknownRefreshToken
    return known


def _scope(asked: Asked, grant: GrantRow, api: Api | None) -> tuple[str, ...]:
    client = asked.standing.client
    assert client is not None, "an authenticated client exists"
    if grant.audience is not None and (api is None or not people.is_for_people(api)):
        raise GrantIsGone
    still = people.may_have(api, client, grant.scope)
    if OFFLINE not in still:
        raise GrantIsGone
    wanted = asked.parameters.get("scope")
    scope = narrowed(None if wanted is None else list(Scopes.parse(wanted)), grant.scope)
    left = tuple(each for each in scope if each in still)
    if scope and not left:
        raise NothingIsLeft
    return left


async def _person(asked: Asked, grant: GrantRow, scope: tuple[str, ...]) -> PersonAnswer:
    question = PersonOf(
        tenant=asked.standing.tenant,
        person=grant.person,
        session_id=grant.session_id,
        client_id=grant.client_id,
        audience=grant.audience,
        scope=people.openid_of(scope),
        requested=grant.requested,
        authorized_at=grant.auth_time,
        purpose="refresh",
    )
    try:
        return await people.person(asked, question)
    except people.PersonRefused as refusal:
        raise GrantIsGone from refusal


def _renewal(asked: Asked, presented: Presented, grant: GrantRow, rules: RefreshRules) -> Renewal:
    return Renewal(presented.generation, _seed(grant), rules.rotates, rules.leeway, rules.idles_until(asked.now))


def _seed(grant: GrantRow) -> Seed:
    return Seed(grant.handle, grant.salt, grant.epoch)


def _protocol(answer: PersonAnswer, grant: GrantRow) -> dict[str, Any]:
    """No `nonce`: that belongs to the first ID token alone (OpenID Connect Core section 12.2)."""
    return {
        "sub": answer.sub,
        "auth_time": int(grant.auth_time.timestamp()),
        "sid": grant.session_id,
        "amr": list(grant.amr) or None,
        "acr": grant.acr,
    }
