"""Makes the OpenAPI 3.1 document of the Management API out of route tables: what is served is what is described."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final

from libs.edge.operation import Listing, Operation
from libs.edge.routes import Route
from libs.edge.schema import (
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

ERRORS: Final = (400, 401, 403, 414, 429, 431, 503)
"""What every route may answer beside its own refusals."""

ID: Final = {"type": "string", "minLength": 1, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$"}
LIMITS: Final = ("limit", "remaining", "reset")

UNREAD: Final = {414: "unread", 431: "unread"}
"""Refusals of a request whose head was too long to be read, so that nobody can say which API it was for."""

IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names this request: sent again within 24 hours it is not done again but answered as it was.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]+$"},
}

PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=3`: wait so many seconds, three at most, until every service obeys the write (RFC 7240).",
    "schema": {"type": "string"},  # whatever else somebody prefers is passed over (section 2), never refused
}

SHAPES: Final = {
    "https-url": r"^https://[!-~]+$",
    "https-url-or-empty": r"^(?:https://[!-~]+)?$",
    "https-url-template": r"^https://[!-~]+$",
    "told-url": r"^https?://[!-~]+$",
    "picture-url": r"^(?:https://[!-~]+|data:image/[a-z]+;base64,[A-Za-z0-9+/=]+)?$",
    "web-url": r"^https?://[!-~]+$",
    "redirect-uri": r"^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$",
    "origin": r"^https?://[!-~]+$",
    "api-identifier": r"^[!#-\[\]-~]+$",
    "scope": r"^[!#-\[\]-~]+$",
    "hostname": r"^[A-Za-z0-9.-]+$",
    "ip-network": r"^[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?$",
    "email": r"^[!-~]+@[A-Za-z0-9.-]+$",
}
"""What every text of a format looks like, for readers that know only patterns; the format itself asks for more."""

Schema = dict[str, Any]


def document(routes: Iterable[Route], *, version: str) -> Schema:
    """The document of those routes that are described."""
    described = sorted((each for each in routes if each.operation), key=lambda each: (each.template, each.method))
    paths: dict[str, Schema] = {}
    for route in described:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, described)
    scopes = {scope: scope.replace(":", " ") for scope in sorted({s for each in described for s in each.scopes or ()})}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Limen Management API", "version": version, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "https://{domain}", "variables": {"domain": {"default": "localhost:8443"}}}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "oauth2",
                    "description": "An access token for `<issuer>api/v2/` with any of an operation's scopes.",
                    "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": scopes}},
                }
            },
            "headers": {
                f"x-ratelimit-{each}": {"schema": {"type": "integer"}, "description": _LIMIT[each]} for each in LIMITS
            },
            "schemas": {"error": _error(), "unread": {"type": "object"}, **_resources(described)},
        },
    }


def _resources(routes: Iterable[Route]) -> Schema:
    """Every resource that some operation takes or answers, as it is read, created and changed."""
    schemas: Schema = {}
    for route in routes:
        operation = route.operation
        assert operation is not None, "only described routes are asked for"
        answer = operation.answer.items if isinstance(operation.answer, Listing) else operation.answer
        if isinstance(answer, Resource):
            schemas[answer.name] = of_resource(answer)
        if operation.body is not None:
            name, is_creation = _body_name(route, operation.body), route.method == "POST"
            schemas[name] = of_body(operation.body, is_creation=is_creation)
    return dict(sorted(schemas.items()))


def _body_name(route: Route, body: Resource) -> str:
    return f"{body.name}_{'creation' if route.method == 'POST' else 'change'}"


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_LIMIT: Final = {
    "limit": "Requests an application may make at once",
    "remaining": "Requests it may make now",
    "reset": "Unix time when it may make `limit` requests again",
}


def _error() -> Schema:
    return {
        "type": "object",
        "properties": {
            "statusCode": {"type": "integer"},
            "error": {"type": "string"},
            "message": {"type": "string"},
            "errorCode": {"type": "string"},
        },
        "required": ["statusCode", "error", "message"],
    }


def _operation(route: Route, routes: Iterable[Route]) -> Schema:
    operation = route.operation
    assert operation is not None, "only described routes are asked for"
    described: Schema = {
        "operationId": operation_id(route),
        "tags": [route.template.split("/")[3]],
        "summary": (route.handler.__doc__ or route.name).strip().partition("\n")[0].rstrip("."),
        "security": [{"token": [scope]} for scope in route.scopes or ()],
        "parameters": [*_path(route), *_query(operation), *_headers(route)],
        "responses": _responses(route, operation, routes),
    }
    if operation.body is not None:
        schema = _reference(_body_name(route, operation.body))
        if operation.is_body_optional:
            schema = {"anyOf": [schema, {"type": "null"}]}
        content = {"application/json": {"schema": schema}}
        described["requestBody"] = {"required": not operation.is_body_optional, "content": content}
    return described


def operation_id(route: Route) -> str:
    """How the operation is called, such as `get_clients_id`."""
    parts = [part.strip("{}").replace("-", "_") for part in route.template.split("/")[3:]]
    return "_".join([route.method.lower(), *parts])


def _headers(route: Route) -> list[Schema]:
    keyed = [IDEMPOTENCY_KEY] if route.method == "POST" else []
    return keyed if route.method == "GET" else [*keyed, PREFER]


def _path(route: Route) -> Iterator[Schema]:
    for part in route.template.split("/"):
        if part.startswith("{"):
            yield {"name": part[1:-1], "in": "path", "required": True, "schema": ID}


def _query(operation: Operation) -> Iterator[Schema]:
    for each in operation.query:
        told = {"description": each.description} if each.description else {}
        schema = of_kind(each.kind)
        # How many there may be is bounded by the length of a URL before it is by us.
        schema.pop("maxItems", None)
        yield {"name": each.name, "in": "query", **told, "schema": schema}


def _responses(route: Route, operation: Operation, routes: Iterable[Route]) -> Schema:
    success: Schema = {
        "description": HTTPStatus(operation.status).phrase,
        "headers": {f"x-ratelimit-{each}": {"$ref": f"#/components/headers/x-ratelimit-{each}"} for each in LIMITS},
    }
    if operation.answer is not None:
        success["content"] = {"application/json": {"schema": of_answer(operation.answer)}}
    if links := dict(_links(route, operation, routes)):
        success["links"] = links
    refusals = {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"schema": _reference(UNREAD.get(status, "error"))}},
        }
        for status in sorted({*ERRORS, *_own_errors(route, operation)})
    }
    return {str(int(operation.status)): success, **refusals}


def _own_errors(route: Route, operation: Operation) -> Iterator[int]:
    yield from operation.errors
    if "{" in route.template:
        yield 404
    if operation.body is not None:
        yield 413
    if route.method == "POST":
        yield from (409, 422)


def _links(route: Route, operation: Operation, routes: Iterable[Route]) -> Iterator[tuple[str, Schema]]:
    """From what was created to the operations on it."""
    if not operation.identified_by:
        return
    given = {part[1:-1]: f"$request.path.{part[1:-1]}" for part in route.template.split("/") if part.startswith("{")}
    for other in routes:
        head, _, tail = other.template.removeprefix(route.template).partition("{")
        if other.template.startswith(route.template) and head == "/" and other.operation is not None:
            name = tail.partition("}")[0]
            parameters = {**given, name: f"$response.body#/{operation.identified_by}"}
            yield operation_id(other), {"operationId": operation_id(other), "parameters": parameters}


def of_body(resource: Resource, *, is_creation: bool) -> Schema:
    """What a body may say."""
    writable = [
        each for each in resource.properties if not each.is_read_only and (is_creation or not each.is_immutable)
    ]
    schema = _object(writable, is_closed=True)
    if not is_creation:
        schema.pop("required", None)
    return schema


def of_resource(resource: Resource) -> Schema:
    """What is answered of a resource; which members are there depends on what was asked and on the caller's scopes."""
    schema = _object(resource.properties, is_closed=False)
    schema.pop("required", None)
    return schema


