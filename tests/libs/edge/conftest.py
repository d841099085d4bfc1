from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from libs.edge import Call, Request, Route, answers
from libs.edge.operation import Operation
from libs.edge.wire import VERSION, Reply

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def nothing(_: Call) -> Reply:
    return answers.empty()


def a_request(
    method: str = "GET",
    path: str = "/",
    *,
    query: str = "",
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
    tenant: str = "default",
    deadline: float = 2e9,
) -> Request:
    return Request(
        VERSION,
        method,
        "https",
        "a.example",
        path,
        query,
        headers or [],
        body,
        "192.0.2.1",
        None,
        tenant,
        "req-1",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        deadline,
    )


@pytest.fixture
def request_of() -> Callable[..., Request]:
    return a_request


@pytest.fixture
def call_of() -> Callable[..., Call]:
    def made(request: Request) -> Call:
        route = Route(request.method, request.path, nothing, scopes=("read:things",), operation=Operation())
        return Call(request, route, {}, NOW, request.deadline, request.trace)

    return made
