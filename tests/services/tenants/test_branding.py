"""`/api/v2/branding`, `/api/v2/prompts` and the pictures of the pages, over a real bus and a real database."""

import base64
from typing import Any

import pytest
import pytest_asyncio

from libs.eventstore.verify import folds
from services.tenants.events import CATALOGUE
from services.tenants.rows import FOLD
from services.tenants.rules.branding import MOST, NotAPicture, picture_in, picture_of
from tests.services.world import World

IN_ONE_LOOP = pytest.mark.asyncio(loop_scope="module")

PNG = b"\x89PNG\r\n\x1a\n" + b"made of nothing"
GIF = b"GIF89a" + b"made of nothing"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
HTML = b"<!doctype html><script>alert(1)</script>"


def data(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


@pytest_asyncio.fixture(loop_scope="module")
async def world(shared_world: World) -> World:
    """One for all, with a tenant of this test's own."""
    shared_world.acme = f"acme{len(shared_world.hosts)}"
    await shared_world.tenant(shared_world.acme, f"id.{shared_world.acme}.example")
    return shared_world


async def changed(world: World, branding: Any, path: str = "branding") -> Any:
    return await world.management("tenants", "PATCH", f"/api/v2/{path}", branding)


@IN_ONE_LOOP
async def test_what_is_changed_is_read_and_what_is_null_is_gone(world: World) -> None:
    assert (await world.management("tenants", "GET", "/api/v2/branding")).body == {}
    colors = {"primary": "#0A84FF", "page_background": "#fff"}
    answer = await changed(world, {"colors": colors, "font": {"url": "https://fonts.example/a.woff2"}})
    assert (answer.status, answer.body["colors"]) == (200, colors)
    await changed(world, {"font": None})
    assert (await world.management("tenants", "GET", "/api/v2/branding")).body == {"colors": colors}
    other = await world.management("tenants", "GET", "/api/v2/branding", tenant="other")
    assert other.body == {}
    assert (await changed(world, {"colors": {}, "font": {}, "logo_url": ""})).body == {}


@IN_ONE_LOOP
async def test_a_gradient_is_a_background(world: World) -> None:
    gradient = {"type": "linear-gradient", "start": "#fff", "end": "#000000", "angle_deg": 35}
    assert (await changed(world, {"colors": {"page_background": gradient}})).status == 200
    for wrong in ({**gradient, "end": "red"}, {**gradient, "angle_deg": "35"}, {**gradient, "url": "x"}, {}, 7):
        assert (await changed(world, {"colors": {"page_background": wrong}})).status == 400, wrong


@IN_ONE_LOOP
@pytest.mark.security("RC-06")
async def test_a_colour_is_a_colour(world: World) -> None:
    for wrong in ("red", "#12", "#fff;}body{display:none", "url(https://evil.ex)", "#fff\n", "\u202e#fff"):
        assert (await changed(world, {"colors": {"primary": wrong}})).status == 400, wrong
        assert (await changed(world, {"colors": {"page_background": wrong}})).status == 400, wrong


@IN_ONE_LOOP
@pytest.mark.security("RU-05")
async def test_a_picture_has_a_harmless_address(world: World) -> None:
    for wrong in (
        "javascript:alert(1)", "JavaScript:alert(1)", "vbscript:x", "file:///etc/passwd", "blob:https://a.b/c",
        "http://cdn.example/logo.png", "https://127.0.0.1/logo.png", "https://169.254.169.254/latest", "https://[::1]/a",
        "https://localhost/a", "data:text/html;base64,PHA+", "data:image/svg+xml;base64,PHA+", "data:image/png,abc",
    ):  # fmt: skip
        for name in ("logo_url", "favicon_url"):
            assert (await changed(world, {name: wrong})).status == 400, wrong


@IN_ONE_LOOP
@pytest.mark.security("HD-06")
async def test_a_picture_is_told_by_its_content_and_served_in_a_sandbox(world: World) -> None:
    for wrong in (SVG, HTML, b"", PNG + bytes(MOST)):
        assert (await changed(world, {"logo_url": data(wrong)})).status == 400
    assert (await changed(world, {"logo_url": data(PNG, "gif"), "favicon_url": data(GIF)})).status == 200
    for name, content, kind in (("logo", PNG, "image/png"), ("favicon", GIF, "image/gif")):
        answer = await world.asked("tenants", "GET", f"/u/branding/{name}", token="")
        headers = dict(answer.headers)
        assert (answer.status, answer.body, headers["content-type"]) == (200, content, kind)
        assert "sandbox" in headers["content-security-policy"]
        assert headers["etag"]


@IN_ONE_LOOP
async def test_a_picture_that_is_gone_is_404(world: World) -> None:
    await changed(world, {"logo_url": data(PNG)})
    await changed(world, {"logo_url": ""})
    assert (await world.asked("tenants", "GET", "/u/branding/logo", token="")).status == 404
    assert (await world.asked("tenants", "GET", "/u/branding/favicon", token="")).status == 404
    assert (await world.management("tenants", "GET", "/api/v2/branding")).body == {}


@IN_ONE_LOOP
async def test_a_picture_that_cannot_be_fetched_now_is_kept_as_an_address_and_not_shown(world: World) -> None:
    await changed(world, {"logo_url": data(PNG)})
    answer = await changed(world, {"logo_url": "https://nowhere.invalid/logo.png"})
    assert (answer.status, answer.body) == (200, {"logo_url": "https://nowhere.invalid/logo.png"})
    assert (await world.asked("tenants", "GET", "/u/branding/logo", token="")).status == 404


@IN_ONE_LOOP
async def test_two_pictures_that_do_not_fit_one_event_are_refused_together(world: World) -> None:
    large = data(PNG + bytes(MOST - len(PNG)))
    assert (await changed(world, {"logo_url": large})).status == 200
    assert (await changed(world, {"favicon_url": large})).status == 200
    assert (await changed(world, {"logo_url": data(PNG)})).status == 200
    assert (await changed(world, {"logo_url": large, "favicon_url": data(PNG + bytes(MOST - 9))})).status in {400, 413}


@IN_ONE_LOOP
async def test_the_pages_ask_in_one_step_or_in_two(world: World) -> None:
    asked = await world.management("tenants", "GET", "/api/v2/prompts")
    assert asked.body["identifier_first"] is True
    answer = await changed(world, {"identifier_first": False}, "prompts")
    assert (answer.status, answer.body["identifier_first"]) == (200, False)
    assert answer.body["universal_login_experience"] == "new"
    assert (await changed(world, {"universal_login_experience": "classic"}, "prompts")).status == 400


@IN_ONE_LOOP
async def test_what_changes_nothing_is_no_fact_and_the_row_is_what_the_facts_fold_to(world: World) -> None:
    before = len(await world.facts("tenants", world.acme))
    for _ in range(2):
        await changed(world, {"logo_url": data(PNG), "colors": {"primary": "#123456"}})
        await changed(world, {"identifier_first": False}, "prompts")
    facts = await world.facts("tenants", world.acme)
    assert [each["type"] for each in facts[before:]] == [
        "tenants.tenant_branding_changed",
        "tenants.tenant_prompts_changed",
    ]
    async with world.database("tenants") as database, database.connection() as rows, rows.transaction():
        assert await folds(rows, CATALOGUE, FOLD) == (len(world.hosts), [])


@pytest.mark.security("HD-06")
def test_kinds_of_pictures() -> None:
    assert picture_of(b"\xff\xd8\xff\xe0").content_type == "image/jpeg"
    assert picture_of(b"RIFF\x00\x00\x00\x00WEBPVP8 ").content_type == "image/webp"
    for wrong in (b"RIFF\x00\x00\x00\x00WAVE", b"\x89PNG", SVG, b" " + PNG):
        with pytest.raises(NotAPicture):
            picture_of(wrong)
    with pytest.raises(NotAPicture):
        picture_in("data:image/png;base64,A")
