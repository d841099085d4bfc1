"""Connections as data: the properties of `/api/v2/connections`, and the options of strategy `auth0`.

What is listed is validated, kept and given back. What would promise something that does not exist yet is refused
(`refuse_promises`), because an administrator who reads it back would rely on it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from libs.edge.management_errors import NotSupported
from libs.edge.schema import Anything, Array, Boolean, Dictionary, Integer, Kind, Object, Property, Resource, Text

# Names are shown on pages and in mails: a line end or a change of direction in them would forge what stands around.
PLAIN: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*"
NAME: Final = r"[A-Za-z0-9](?:-?[A-Za-z0-9])*"
CLIENT_ID: Final = Text(min_length=1, max_length=64, pattern=r"[A-Za-z0-9_-]+")
MOST_CLIENTS: Final = 50
"""Applications that one request lets in or out: each is an event."""

BOOLEAN: Final = Boolean()


def _line(longest: int) -> Text:
    return Text(max_length=longest, pattern=PLAIN)


def _removable(name: str, kind: Kind, description: str = "") -> Property:
    return Property(name, kind, description, is_nullable=True)


def _members(**kinds: Kind) -> Object:
    return Object(*(Property(name, kind) for name, kind in kinds.items()))


def _choice(*words: str) -> Text:
    return Text(enum=words)


def _waiting(for_what: str, **kinds: Kind) -> tuple[Property, ...]:
    """Options that are kept and given back, and have no effect before `for_what` is there."""
    return tuple(replace(Property(name, kind), waits=for_what) for name, kind in kinds.items())


def _switch() -> Object:
    return _members(active=BOOLEAN)


_STATUS: Final = _choice("required", "optional", "inactive")
_LENGTH: Final = Integer(minimum=1, maximum=128)
_WORDS: Final = Array(_line(50), max_items=200)

_PASSWORD: Final = Object(
    Property("enabled", BOOLEAN, "Never false: there is no other way to sign in yet"),
    Property("signup_behavior", _choice("allow", "block"), "Whether people may register themselves"),
    *_waiting("users without a password", api_behavior=_choice("required", "optional")),
)
_COMPLEXITY: Final = Object(
    Property("min_length", Integer(minimum=1, maximum=72)),
    *_waiting(
        "rules about kinds of characters; how hard a password is to guess is estimated instead",
        character_types=Array(_choice("uppercase", "lowercase", "number", "special"), is_unique=True),
        character_type_rule=_choice("all", "three_of_four"),
        identical_characters=_choice("allow", "block"),
        sequential_characters=_choice("allow", "block"),
    ),
    *_waiting("passwords that are cut off; longer ones are refused", max_length_exceeded=_choice("truncate", "error")),
)
_SIGNUP: Final = _members(status=_STATUS, verification=_switch())
_ATTRIBUTES: Final = _members(
    email=_members(
        identifier=_members(active=BOOLEAN, default_method=_line(32)),
        unique=BOOLEAN,
        profile_required=BOOLEAN,
        verification_method=_choice("link", "otp", "code"),
        signup=_SIGNUP,
    ),
    phone_number=_members(
        identifier=_members(active=BOOLEAN, default_method=_line(32)), profile_required=BOOLEAN, signup=_SIGNUP
    ),
    username=_members(
        identifier=_members(active=BOOLEAN, default_method=_line(32)),
        profile_required=BOOLEAN,
        signup=_members(status=_STATUS),
        validation=_members(
            min_length=_LENGTH, max_length=_LENGTH, allowed_types=_members(email=BOOLEAN, phone_number=BOOLEAN)
        ),
    ),
)

OPTIONS: Final = (
    Property("disable_signup", BOOLEAN, "Whether people may not register themselves"),
    Property("requires_username", BOOLEAN, "Whether people have a username beside their address"),
    Property("passwordPolicy", _choice("none", "low", "fair", "good", "excellent"), "How strong passwords must be"),
    Property("password_complexity_options", _members(min_length=_LENGTH), "How long passwords must be at least"),
    Property("password_history", _members(enable=BOOLEAN, size=Integer(minimum=0, maximum=24))),
    Property("password_no_personal_info", _members(enable=BOOLEAN)),
    Property("password_dictionary", _members(enable=BOOLEAN, dictionary=_WORDS)),
    Property(
        "password_options",
        _members(
            complexity=_COMPLEXITY,
            dictionary=Object(
                Property("active", BOOLEAN),
                Property("custom", _WORDS),
                *_waiting(
                    "a choice of lists; common passwords are always refused", default=_choice("en_10k", "en_100k")
                ),
            ),
            history=_members(active=BOOLEAN, size=Integer(minimum=0, maximum=24)),
            profile_data=Object(
                Property("active", BOOLEAN),
                *_waiting("a choice of fields; all of them count", blocked_fields=Array(_line(100), max_items=12)),
            ),
        ),
        "The same, as newer tools send it; it goes before the older options",
    ),
    Property("brute_force_protection", BOOLEAN, "Whether the tenant's brute-force protection holds for its people"),
    Property("disable_self_service_change_password", BOOLEAN, "Whether nobody may reset a password by mail"),
    Property(
        "authentication_methods",
        Object(
            Property("password", _PASSWORD),
            *_waiting("passkeys", passkey=_members(enabled=BOOLEAN)),
            *_waiting("one-time codes", email_otp=_members(enabled=BOOLEAN), phone_otp=_members(enabled=BOOLEAN)),
        ),
    ),
    Property(
        "validation",
        _members(
            username=Object(Property("min", _LENGTH, is_required=True), Property("max", _LENGTH, is_required=True))
        ),
    ),
    Property("strategy_version", Integer(minimum=0, maximum=99), "Auth0's own; nothing depends on it"),
    *_waiting("multi-factor authentication", mfa=_members(active=BOOLEAN, return_enroll_settings=BOOLEAN)),
    *_waiting(
        "passkeys",
        passkey_options=_members(
            challenge_ui=_choice("both", "autofill", "button"),
            local_enrollment_enabled=BOOLEAN,
            progressive_enrollment_enabled=BOOLEAN,
        ),
    ),
    *_waiting(
        "flexible identifiers",
        attributes=_ATTRIBUTES,
        precedence=Array(_choice("email", "phone_number", "username"), max_items=3, is_unique=True),
    ),
    *_waiting(
        "custom databases",
        import_mode=BOOLEAN,
        enabledDatabaseCustomization=BOOLEAN,
        enable_script_context=BOOLEAN,
        customScripts=Dictionary(Text(max_length=100_000), max_members=12),
        configuration=Dictionary(Anything(), max_members=100),
        realm_fallback=BOOLEAN,
    ),
    *_waiting(
        "social and enterprise connections",
        non_persistent_attrs=Array(_line(128), max_items=100),
        upstream_params=Dictionary(Anything(), max_members=20),
        set_user_root_attributes=_choice("on_each_login", "on_first_login", "never_on_login"),
    ),
)
"""Of strategy `auth0`."""

CONNECTION: Final = Resource(
    "connection",
    Property("id", _line(64), "con_ and 16 letters and digits", is_read_only=True),
    Property(
        "name",
        Text(min_length=1, max_length=128, pattern=NAME),
        "What applications ask for it by; never changes",
        is_required=True,
        is_immutable=True,
    ),
    Property("strategy", _line(64), "Its kind; auth0 is a database", is_required=True, is_immutable=True),
    replace(
        _removable("display_name", _line(128), "What people read on buttons"),
        waits="social and enterprise connections",
    ),
    Property(
        "options",
        Object(*OPTIONS),
        "All of them: what is left out has its default again",
        is_nullable=True,
        scopes=("read:connections_options",),
    ),
    Property(
        "enabled_clients",
        Array(CLIENT_ID, max_items=MOST_CLIENTS, is_unique=True),
        "The applications that may use it; `/connections/{id}/clients` changes one without the others",
    ),
    _removable("metadata", Dictionary(_line(255), max_members=10), "For the administrator's own use"),
    *(
        replace(each, waits="social and enterprise connections")
        for each in (
            _removable("realms", Array(_line(128), max_items=20)),
            _removable("is_domain_connection", BOOLEAN),
            _removable("show_as_button", BOOLEAN),
            _removable("authentication", _switch()),
            _removable(
                "connected_accounts", Object(Property("active", BOOLEAN), Property("cross_app_access", BOOLEAN))
            ),
        )
    ),
)

CLIENTS: Final = Resource(
    "connection_client",
    Property("client_id", CLIENT_ID, is_required=True),
    Property("status", BOOLEAN, is_required=True),
)
"""An item of the list that a PATCH of `/connections/{id}/clients` sends."""

PROMISES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "import_mode": bool,
    "enabledDatabaseCustomization": bool,
    "enable_script_context": bool,
    "customScripts": bool,
    "configuration": bool,
}


def refuse_promises(properties: Mapping[str, Any]) -> None:
    """Refuse options that rely on what does not exist.

    Raises:
        NotSupported: names the option.
    """
    options = properties.get("options") or {}
    if options.get("authentication_methods", {}).get("password", {}).get("enabled") is False:
        raise NotSupported("authentication_methods.password cannot be disabled: there is no other way to sign in yet.")
    for name, is_promise in PROMISES.items():
        if name in options and is_promise(options[name]):
            raise NotSupported(f"This value of options.{name} is not supported: there are no custom databases yet.")
