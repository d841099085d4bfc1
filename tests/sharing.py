"""Who shares what: which tests stay in one process, in which order they come, and when a shared stack ends.

A stack costs seven seconds of a processor to start and an eighth of one while nobody asks it anything. So the tests
that share one stand together, and it ends with the last of them, not with the run.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

BROKEN: Final = "stacks that are broken on purpose, one at a time"
PLAIN: Final = "the stack"
TLS: Final = "the stack behind TLS"

TOGETHER: Final = {
    "tests/adversity/": BROKEN,
    "tests/security/test_once.py": "a stack of its own",
    "tests/security/": PLAIN,
    "tests/examples/test_tls.py": TLS,
    "tests/examples/": PLAIN,
    "tests/journeys/": PLAIN,
    "tests/sdk/test_other_clients.py": PLAIN,
    "tests/services/cli/test_apply": PLAIN,
    "tests/services/cli/test_doctor.py": PLAIN,
    "tests/services/cli/test_history.py": PLAIN,
    "tests/services/cli/test_subscriber.py": PLAIN,
    "tests/conformance/": TLS,
    "tests/sdk/": TLS,
}
"""Tests that stay in one process, by what they share there; the first that fits."""

FIRST: Final = (BROKEN, PLAIN, TLS)
"""What takes longest begins first, so that no process has nothing to do in the end."""

EARLY: Final = ("tests/adversity/test_replicas.py", "tests/adversity/test_restored.py")
"""Tests with stacks of their own come before those that share one."""

SHARED: Final = ("stack", "tls", "one_stack")
"""The fixtures that end when the next test is no longer one of those who share them."""


def scope_of(nodeid: str) -> str:
    """What a test shares, or its file."""
    file = nodeid.partition("::")[0]
    return next((scope for start, scope in TOGETHER.items() if file.startswith(start)), file)


def _turn(item: pytest.Item) -> tuple[int, bool]:
    scope, file = scope_of(item.nodeid), item.nodeid.partition("::")[0]
    return (FIRST.index(scope) if scope in FIRST else len(FIRST)), file not in EARLY


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who shares comes first and together; among themselves all stay as they were."""
    items.sort(key=_turn)


class Scopes(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Two processes share the scopes, so that each stack stands in one of them."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scopes:
    return Scopes(config, log)


_endings: Final = pytest.StashKey[list[Any]]()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Iterator[None]:
    """Remember how what is shared ends."""
    if fixturedef.argname in SHARED:
        end = partial(fixturedef.finish, request)  # type: ignore[arg-type]  # the request of a fixture is a SubRequest
        request.config.stash.setdefault(_endings, []).append(end)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """End what is shared, and before it whatever was made of it, when those who share it are done."""
    yield
    if nextitem is not None and scope_of(item.nodeid) != scope_of(nextitem.nodeid):
        for end in item.config.stash.get(_endings, []):
            end()
        item.config.stash[_endings] = []
