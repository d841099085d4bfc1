"""Shows pages: templates read once, in the reader's language and the tenant's colours, closed to everything else.

Nothing of a page comes from elsewhere: style, script and icons are in it, allowed by a nonce; a tenant's logo is served
by ourselves.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from libs.edge import Call, Refusal
from libs.edge.answers import NO_STORE
from libs.edge.management_errors import InvalidQuery
from libs.edge.refusals import MethodNotAllowed, Overloaded, UnknownPath
from libs.edge.wire import VERSION, Reply, Request
from libs.oauth.authorization import NoSuchClient, RedirectUriRefused, Untrusted
from libs.oauth.errors import OAuthError
from libs.runtime.errors import Unavailable
from libs.sealed import DerivedKey
from services.login.routes.brand import Brand
from services.login.routes.forms import FormTokens, check_origin, read_form
from services.login.routes.languages import Language, chosen, languages
from services.login.routes.logins import TransactionDone
from services.login.routes.problems import (
    AlreadyDone,
    Away,
    BadRedirectURI,
    BadRequest,
    Broken,
    Expired,
    Forged,
    NoSuchPage,
    OtherBrowser,
    Problem,
    UnknownApplication,
)
from services.login.rows.transactions import NotThisBrowser, TransactionGone

ROOM: Final = Path(__file__).parents[1]


@pass_context
def _gettext(context: Context, sentence: str, /, **values: Any) -> Markup:
    """A sentence in the page's language; what is put into it is escaped."""
    return Markup(context["language"].catalogue.gettext(sentence)) % values  # noqa: S704  # catalogues are ours


@pass_context
def _ngettext(context: Context, one: str, many: str, count: int, /, **values: Any) -> Markup:
    """The same for a number of things."""
    sentence = context["language"].catalogue.ngettext(one, many, count)
    return Markup(sentence) % {"num": count, **values}  # noqa: S704  # catalogues are ours


def _initial(name: str) -> str:
    """The first letter of a name, for the tile where no picture is."""
    return next((sign for sign in name if sign.isalnum()), "•").upper()


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ROOM / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.newstyle_gettext = True  # type: ignore[attr-defined]
    environment.globals |= {"gettext": _gettext, "ngettext": _ngettext, "_": _gettext}
    environment.globals["initial"] = _initial
    environment.globals["css"] = Markup((ROOM / "static" / "page.css").read_text())  # noqa: S704  # ours
    environment.globals["script"] = Markup((ROOM / "static" / "page.js").read_text())  # noqa: S704  # ours
    return environment


def _templates() -> dict[str, Template]:
    environment = _environment()
    return {name: environment.get_template(name) for name in environment.list_templates(extensions=["html"])}


# Read once, before the loop turns.
TEMPLATES: Final = _templates()
LANGUAGES: Final = languages()


# What pages have in common and not every page needs.
USUAL: Final[Mapping[str, Any]] = {
    "action": "",
    "application": "",
    "errors": {},
    "identifier": "",
    "is_offered": False,
    "kept": {},
    "link": None,
    "needs_username": False,
    "may_sign_up": False,
    "may_reset": True,
    "person": "",
    "rules": (),
    "state": "",
    "user_name": "",
}


