"""What a write of the Management API brings along: who did it, and how long its answer waits for followers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from libs.edge import Call, Request
from libs.edge.writes import LONGEST, context_of, patience
from libs.eventstore import Actor
from libs.jose import SignedClaims


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ([], 0.5),
        (["respond-async"], 0.5),
        (["wait=0"], 0.0),
        (["respond-async, wait=2"], 2.0),
        (['handling=lenient; x="wait=2"', 'Wait = "1"'], 1.0),
        (["wait=100"], LONGEST),
        (["wait=-1"], 0.5),
        (["wait=1e9"], 0.5),
        (["await=2"], 0.5),
    ],
)
def test_a_client_may_wait_less_or_longer_and_never_beyond_its_deadline(
    call_of: Callable[[Request], Call], request_of: Callable[..., Request], prefer: list[str], seconds: float
) -> None:
    call = call_of(request_of("POST", "/api/v2/clients", headers=[("prefer", each) for each in prefer]))
    assert patience(call, 0.5) == seconds


@pytest.mark.security("AD-12")
@pytest.mark.parametrize(
    ("claims", "actor"),
    [
        ({"sub": "app@clients", "azp": "app"}, Actor("client", "app")),
        ({"sub": "app@clients", "client_id": "app"}, Actor("client", "app")),
        ({"sub": "auth0|ada", "azp": "app"}, Actor("user", "auth0|ada")),
        ({"sub": "auth0|ada"}, Actor("user", "auth0|ada")),
        (None, None),
    ],
)
def test_an_application_did_it_in_its_own_name_or_else_its_user_did(
    call_of: Callable[[Request], Call],
    request_of: Callable[..., Request],
    claims: dict[str, str] | None,
    actor: Actor | None,
) -> None:
    call = call_of(request_of("POST", "/api/v2/clients"))
    said = replace(call, claims=None if claims is None else SignedClaims(dict(claims)))
    assert context_of(said).actor == actor
