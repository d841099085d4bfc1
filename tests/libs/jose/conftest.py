"""Keys that cost time to make, made once, and the moment at which these tests happen."""

from datetime import UTC, datetime

import pytest

from libs.jose import SigningKey, new_signing_key

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def signing_keys() -> dict[str, SigningKey]:
    """One of our keys per algorithm, its kid being the algorithm's name."""
    return {
        alg: new_signing_key(alg, kid=alg, now=NOW, issuer_name="auth.example") for alg in ("RS256", "PS256", "ES256")
    }
