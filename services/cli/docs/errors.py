"""Owns the page of errors: codes of the protocol, of the Management API, of HTTP itself, and the log's reasons."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

from libs.edge.management_errors import ManagementError
from libs.edge.refusals import Refusal
from libs.oauth.errors import OAuthError, Travel
from services.cli.docs import markdown
from services.cli.docs.markdown import cell, code, table
from services.cli.docs.sources import SERVICES, modules

INTRODUCTION: Final = """\
The client sees a code and a sentence; the log sees the *reason*, the name of a class beside the rule that refused.
Everything that is away or full is 503 (or 429) with `Retry-After`, and nothing waits longer than its deadline."""


def page() -> str:
    """The page."""
    for name, _ in modules(*(f"services/{service}" for service in SERVICES), "libs"):
        import_module(name)
    return markdown.page("Errors", INTRODUCTION, _oauth(), _management(), _http(), _reasons())


def _oauth() -> str:
    codes = [each for each in _below(OAuthError) if each.__module__ == OAuthError.__module__ and "code" in vars(each)]
    rows = [(code(each.code), str(each.status), _ways(each.travels), _meaning(each)) for each in _public(codes)]
    head = ("error", "status", "travels as", "meaning")
    return "## OAuth: `{error, error_description}`\n\n" + table(head, sorted(rows))


def _management() -> str:
    codes = [each for each in _below(ManagementError) if each.__module__ == ManagementError.__module__]
    rows = [(str(each.status), code(each.error_code or ""), _meaning(each)) for each in codes]
    shape = "## Management API: `{statusCode, error, message, errorCode}`"
    return f"{shape}\n\n{table(('status', 'errorCode', 'meaning'), sorted(rows))}"


def _http() -> str:
    rows = [(str(each.status), code(each.code), _meaning(each)) for each in _below(Refusal)]
    told = "Told in the shape of the route that was asked for."
    return f"## HTTP itself\n\n{told}\n\n{table(('status', 'code', 'meaning'), sorted(rows))}"


def _reasons() -> str:
    kinds: tuple[Any, ...] = (OAuthError, ManagementError)
    reasons = [each for kind in kinds for each in _below(kind) if each.__module__ != kind.__module__]
    rows = [(code(each.__name__), _code_of(each), _meaning(each), code(each.__module__)) for each in reasons]
    return "## Reasons, as the log names them\n\n" + table(("reason", "told as", "meaning", "where"), sorted(set(rows)))


def _code_of(each: Any) -> str:
    return f"{each.status} {code(getattr(each, 'code', None) or each.error_code or '')}".strip()


def _below(cls: Any) -> Iterator[Any]:
    for each in cls.__subclasses__():
        if each.__module__.startswith(("libs.", "services.")):
            yield each
            yield from _below(each)


def _public(classes: list[Any]) -> list[Any]:
    return [each for each in classes if not each.__name__.startswith("_")]


def _ways(travels: Travel) -> str:
    return ", ".join((way.name or "").lower() for way in travels)


def _meaning(each: Any) -> str:
    return cell((each.__doc__ or "").partition("\n")[0])
