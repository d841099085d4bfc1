"""Turns the body of a Management API request into validated properties, or says in Auth0's words what is wrong."""

import re
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

import msgspec

from libs.edge.formats import FORMATS
from libs.edge.management_errors import BadRequest
from libs.edge.schema import (
    MISSING,
    Anything,
    Array,
    Boolean,
    Dictionary,
    Integer,
    Kind,
    Number,
    Object,
    Property,
    Resource,
    Text,
)
from libs.runtime.strict_json import MalformedJSON, loads

if TYPE_CHECKING:
    from libs.edge.call import Call

_TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
_EXPECTED: Final = {
    Text: "string",
    Integer: "integer",
    Number: "number",
    Boolean: "boolean",
    Array: "array",
    Dictionary: "object",
    Object: "object",
}
_SHOWN: Final = 100


def created(resource: Resource, call: "Call") -> dict[str, Any]:
    """Read the body of a request that creates a resource; defaults are filled in.

    Raises:
        BadRequest: `invalid_body`, with the first thing that is wrong.
    """
    return _Check(is_creation=True).members(resource.properties, _object(call), _Place())


def changed(resource: Resource, call: "Call") -> dict[str, Any]:
    """Read the body of a request that changes some members of a resource; a nullable one given as `null` is `None`.

    Raises:
        BadRequest: `invalid_body`, with the first thing that is wrong.
    """
    return _Check(is_creation=False).members(resource.properties, _object(call), _Place())


def stated(resource: Resource, call: "Call") -> dict[str, Any]:
    """Read a body that may be left away; `null`, which Go programs send for nothing, says as much as none.

    Raises:
        BadRequest: `invalid_body`, with the first thing that is wrong.
    """
    if not call.request.body or (said := body(call)) is None:
        return {}
    return _Check(is_creation=False).members(resource.properties, _is_object(said), _Place())