class Pages:
    """Shows pages of one process.

    Args:
        keys: those derived for `csrf`, the newest first.
        brand_of: how a tenant looks, by its id; it is asked for every page, so it answers from memory.
    """

    def __init__(self, keys: Sequence[DerivedKey], brand_of: Callable[[str], Brand] = lambda _: Brand()) -> None:
        self._tokens = FormTokens(keys)
        self.brand_of = brand_of

    def show(
        self,
        call: Call | Request,
        template: str,
        *,
        status: int = 200,
        form_action: Sequence[str] = (),
        headers: Iterable[tuple[str, str]] = (),
        binding: str | None = None,
        ui_locales: str | None = None,
        **context: Any,
    ) -> Reply:
        """A page.

        Args:
            call: the request it answers.
            template: the name of a file in `pages/`.
            status: of the answer.
            form_action: redirect URIs to which the answer to the page's form may redirect (Chromium wants them named).
            headers: more of them, such as cookies.
            binding: the secret of the cookie to which the page's form is bound; without it there is no form.
            ui_locales: the languages the application asks for.
            context: what the template needs.
        """
        request = call.request if isinstance(call, Call) else call
        brand, nonce = self.brand_of(request.tenant), secrets.token_urlsafe(16)
        language = _language(request, brand, ui_locales)
        body = TEMPLATES[template].render(
            {**USUAL, **context},
            brand=brand,
            csrf=self._tokens.token(request.tenant, binding) if binding else "",
            language=language,
            nonce=nonce,
            # The tenant's colours were checked; in a style element nothing is escaped.
            tokens=Markup(brand.tokens()),  # noqa: S704
        )
        said = [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", policy(nonce, form_action)),
            ("content-language", language.tag),
            ("referrer-policy", "no-referrer"),
            ("vary", "accept-language"),
            *NO_STORE,
            *headers,
        ]
        return Reply(VERSION, status, said, body.encode(errors="replace"))

    def language(self, call: Call, ui_locales: str | None = None) -> str:
        """The tag of the language in which somebody reads; mails to them are in it too."""
        return _language(call.request, self.brand_of(call.tenant), ui_locales).tag

    def form(self, call: Call, binding: str) -> dict[str, str]:
        """The fields that were posted, once it is known that our own page in this browser sent them.

        Raises:
            Forged: it did not.
        """
        form = read_form(call)
        self.check_csrf(call, form, binding)
        return form

    def check_csrf(self, call: Call, form: Mapping[str, str], binding: str) -> None:
        """Let pass what our own page sent from this browser.

        Raises:
            Forged: it did not.
        """
        check_origin(call)
        if not self._tokens.is_token_of(form.get("csrf", ""), call.tenant, binding):
            raise Forged

    def refused(self, error: Exception, request: Request) -> Reply:
        """Tell an error as a page: the renderer of every route that people see."""
        problem = problem_of(error)
        headers = list(error.headers) if isinstance(error, Refusal) else []
        if problem.retry_after is not None:
            headers.append(("retry-after", str(problem.retry_after)))
        return self.show(
            request,
            "problem.html",
            status=problem.status,
            headers=dict(headers).items(),
            problem=problem,
            request_id=request.request_id,
        )


def _language(request: Request, brand: Brand, ui_locales: str | None) -> Language:
    asked = next((value for name, value in request.headers if name == "accept-language"), None)
    return chosen(LANGUAGES, ui_locales, asked, brand.locales)


# What a person is told of an error, the more special one first.
TOLD: Final[tuple[tuple[type[Exception], Callable[[Any], Problem]], ...]] = (
    (Problem, lambda error: error),
    (TransactionDone, lambda _: AlreadyDone()),
    (TransactionGone, lambda _: Expired()),
    (NotThisBrowser, lambda _: OtherBrowser()),
    (NoSuchClient, lambda _: UnknownApplication()),
    (RedirectUriRefused, lambda _: BadRedirectURI()),
    (Unavailable, lambda error: Away(retry_after=error.retry_after)),
    (Overloaded, lambda _: Away()),
    (UnknownPath, lambda _: NoSuchPage()),
    (MethodNotAllowed, lambda _: NoSuchPage()),
    (Refusal, lambda _: BadRequest()),
    (InvalidQuery, lambda _: BadRequest()),
    (Untrusted, lambda error: BadRequest(detail=str(error))),
    (OAuthError, lambda error: BadRequest(detail=str(error))),
)


def problem_of(error: Exception) -> Problem:
    """What a person is told of an error; nothing of what is unknown."""
    return next((told(error) for kind, told in TOLD if isinstance(error, kind)), Broken())


def policy(nonce: str, form_action: Sequence[str]) -> str:
    """The content security policy of a page (CSP level 3)."""
    targets = " ".join(("'self'", *dict.fromkeys(map(source_of, form_action))))
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}';"
        f" img-src 'self' data:; form-action {targets};"
        " frame-ancestors 'none'; base-uri 'none'"
    )


def source_of(redirect_uri: str) -> str:
    """A redirect URI as a source of the policy: its origin, or its scheme where there is no host a policy can name."""
    parts = urlsplit(redirect_uri)
    if parts.scheme in {"http", "https"} and parts.netloc and not set(parts.netloc) & set("[]@;, '\""):
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"
