"""A tenant's first applications: made once, and a repeated ask is answered as the one before it."""

import asyncio

import pytest

from libs.eventstore import Actor, Context
from libs.oauth.management_scopes import MANAGEMENT_SCOPES
from libs.runtime.ids import hex24
from libs.sealed import hash_of_secret
from services.token.commands import Quickstart, QuickstartAnswer, RegisterResourceServer
from services.token.projections import issuer_of
from services.token.reactions import management_audience
from services.token.routes.asks import QuickstartAsk
from tests.services.token.office import DOMAINS, Office


@pytest.fixture
async def ask(office: Office) -> QuickstartAsk:
    """In a tenant that has its Management API."""
    properties = {"name": "Management API", "scopes": [{"value": each} for each in MANAGEMENT_SCOPES]}
    audience = management_audience(issuer_of("https", DOMAINS["acme"]))
    context = Context(actor=Actor("operator", "tests"), request_id="r", correlation_id="c")
    await office.store.execute(RegisterResourceServer("acme", hex24(), audience, properties), context)
    return QuickstartAsk(office.store)


async def require_valid(office: Office, answer: QuickstartAnswer) -> None:
    """The secrets that were told are those that count."""
    told = {answer.client_id: answer.client_secret, answer.management_client_id: answer.management_client_secret}
    for client_id, secret in told.items():
        assert secret is not None
        assert await office.secrets(client_id) == [hash_of_secret(secret)]


async def test_asks_that_run_at_the_same_time_make_the_same(office: Office, ask: QuickstartAsk) -> None:
    """One whose answer did not come in time still runs when it is repeated."""
    asked = Quickstart("acme", new_secrets=False, seed="s" * 64)
    answers = await asyncio.gather(*(ask.answer(asked) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    await require_valid(office, answers[0])


async def test_new_secrets_that_are_asked_for_at_the_same_time_are_the_same(office: Office, ask: QuickstartAsk) -> None:
    first = await ask.answer(Quickstart("acme", new_secrets=False, seed="first"))
    again = Quickstart("acme", new_secrets=True, seed="again")
    answers = await asyncio.gather(*(ask.answer(again) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].client_secret != first.client_secret
    await require_valid(office, answers[0])


async def test_who_repeats_with_another_seed_is_told_no_secret_unless_he_asks(ask: QuickstartAsk) -> None:
    first = await ask.answer(Quickstart("acme", new_secrets=False))
    assert first.client_secret is not None
    later = await ask.answer(Quickstart("acme", new_secrets=False, seed="later"))
    assert (later.client_secret, later.client_id) == (None, first.client_id)
