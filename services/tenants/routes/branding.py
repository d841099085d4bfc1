"""`/api/v2/branding` and `/api/v2/prompts`, and the pictures that the pages show."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from libs.edge import Call, answers
from libs.edge.management_errors import BadRequest, NotFound, PayloadTooLarge
from libs.edge.refusals import UnknownPath
from libs.edge.schema import Anything, Boolean, Object, Property, Resource, Text
from libs.edge.validation import changed
from libs.edge.wire import VERSION, Reply
from libs.edge.writes import context_of, patience, settled
from libs.eventstore import Applied, Committed, EventStore, EventTooLarge
from libs.outgoing.fetching import Fetching, NotFetched
from libs.telemetry.logs import log as say
from services.tenants import queries
from services.tenants.commands import ChangeBranding, ChangePrompts, Picture
from services.tenants.routes.schema import COLOR
from services.tenants.rules.branding import MOST, PICTURES, PROMPTS, NotAPicture, is_background, picture_in, picture_of
from services.tenants.rules.tenant import NoSuchTenant, Tenant

# A data URL of the largest picture, in base64.
PICTURE: Final = Text(format="picture-url", max_length=MOST * 4 // 3 + 64)
BRANDING: Final = Resource(
    "branding",
    Property("colors", Object(
        Property("primary", COLOR, "Of buttons and links"),
        Property("page_background", Anything(), "Behind the page: a colour, or a gradient"),
    ), is_nullable=True),
    Property("logo_url", PICTURE, "The logo: PNG, JPEG, GIF or WebP, fetched once", is_nullable=True),
    Property("favicon_url", PICTURE, "The picture in the browser's tab, likewise", is_nullable=True),
    Property("font", Object(Property("url", Text(format="https-url-or-empty", max_length=1024))), is_nullable=True,
             waits="fonts of one's own"),
)  # fmt: skip

PROMPT_SETTINGS: Final = Resource(
    "prompts",
    Property("universal_login_experience", Text(enum=("new",)), "The pages are always the new ones"),
    Property("identifier_first", Boolean(), "Whether the address is asked for before the password"),
    Property("webauthn_platform_first_factor", Boolean(), waits="passkeys"),
)

SANDBOX: Final = ("content-security-policy", "default-src 'none'; sandbox")
"""Opened by itself, a picture is nothing but a picture (HD-06)."""


class BrandingRoutes:
    """The handlers."""

    def __init__(self, store: EventStore, applied: Applied, fetching: Fetching) -> None:
        self._store = store
        self._applied = applied
        self._fetching = fetching

    async def read(self, call: Call) -> Reply:
        """How the pages look."""
        return answers.json(dict((await self._tenant(call)).branding))

    async def change(self, call: Call) -> Reply:
        """Change how they look; a picture elsewhere is fetched now, and never again."""
        wanted = changed(BRANDING, call)
        refuse_unshowable(wanted)
        wanted = {name: value or None for name, value in wanted.items()}  # what is empty is none
        pictures = {PICTURES[name]: await self._picture(name, wanted[name]) for name in PICTURES if name in wanted}
        committed = await self._done(call, ChangeBranding(tenant=call.tenant, branding=wanted, pictures=pictures))
        headers = await settled(self._applied, committed, within=patience(call))
        return answers.json(dict(committed.state.tenant.branding), headers=headers)

    async def read_prompts(self, call: Call) -> Reply:
        """How the pages ask."""
        return answers.json({**PROMPTS, **(await self._tenant(call)).prompts})

    async def change_prompts(self, call: Call) -> Reply:
        """Change how they ask."""
        command = ChangePrompts(tenant=call.tenant, prompts=changed(PROMPT_SETTINGS, call))
        committed = await self._done(call, command)
        headers = await settled(self._applied, committed, within=patience(call))
        return answers.json({**PROMPTS, **committed.state.tenant.prompts}, headers=headers)

    def shown(self, name: str) -> Callable[[Call], Awaitable[Reply]]:
        """The handler that serves a picture."""

        async def show(call: Call) -> Reply:
            """The picture itself."""
            picture = await queries.picture(self._store.database, call.tenant, name)
            if picture is None:
                raise UnknownPath
            return _served(picture, call.header("if-none-match"))

        return show

    async def _tenant(self, call: Call) -> Tenant:
        tenant = await queries.tenant(self._store.database, call.tenant)
        if tenant is None:
            raise _no_tenant()
        return tenant

    async def _done(self, call: Call, command: ChangeBranding | ChangePrompts) -> Committed:
        try:
            return await self._store.execute(command, context_of(call))
        except NoSuchTenant as error:
            raise _no_tenant() from error
        except EventTooLarge as error:
            raise PayloadTooLarge("The pictures of one change are too large together.") from error

    async def _picture(self, name: str, url: str | None) -> Picture | None:
        """The picture of an URL; one that cannot be had now is none, and the pages do without."""
        if url is None:
            return None
        try:
            return _given(name, url) if _is_given(url) else picture_of(await self._fetching.get(url, most=MOST))
        except NotAPicture as error:
            raise _not_shown(name, error) from error
        except NotFetched as error:
            say.info("a picture was not fetched", property=name, reason=str(error))
            return None


def refuse_unshowable(branding: Mapping[str, Any]) -> None:
    """Refuse what the pages cannot show, as far as that is known without fetching it.

    Raises:
        BadRequest: names the property.
    """
    if not is_background((branding.get("colors") or {}).get("page_background")):
        raise BadRequest(
            "Payload validation error: 'Expected a colour or a linear gradient' on property colors.page_background."
        )
    for name in PICTURES:
        if _is_given(branding.get(name) or ""):
            _given(name, branding[name])


def _is_given(url: str) -> bool:
    return url.startswith("data:")


def _given(name: str, url: str) -> Picture:
    try:
        return picture_in(url)
    except NotAPicture as error:
        raise _not_shown(name, error) from error


def _not_shown(name: str, error: NotAPicture) -> BadRequest:
    return BadRequest(f"Payload validation error: '{error}' on property {name}.")


def _served(picture: Picture, if_none_match: str | None) -> Reply:
    etag = f'"{picture.version}"'
    headers = [("etag", etag), ("cache-control", "no-cache"), SANDBOX]
    if if_none_match == etag:
        return Reply(VERSION, HTTPStatus.NOT_MODIFIED, headers, b"")
    return Reply(VERSION, HTTPStatus.OK, [("content-type", picture.content_type), *headers], picture.content)


def _no_tenant() -> NotFound:
    return NotFound("The tenant does not exist.", "inexistent_tenant")
