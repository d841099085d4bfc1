"""What nobody configured is told truthfully in Auth0's shapes, and cannot be configured."""

import re
from typing import Any

import pytest

from libs.oauth.management_scopes import MANAGEMENT_SCOPES
from services.tenants.routes.unconfigured_table import ABSENT, COUNTED, DEFAULTS, LISTS, Default, EmptyList
from tests.services.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACES = {"prompt": "login", "language": "pt-BR"}
"""What stands for parameters of paths; for others their names do."""

WRITTEN = [row for row in DEFAULTS if row.written_by and not row.names and row.body and isinstance(row.body, dict)]


@pytest.fixture
def world(shared_world: World) -> World:
    """One for all: nothing is configured, and nothing can be."""
    return shared_world


async def asked(world: World, method: str, path: str, body: Any = None, query: str = "") -> Answer:
    path = re.sub(r"\{(\w+)\}", lambda found: PLACES.get(found[1], found[1]), path)
    token = await world.token("acme", scope=" ".join(MANAGEMENT_SCOPES))
    return await world.management("tenants", method, f"/api/v2/{path}", body, query=query, token=token)


async def test_every_list_is_empty_in_each_of_its_shapes(world: World) -> None:
    for row in LISTS:
        await _is_empty(world, row)


async def _is_empty(world: World, row: EmptyList) -> None:
    if row.has_offsets:
        assert (await asked(world, "GET", row.path)).body == []
        wrapped = (await asked(world, "GET", row.path, query="include_totals=true&per_page=10&page=2")).body
        assert wrapped == {"start": 20, "limit": 10, "total": 0, row.key: []}
    else:
        assert (await asked(world, "GET", row.path)).body == {row.key: []}
    if row.has_checkpoints:
        assert (await asked(world, "GET", row.path, query="take=10")).body == {row.key: []}


@pytest.mark.parametrize(
    ("path", "query"),
    [("rules", "stage=login_script"), ("custom-domains", "paginate=false"), ("log-streams", "paginate=false")],
)
async def test_what_older_clients_say_beside_is_heard(world: World, path: str, query: str) -> None:
    answer = await asked(world, "GET", path, query=query)
    assert (answer.status, answer.body) == (200, [])


async def test_a_counted_list_tells_its_page(world: World) -> None:
    for row in COUNTED:
        answer = await asked(world, "GET", row.path, query="page=1&per_page=5")
        assert answer.body == {row.key: [], "total": 0, "page": 1, "per_page": 5}


async def test_defaults_are_told_and_nothing_says_that_it_protects(world: World) -> None:
    for row in DEFAULTS:
        if row.is_read:
            answer = await asked(world, "GET", row.path)
            assert (answer.status, answer.body) == (200, row.body)
        assert '"enabled": true' not in repr(row.body).lower().replace("'", '"')


async def test_what_is_not_there_is_404_in_auth0s_words(world: World) -> None:
    for row in ABSENT:
        answer = await asked(world, "GET", row.path)
        assert (answer.status, answer.body.get("errorCode"), answer.body["message"]) == (
            404,
            row.error_code,
            row.message,
        )


async def test_only_what_is_so_can_be_said(world: World) -> None:
    for row in WRITTEN:
        await _says_only_what_is_so(world, row)


async def _says_only_what_is_so(world: World, row: Default) -> None:
    told = await asked(world, row.written_by, row.path, row.body)
    assert (told.status, told.body) == (200, row.body)
    name, value = next(iter(row.body.items()))
    other = {bool: not value, int: 7, str: "other", list: ["other"], dict: {"other": 1}}[type(value)]
    refused = await asked(world, row.written_by, row.path, {name: other})
    assert refused.status == 400
    assert (await asked(world, row.written_by, row.path, {"unknown": 1})).status == 400


async def test_a_factor_that_does_not_exist_cannot_be_enabled(world: World) -> None:
    assert (await asked(world, "PUT", "guardian/factors/otp", {"enabled": False})).status == 200
    refused = await asked(world, "PUT", "guardian/factors/otp", {"enabled": True})
    assert (refused.status, refused.body["errorCode"]) == (400, "operation_not_supported")
    assert (await asked(world, "PUT", "guardian/factors/palm", {"enabled": False})).status == 404


async def test_texts_are_of_prompts_and_languages_that_there_are(world: World) -> None:
    for path in (
        "prompts/nonsense/custom-text/en",
        "prompts/login/custom-text/nonsense",
        "prompts/login/custom-text/EN",
        "prompts/logout/partials",
    ):
        for method, body in (("GET", None), ("PUT", {})):
            refused = await asked(world, method, path, body)
            assert (refused.status, refused.body["errorCode"]) == (400, "invalid_uri"), path
    for path in ("prompts/mfa/custom-text/es-419", "prompts/passkeys/partials"):
        assert (await asked(world, "PUT", path, {})).body == (await asked(world, "GET", path)).body == {}


async def test_nothing_else_can_be_written(world: World) -> None:
    for path in ("roles", "organizations", "rules", "log-streams", "custom-domains"):
        assert (await asked(world, "POST", path, {"name": "x"})).status == 405
