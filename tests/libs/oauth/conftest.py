import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "security(id): shows a line of SECURITY.md")
