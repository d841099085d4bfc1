"""Says how an answer of the Management API differs from those Auth0 was seen to give, and from what its SDK needs."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from tests.shapes.make import DATA, nameless

RECORDED: Final[Mapping[str, Any]] = json.loads((DATA / "recorded.json").read_text())
REQUIRED: Final[Mapping[str, list[str]]] = json.loads((DATA / "required.json").read_text())

ALIKE: Final = {"POST /clients/{}/rotate-secret": "GET /clients/{}"}
"""Operations of which no traffic was recorded, and those that answer the same thing."""

ABSENT: Final[Mapping[str, str]] = {
    "signing_keys": "the tenant's certificates, which every application would repeat; they are at /api/v2/keys/signing",
}
"""Members that Auth0 was always seen to answer and we never do, and why."""

_TYPES: Final[Mapping[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
    dict: "object",
    list: "array",
}


def differences(method: str, template: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer, one sentence each; nothing when it is as Auth0's.

    Args:
        method: of the request.
        template: the route's, such as `/api/v2/clients/{id}`.
        status: of the answer.
        body: its JSON, decoded; `None` when there is none.
    """
    if status >= HTTPStatus.BAD_REQUEST:
        return list(_error(status, body))
    operation = nameless(f"{method} {template.removeprefix('/api/v2')}")
    return [*_missing(operation, body), *_recorded(operation, status, body)]


def _error(status: int, body: Any) -> Iterator[str]:
    types = {"statusCode": int, "error": str, "message": str, "errorCode": str}
    if not isinstance(body, dict):
        yield f"an error is an object, not {body!r}"
        return
    # A request without a token is the one refusal to which Auth0 gives no code.
    needed = types.keys() - ({"errorCode"} if status == HTTPStatus.UNAUTHORIZED else set())
    yield from (f"the error lacks {each}" for each in sorted(needed - body.keys()))
    yield from (f"the error has {each}" for each in sorted(body.keys() - types))
    yield from (
        f"{name} is {value!r}" for name, value in body.items() if not isinstance(value, types.get(name, object))
    )
    if body.get("statusCode") != status or body.get("error") != HTTPStatus(status).phrase:
        yield f"the error is not about {status}"


def _missing(operation: str, body: Any) -> Iterator[str]:
    for item in body if isinstance(body, list) else [body]:
        yield from (
            f"{operation}: auth0-python needs {each}" for each in REQUIRED.get(operation, ()) if each not in item
        )


def _recorded(operation: str, status: int, body: Any) -> Iterator[str]:
    known = RECORDED.get(ALIKE.get(operation, operation))
    if known is None:
        return
    if str(status) not in known["answers"]:
        yield f"{operation}: {status} was not seen, but {', '.join(known['answers'])}"
        return
    shape = known["answers"][str(status)]
    if isinstance(body, list) and isinstance(shape, dict):
        # The bare form of a list that was recorded in a wrapper.
        shape = next(each for each in shape.values() if isinstance(each, list))
    yield from _different(body, shape, operation)


def _different(value: Any, shape: Any, place: str) -> Iterator[str]:
    match shape, value:
        case dict(), dict():
            yield from _members(value, shape, place)
        case list(), list():
            for index, item in enumerate(value if shape else ()):
                yield from _different(item, shape[0], f"{place}[{index}]")
        case str(), _ if _fits(_type(value), shape):
            return
        case _:
            yield f"{place}: {_type(value)} was never seen, but {_kind(shape)}"


def _members(value: dict[str, Any], shape: dict[str, Any], place: str) -> Iterator[str]:
    known = {name.removesuffix("!"): each for name, each in shape.items()}
    always = {name[:-1] for name in shape if name.endswith("!")}
    yield from (f"{place}: {each} is missing" for each in sorted(always - value.keys() - ABSENT.keys()))
    for name in known.keys() & value.keys():
        yield from _different(value[name], known[name], f"{place}.{name}")


def _fits(found: str, shape: str) -> bool:
    return found in (shape or "null").split("|") or (found == "integer" and "number" in shape)


def _type(value: Any) -> str:
    return _TYPES[type(value)]


def _kind(shape: Any) -> str:
    return shape if isinstance(shape, str) else _type(shape)
