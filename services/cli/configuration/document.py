"""Owns the text of a file: YAML in and out, read so that it means one thing and costs no more than its size.

Only what JSON can say is read: no tags, no anchors, no merge keys, no dates. `yes`, `on`, `010` and `12:30` are texts,
as they are in YAML 1.2 and in the JavaScript that Auth0's tool is written in; PyYAML by itself follows YAML 1.1.
"""

import math
import re
from typing import Any, Final

import yaml

from services.cli.configuration.keywords import MARKER, escaped
from services.cli.errors import USAGE, Refused

LARGEST: Final = 4 * 1024 * 1024
"""Characters a file may have: ten thousand applications fit."""

DEEPEST: Final = 32
"""Levels of nesting; the API's bodies have six."""

_MAP: Final = "tag:yaml.org,2002:map"
_SEQ: Final = "tag:yaml.org,2002:seq"
_STR: Final = "tag:yaml.org,2002:str"
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}


def read(text: str) -> dict[str, Any]:
    """The members of a file.

    Raises:
        Refused: it is too large, no YAML, says something twice or says what JSON cannot.
    """
    if len(text) > LARGEST:
        raise Refused(f"the file is too large: {len(text)} characters, at most {LARGEST}.", USAGE)
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader that understands less
    except yaml.MarkedYAMLError as error:
        told = ", ".join(filter(None, (error.context, error.problem)))
        raise Refused(f"the file cannot be read: {_place(error)}{told}.", USAGE) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Refused(f"the file cannot be read: {str(error).splitlines()[0]}.", USAGE) from error
    if not isinstance(value, dict):
        raise Refused("the file must be a mapping of sections, such as `clients:`.", USAGE)
    return value


def written(members: dict[str, Any]) -> str:
    """The text of a file, in the order of `members`; what another reader could take for a number is quoted."""
    text = yaml.dump(members, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
    return escaped(text)


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""


class _Loader(yaml.SafeLoader):
    """JSON's values in YAML's clothes."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refusal("anchors and aliases (& and *) are not read", event)
        if getattr(event, "tag", None) is not None:
            raise _refusal("tags (!) are not read", event)
        if self._depth >= DEEPEST:
            raise _refusal(f"nested more than {DEEPEST} deep", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key, value in node.value:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str):
                raise _refusal("a key must be a text", key)
            if name in members:
                raise _refusal(f"{name!r} is said twice", key)
            members[name] = self.construct_object(value, deep=True)
        return members

    def sequence(self, node: yaml.SequenceNode) -> list[Any]:
        return [self.construct_object(each, deep=True) for each in node.value]

    def scalar(self, node: yaml.ScalarNode) -> Any:
        return _meant(node.value) if node.style is None else node.value


_Loader.yaml_implicit_resolvers = {}
_Loader.yaml_constructors = {_MAP: _Loader.mapping, _SEQ: _Loader.sequence, _STR: _Loader.scalar}


class _Dumper(yaml.SafeDumper):
    """Lists are indented below their names, and nothing is abbreviated."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(_STR, value, style=_style(value))


_Dumper.add_representer(str, _text)


def _style(value: str) -> str | None:
    """How a text is written, so that it is read as itself."""
    is_printable = all(each.isprintable() or each == "\n" for each in value)
    if MARKER.search(value) or not is_printable:
        return '"'  # the one style that escapes
    if "\n" in value:
        return "|"
    return "'" if _is_more_than_text(value) else None


def _is_more_than_text(value: str) -> bool:
    try:
        return _meant(value) is not value
    except ValueError:
        return True


def _meant(text: str) -> Any:
    """What a plain scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return _finite(float(text))
    return text


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _refusal(what: str, at: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=what, problem_mark=at.start_mark)
