"""What a user is, as the Management API takes and answers one."""

from typing import Any, Final

from libs.edge.schema import Anything, Array, Boolean, Dictionary, Integer, Object, Property, Resource, Text

PLAIN: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*"
"""A name is shown in mails, lists and pages: a line end or an override in it would forge what stands around (RC-06)."""

METADATA: Final = Dictionary(Anything(), max_members=200)
MOST_METADATA: Final = 16_384
"""Bytes of one metadata member, as JSON."""


def line(longest: int, *, shortest: int = 0) -> Text:
    """One line of text."""
    return Text(min_length=shortest, max_length=longest, pattern=PLAIN)


def _said(name: str, kind: Any, description: str = "") -> Property:
    return Property(name, kind, description, is_nullable=True)


def _ours(name: str, kind: Any, description: str = "") -> Property:
    return Property(name, kind, description, is_read_only=True)


IDENTITY: Final = Object(
    Property("connection", line(128)),
    Property("provider", line(64)),
    Property("user_id", line(255)),
    Property("isSocial", Boolean()),
)

NAMED_IDENTITY: Final = Object(
    Property("user_id", line(255), is_required=True), Property("provider", line(64), is_required=True)
)
"""Which identity of a user a link is about."""

EMAIL: Final = Text(max_length=254)
"""Judged by `rules.identifiers`, which knows more than a format."""

PASSWORD: Final = Text(min_length=1, max_length=4096)
"""Longer than any that is taken, so that the policy says what is wrong."""

PHONE_NUMBER: Final = Text(pattern=r"\+[0-9]{1,15}", max_length=16)
"""E.164."""

PICTURE: Final = Text(max_length=2048, format="https-url")

_LINES: Final = Text(
    max_length=1000, pattern=r"[^\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*"
)

ADDRESS: Final = Object(
    Property("formatted", _LINES, "The whole address, as on a letter"),
    Property("street_address", _LINES),
    *(Property(name, line(300)) for name in ("locality", "region", "postal_code", "country")),
)
"""OpenID Connect Core section 5.1.1."""

# Claims that Auth0 has no member for, so that the scopes `profile` and `address` can say all they promise.
_STANDARD: Final = (
    _said("middle_name", line(150)),
    _said("preferred_username", line(128)),
    _said("profile", Text(max_length=2048, format="web-url"), "The page about the person"),
    _said("website", Text(max_length=2048, format="web-url")),
    _said("gender", line(64)),
    _said("birthdate", Text(max_length=10, pattern=r"[0-9]{4}(-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?")),
    _said("zoneinfo", Text(max_length=64, pattern=r"[A-Za-z0-9_+/-]+")),
    _said("locale", Text(max_length=35, pattern=r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")),
    _said("address", ADDRESS),
)

_PROFILE: Final = (
    _said("email", EMAIL, "The address; another one is unverified until it is shown"),
    _said("username", Text(max_length=128), "The user name"),
    _said("phone_number", PHONE_NUMBER),
    _said("given_name", line(150)),
    _said("family_name", line(150)),
    _said("name", line(300)),
    _said("nickname", line(300)),
    _said("picture", PICTURE),
    *_STANDARD,
    _said("user_metadata", METADATA, "What the person may change"),
    _said("app_metadata", METADATA, "What the application says of the person"),
)

_WRITTEN: Final = (
    Property("connection", line(128), "The database connection", is_required=True),
    Property("password", PASSWORD, "The password, by the connection's policy"),
    Property("email_verified", Boolean()),
    Property("phone_verified", Boolean()),
    Property("verify_email", Boolean(), "Whether a mail is sent by which the address is verified"),
    Property("verify_phone_number", Boolean(), "Never true: there are no text messages yet"),
    Property("blocked", Boolean()),
)

_TOLD: Final = (
    _ours("identities", Array(IDENTITY)),
    _ours("created_at", line(32)),
    _ours("updated_at", line(32)),
    _ours("last_login", line(32)),
    _ours("last_ip", line(64)),
    _ours("logins_count", Integer()),
)

USER: Final = Resource("user", *_PROFILE, *_WRITTEN, _ours("user_id", line(255)), *_TOLD)

USER_CREATION: Final = Resource(
    "user",
    *_PROFILE,
    *_WRITTEN,
    # With the provider before it this is the `sub`: 255 ASCII characters at most (OpenID Connect Core §2).
    Property("user_id", Text(max_length=249, pattern=r"[!-.0-{}~]*"), "Without the provider", is_immutable=True),
    *_TOLD,
)

USER_CHANGE: Final = Resource(
    "user",
    *_PROFILE,
    *_WRITTEN,
    Property("client_id", line(64), "The application that the mail of `verify_email` names"),
)

PROFILE: Final = frozenset(each.name for each in _PROFILE)
"""Members that are said of a person, and sealed in events."""

PASSWORD_TICKET: Final = Resource(
    "password change ticket",
    Property(
        "result_url",
        Text(max_length=2048, format="web-url"),
        "Where the page leads afterwards, with `success`, `code` and `message` in the query",
    ),
    Property("user_id", line(255), "Whose; or `connection_id` and `email`"),
    Property("client_id", line(64), "For which application; the log names it"),
    Property("organization_id", line(50), "Refused: there are no organizations yet"),
    Property("connection_id", line(64)),
    Property("email", EMAIL),
    Property("ttl_sec", Integer(minimum=0, maximum=30 * 86400), "Seconds the link lives; 432000 when 0 or absent"),
    Property("mark_email_as_verified", Boolean(), "Whether using the link shows whose the address is"),
    Property("includeEmailInRedirect", Boolean(), "Whether `result_url` is told the address"),
    Property("identity", NAMED_IDENTITY, "Which of the user's identities; there is one"),
)

VERIFICATION_TICKET: Final = Resource(
    "email verification ticket",
    Property(
        "result_url",
        Text(max_length=2048, format="web-url"),
        "Where the page leads afterwards, with `success`, `code` and `message` in the query",
    ),
    Property("user_id", line(255), is_required=True),
    Property("client_id", line(64), "For which application; the log names it"),
    Property("organization_id", line(50), "Refused: there are no organizations yet"),
    Property("ttl_sec", Integer(minimum=0, maximum=30 * 86400), "Seconds the link lives; 432000 when 0 or absent"),
    Property("includeEmailInRedirect", Boolean(), "Whether `result_url` is told the address"),
    Property("identity", NAMED_IDENTITY, "Which of the user's identities; there is one"),
)

TICKET: Final = Object(Property("ticket", Text(max_length=4096), "The link"))

VERIFICATION_JOB: Final = Resource(
    "verification mail",
    Property("user_id", line(255), is_required=True),
    Property("client_id", line(64), "The application that the mail names"),
    Property("organization_id", line(50), "Refused: there are no organizations yet"),
    Property("identity", NAMED_IDENTITY, "Which of the user's identities; there is one"),
)
JOB: Final = Object(
    Property("status", Text(enum=("pending", "completed", "failed")), is_required=True),
    Property("type", Text(enum=("verification_email",)), is_required=True),
    Property("created_at", line(32)),
    Property("id", line(32), is_required=True),
    Property("status_details", line(200), "Why it failed"),
)

BLOCKS: Final = Object(
    Property("blocked_for", Array(Object(Property("identifier", line(255)), Property("ip", line(64)))))
)
