"""Who the client is: what it presented, believed or not (RFC 6749 section 2.3, RFC 7523).

Reasons are many and all look alike outside. An unknown client costs the same hash and comparison as a known one.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

from libs.jose import ALGORITHMS, Refused, UnknownKey, parse, verify
from libs.jose.schedule import SKEW
from libs.oauth import Assertion, Basic, ClientAuthentication, InvalidClient, Post, Public
from libs.sealed import known_hash
from services.token.grants.standing import PublicKey, Standing

LONGEST_ASSERTION: Final = timedelta(minutes=5)
LONGEST_JTI: Final = 256

METHODS: Final = {Basic: "client_secret_basic", Post: "client_secret_post"}


class UnknownClient(InvalidClient):
    """There is no application of this client_id."""


class WrongSecret(InvalidClient):
    """The secret is none of the living ones."""


class NotThisMethod(InvalidClient):
    """The application is registered for another authentication method."""


class NoProof(InvalidClient):
    """The application is confidential and presented only its name."""


class AssertionRefused(InvalidClient):
    """The assertion is malformed, forged, expired, or not for this issuer; the cause says which."""


class AssertionForOthers(InvalidClient):
    """The assertion names other audiences beside this issuer."""


class AssertionTooLong(InvalidClient):
    """The assertion lives longer than five minutes."""


class AssertionReplayed(InvalidClient):
    """The assertion was used before."""


class AssertionOlderThanRestore(InvalidClient):
    """The assertion may have been used before the database was restored, and the database does not know any more."""


class AssertionWithoutJti(InvalidClient):
    """The assertion has no usable `jti`, so a replay could not be told."""


class AssertionOfAnother(InvalidClient):
    """`iss`, `sub` and `client_id` are not all the same client."""


class SpentAssertion(NamedTuple):
    """What must be written down so that the assertion is good once."""

    key: bytes
    expires_at: datetime


class Authenticated(NamedTuple):
    """A client that is who it says. `valid_until` is when the proof it used ends, by the database's clock."""

    method: str
    valid_until: datetime | None = None
    spent: SpentAssertion | None = None


def client_id_of(presented: ClientAuthentication) -> str:
    """The client_id that was presented; of an assertion without the parameter, its unverified subject.

    Raises:
        AssertionRefused: the assertion names no one.
    """
    if not isinstance(presented, Assertion):
        return presented.client_id
    if presented.client_id is not None:
        return presented.client_id
    try:
        subject = parse(presented.token).payload.get("sub")
    except Refused as error:
        raise AssertionRefused from error
    if not isinstance(subject, str):
        raise AssertionRefused
    return subject


def authenticate(presented: ClientAuthentication, standing: Standing, now: datetime) -> Authenticated:
    """Believe the client, or raise the reason why not.

    Raises:
        InvalidClient: a subclass that the log tells apart.
    """
    match presented:
        case Basic() | Post():
            return _by_secret(presented, standing, now)
        case Assertion():
            return _by_assertion(presented, standing, now)
        case Public():
            return _by_name(standing)


def _by_secret(presented: Basic | Post, standing: Standing, now: datetime) -> Authenticated:
    living = [each for each in standing.secrets if each.expires_at is None or each.expires_at > now]
    digest = known_hash(presented.secret, [each.digest for each in living])
    if standing.client is None:
        raise UnknownClient
    registered = standing.client.token_endpoint_auth_method
    if standing.credentials or registered not in {None, METHODS[type(presented)]}:
        raise NotThisMethod
    if digest is None:
        raise WrongSecret
    used = next(each for each in living if each.digest == digest)
    return Authenticated(METHODS[type(presented)], used.expires_at)


def _by_name(standing: Standing) -> Authenticated:
    if standing.client is None:
        raise UnknownClient
    if standing.client.token_endpoint_auth_method != "none":  # noqa: S105  # a method's name
        raise NoProof
    return Authenticated("none")


def _by_assertion(presented: Assertion, standing: Standing, now: datetime) -> Authenticated:
    if standing.client is None:
        raise UnknownClient
    if not standing.credentials:
        raise NotThisMethod
    living = [each for each in standing.credentials if each.expires_at is None or each.expires_at > now]
    claims, key = _verified(presented.token, living, standing.issuer, now)
    if not claims.get("iss") == claims.get("sub") == standing.client_id:
        raise AssertionOfAnother
    if standing.restored_at is not None and _may_be_spent(claims, standing.restored_at):
        raise AssertionOlderThanRestore
    return Authenticated("private_key_jwt", key.expires_at, _spent(claims, standing.client_id, now))


def _verified(token: str, keys: list[PublicKey], issuer: str, now: datetime) -> tuple[dict[str, Any], PublicKey]:
    """The claims of an assertion that one of the keys signed for us alone, and that key."""
    refusal: Refused | None = None
    for each in keys:
        try:
            claims = _claims_of(token, each, issuer, now)
        except Refused as error:
            refusal = error
        else:
            # An assertion for several audiences could be replayed at the others: ours must be the only one.
            if claims["aud"] not in (issuer, [issuer]):
                raise AssertionForOthers
            return claims, each
    raise AssertionRefused from refusal


def _claims_of(token: str, key: PublicKey, issuer: str, now: datetime) -> dict[str, Any]:
    unverified = parse(token)
    if unverified.kid is not None and unverified.kid not in key.names:
        raise UnknownKey("the kid names another key")
    claims = verify(
        unverified,
        [key.key],
        algorithms=tuple(ALGORITHMS),
        issuer=str(unverified.payload.get("iss")),  # compared with the client, who is its issuer, by the caller
        audience=issuer,
        now=now,
        required=("sub", "jti"),
    )
    return dict(claims)


def _may_be_spent(claims: dict[str, Any], restored_at: datetime) -> bool:
    """Whether the assertion can have been accepted before `restored_at`.

    What was accepted then ended within `LONGEST_ASSERTION`, and was issued before, so that minutes after a restore
    this is about nothing; until then a client that says `iat` is served at once with a fresh assertion.
    """
    if claims["exp"] > (restored_at + LONGEST_ASSERTION + SKEW).timestamp():
        return False
    return "iat" not in claims or bool(claims["iat"] <= (restored_at + SKEW).timestamp())


def _spent(claims: dict[str, Any], client_id: str, now: datetime) -> SpentAssertion:
    jti, expires = claims["jti"], float(claims["exp"])
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        raise AssertionWithoutJti
    if expires > (now + LONGEST_ASSERTION + SKEW).timestamp():
        raise AssertionTooLong
    # The replay key must outlive the leeway with which `exp` is judged, or the last seconds would be open.
    expires_at = datetime.fromtimestamp(expires, tz=now.tzinfo) + 2 * SKEW
    return SpentAssertion(sha256(f"{client_id}\x00{jti}".encode()).digest(), expires_at)