def body(call: "Call") -> Any:
    """Read a JSON body strictly, whatever its shape.

    Raises:
        BadRequest: another content type, or not the JSON that every reader understands alike.
    """
    media_type = (call.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise BadRequest("Invalid request payload: the content type must be application/json.")
    try:
        return loads(call.request.body)
    except MalformedJSON as error:
        raise BadRequest(f"Invalid request payload JSON format: {error}.") from error


def _object(call: "Call") -> dict[str, Any]:
    return _is_object(body(call))


def _is_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(f"Expected type object but found type {_type(value)}", _Place())
    return value


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the body we are, for the message."""

    path: str = ""
    description: str = ""

    def member(self, name: str, description: str = "") -> Self:
        return type(self)(f"{self.path}.{name}" if self.path else name, description)

    def item(self, index: int) -> Self:
        return type(self)(f"{self.path}[{index}]", self.description)

    def __str__(self) -> str:
        told = f" ({self.description})" if self.description else ""
        return f" on property {self.path}{told}" if self.path else ""


class Violation(BadRequest):
    """A value is not of its kind: `what` is wrong with it, without its place."""

    def __init__(self, what: str, place: str) -> None:
        super().__init__(f"Payload validation error: '{what}'{place}.")
        self.what = what


def violation(kind: Kind, value: Any) -> str | None:
    """What is wrong with a value that should be of `kind`, in Auth0's words; `None` when nothing is."""
    try:
        _Check(is_creation=True).value(kind, value, _Place())
    except Violation as found:
        return found.what
    return None


def _refuse(what: str, place: _Place) -> NoReturn:
    raise Violation(what, str(place))


def _type(value: Any) -> str:
    return _TYPES.get(type(value), "null")


def _bounded(size: int, minimum: int, maximum: int, what: str, place: _Place) -> None:
    if size < minimum:
        _refuse(f"{what.format('short')}, minimum {minimum}", place)
    if size > maximum:
        _refuse(f"{what.format('long')}, maximum {maximum}", place)


class _Check:
    """One pass over a body, as creation or as change."""

    def __init__(self, *, is_creation: bool) -> None:
        self._is_creation = is_creation

    def members(self, properties: tuple[Property, ...], value: dict[str, Any], place: _Place) -> dict[str, Any]:
        writable = {each.name: each for each in properties if self._may_write(each, place)}
        if unknown := [name for name in value if name not in writable]:
            _refuse(f"Additional properties not allowed: {', '.join(unknown)[:_SHOWN]}", place)
        # Members inside a nested object are replaced together, so there what is required is required always.
        if self._is_creation or place.path:
            value = self._completed(writable, value, place)
        return {name: self._property(writable[name], member, place) for name, member in value.items()}

    def _may_write(self, each: Property, place: _Place) -> bool:
        return not each.is_read_only and (self._is_creation or bool(place.path) or not each.is_immutable)

    def _completed(self, writable: dict[str, Property], value: dict[str, Any], place: _Place) -> dict[str, Any]:
        for name, each in writable.items():
            if each.is_required and name not in value:
                _refuse(f"Missing required property: {name}", place)
        defaults = {name: each.default for name, each in writable.items() if each.default is not MISSING}
        return {**deepcopy(defaults), **value}

    def _property(self, each: Property, value: Any, place: _Place) -> Any:
        if value is None and each.is_nullable:
            return None
        return self.value(each.kind, value, place.member(each.name, each.description))

    def value(self, kind: Kind, value: Any, place: _Place) -> Any:
        if isinstance(kind, Anything):
            return value
        _check_type(kind, value, place)
        match kind:
            case Text():
                _check_text(kind, value, place)
            case Integer() | Number():
                _check_number(kind, value, place)
            case Array():
                return self._array(kind, value, place)
            case Dictionary():
                return self._dictionary(kind, value, place)
            case Object():
                return self.members(kind.properties, value, place)
            case Boolean():
                pass
        return value

    def _array(self, kind: Array, value: list[Any], place: _Place) -> list[Any]:
        _bounded(len(value), kind.min_items, kind.max_items, f"Array is too {{}} ({len(value)})", place)
        items = [self.value(kind.items, item, place.item(index)) for index, item in enumerate(value)]
        if kind.is_unique:
            _check_unique(items, place)
        return items

    def _dictionary(self, kind: Dictionary, value: dict[str, Any], place: _Place) -> dict[str, Any]:
        if len(value) > kind.max_members:
            _refuse(f"Too many properties defined ({len(value)}), maximum {kind.max_members}", place)
        for name in value:
            _bounded(len(name), 1, kind.max_name_length, f"Property name is too {{}} ({len(name)} chars)", place)
        # `null` removes one entry of a dictionary, as Auth0 does with metadata.
        return {
            name: None if member is None else self.value(kind.values, member, place.member(name))
            for name, member in value.items()
        }


def _check_type(kind: Kind, value: Any, place: _Place) -> None:
    expected, found = _EXPECTED[type(kind)], _type(value)
    if found != expected and (expected, found) != ("number", "integer"):
        _refuse(f"Expected type {expected} but found type {found}", place)


def _check_text(kind: Text, value: str, place: _Place) -> None:
    if kind.enum:
        if value not in kind.enum:
            _refuse(f"No enum match for: {value[:_SHOWN]}", place)
        return
    # Length first: no pattern ever sees more than the table allows.
    _bounded(len(value), kind.min_length, kind.max_length, f"String is too {{}} ({len(value)} chars)", place)
    if kind.pattern is not None and not re.fullmatch(kind.pattern, value):
        _refuse(f"String does not match pattern: {kind.pattern}", place)
    if kind.format is not None and not FORMATS[kind.format](value):
        _refuse(f"Object didn't pass validation for format {kind.format}: {value[:_SHOWN]}", place)


def _check_number(kind: Integer | Number, value: float, place: _Place) -> None:
    if value < kind.minimum:
        _refuse(f"Value {value} is less than minimum {kind.minimum}", place)
    if value > kind.maximum:
        _refuse(f"Value {value} is greater than maximum {kind.maximum}", place)


def _check_unique(items: list[Any], place: _Place) -> None:
    seen: dict[bytes, int] = {}
    for index, item in enumerate(items):
        first = seen.setdefault(msgspec.json.encode(item, order="deterministic"), index)
        if first != index:
            _refuse(f"Array items are not unique (indexes {first} and {index})", place)
