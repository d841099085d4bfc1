"""Owns the page of events: every service's catalogue, each event with its sentence and its fields."""

from collections.abc import Sequence
from inspect import cleandoc, get_annotations
from typing import Final

from libs.eventstore import Activity, Catalogue, Event, Fact
from libs.eventstore.events import OF_EVERY_SERVICE
from libs.eventstore.names import ACTIVITY, FACTS, stream_of, subject_of
from services.audit.rules.said import Private
from services.cli.docs import markdown
from services.cli.docs.markdown import cell, code, table
from services.cli.docs.published import becomes, type_of
from services.cli.docs.sources import SERVICES, imported

INTRODUCTION: Final = """\
An event's `type` on the wire is for ever; fields are only added.
*Facts* are what was decided, kept for ever in streams with versions; *activity* is what was done, kept for some days.
What services that are not ours may hear of them is in [Public events](public-events.md); the last column says as what.
`limen events tail` shows them; [the log](../concepts/the-log.md) tells how they come about."""

ENVELOPE: Final = """\
## Around every event

The envelope carries `id` (UUID version 7), `tenant`, `stream`, `version`, `log`, `lane`, `epoch`, `pos`, `type`, `v`,
`occurred_at`, `at`, `actor`, `act`, `client_id`, `session_id`, `grant_id`, `request_id`, `trace` (W3C),
`causation_id`, `correlation_id`, `must_understand` and `data`, the fields listed here."""


def page() -> str:
    """The page."""
    return markdown.page("Events", INTRODUCTION, ENVELOPE, *map(_section, _catalogues()), _of_every_service())


def _catalogues() -> list[Catalogue]:
    found = (imported(f"services.{service}.events") for service in SERVICES)
    return [module.CATALOGUE for module in found if module is not None]


def _section(catalogue: Catalogue) -> str:
    service, events = catalogue.service, list(catalogue)
    parts = [f"## `{service}`"]
    for log, kind in ((FACTS, Fact), (ACTIVITY, Activity)):
        own = [(name, event) for name, event in events if issubclass(event, kind)]
        if own:
            subject = subject_of(log, f"{service}.>")
            parts.append(f"### {log.capitalize()}: stream `{stream_of(service, log)}`, subjects `{subject}`")
            parts.append(_table(own))
    return "\n\n".join(parts)


def _of_every_service() -> str:
    names = [(f"<service>.{Catalogue('x', event).name_of(event)[2:]}", event) for event in OF_EVERY_SERVICE]
    told = "They are the operator's matter and never public."
    return f"## Facts every service may record\n\n{told}\n\n{table(HEAD, (_described(*each) for each in names))}"


HEAD: Final = ("type", "v", "what happened", "data")


def _table(events: Sequence[tuple[str, type[Event]]]) -> str:
    rows = [(*_described(name, event), _published(event)) for name, event in events]
    return table((*HEAD, "published as"), rows)


def _described(name: str, event: type[Event]) -> tuple[str, ...]:
    return code(name), str(event.v), cell(cleandoc(event.__doc__ or "")), _fields(event)


def _published(event: type[Event]) -> str:
    """Its public types, or why there is none."""
    found = becomes(event)
    if isinstance(found, Private):
        return cell(f"private: {found.why}")
    return ", ".join(f"[{code(type_of(each))}](schemas/{type_of(each)}.json)" for each in found)


def _fields(event: type[Event]) -> str:
    return ", ".join(f"`{name}` {_type(kind)}" for name, kind in get_annotations(event).items())


def _type(kind: object) -> str:
    text = kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__origin__") else str(kind)
    return cell(text.replace("typing.", "").replace("datetime.datetime", "datetime"))