def of_answer(answer: Kind | Resource | Listing) -> Schema:
    """What a success answers."""
    match answer:
        case Listing():
            return _listing(answer)
        case Resource():
            return _reference(answer.name)
        case _:
            return of_kind(answer, is_answer=True)


def _listing(listing: Listing) -> Schema:
    items = {"type": "array", "items": of_answer(listing.items)}
    shapes: list[Schema] = []
    if listing.has_offsets:
        numbers = {name: {"type": "integer"} for name in ("start", "limit", "total")}
        shapes += [items, _page(listing.key, items, numbers, ["start", "limit", "total", listing.key])]
    if listing.has_checkpoints:
        shapes.append(_page(listing.key, items, {"next": {"type": "string"}}, [listing.key]))
    return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}


def _page(key: str, items: Schema, others: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": {**others, key: items}, "required": required}


def _object(properties: Iterable[Property], *, is_closed: bool) -> Schema:
    listed = list(properties)
    schema: Schema = {"type": "object"}
    schema["properties"] = {each.name: _property(each, is_answer=not is_closed) for each in listed}
    if required := [each.name for each in listed if each.is_required]:
        schema["required"] = required
    return {**schema, "additionalProperties": False} if is_closed else schema


def _property(each: Property, *, is_answer: bool) -> Schema:
    schema = of_kind(each.kind, is_answer=is_answer)
    if each.is_nullable and not is_answer and schema:
        schema = _or_null(schema)
    if each.is_read_only:
        schema = {**schema, "readOnly": True}
    return {**schema, "description": each.description} if each.description else schema


def _or_null(schema: Schema) -> Schema:
    widened = {**schema, "type": [schema["type"], "null"]}
    return {**widened, "enum": [*schema["enum"], None]} if "enum" in schema else widened


def of_kind(kind: Kind, *, is_answer: bool = False) -> Schema:  # noqa: PLR0911  # one line per kind
    """The JSON Schema of a kind of value; what we answer may have members that are not told."""
    match kind:
        case Text():
            return _text(kind)
        case Integer(minimum=minimum, maximum=maximum):
            return {"type": "integer", "minimum": minimum, "maximum": maximum}
        case Number(minimum=minimum, maximum=maximum):
            bounds = {"minimum": minimum, "maximum": maximum}
            return {"type": "number", **{name: value for name, value in bounds.items() if abs(value) != float("inf")}}
        case Boolean():
            return {"type": "boolean"}
        case Array():
            return _array(kind, is_answer=is_answer)
        case Dictionary():
            values = of_kind(kind.values, is_answer=is_answer)
            entries = values if is_answer or not values else _or_null(values)
            names = {"minLength": 1, "maxLength": kind.max_name_length}
            return {
                "type": "object", "additionalProperties": entries, "maxProperties": kind.max_members,
                "propertyNames": names,
            }  # fmt: skip
        case Object():
            return _object(kind.properties, is_closed=not is_answer)
        case Anything():
            return {}


def _text(kind: Text) -> Schema:
    if kind.enum:
        return {"type": "string", "enum": list(kind.enum)}
    schema: Schema = {"type": "string", "maxLength": kind.max_length}
    if kind.min_length:
        schema["minLength"] = kind.min_length
    if kind.pattern is not None:
        schema["pattern"] = f"^(?:{kind.pattern})$"
    if kind.format is not None:
        schema |= {"format": kind.format, "pattern": SHAPES[kind.format]}
    return schema


def _array(kind: Array, *, is_answer: bool) -> Schema:
    schema: Schema = {"type": "array", "items": of_kind(kind.items, is_answer=is_answer), "maxItems": kind.max_items}
    if kind.min_items:
        schema["minItems"] = kind.min_items
    if kind.is_unique:
        schema["uniqueItems"] = True
    return schema
