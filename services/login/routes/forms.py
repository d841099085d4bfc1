"""Forms of the pages: who may post one, and what is in it.

A form is taken from our own page in the same browser only: it bears an HMAC bound to a secret in the browser's cookie,
and where the browser says from where it comes (`Origin`, `Sec-Fetch-Site`), that must be here.
"""

import base64
import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, quote

from libs.edge import Call, Reply
from libs.edge.answers import NO_STORE
from libs.edge.wire import VERSION
from libs.sealed import DerivedKey
from services.login.routes.cookies import session_cookie
from services.login.routes.problems import Forged

FORM: Final = "application/x-www-form-urlencoded"
MAX_FORM_BYTES: Final = 65_536
MAX_FIELDS: Final = 100
MOST_IN_A_URL: Final = 6000


class FormTokens:
    """Makes and checks the hidden field `csrf`; `keys` are those derived for it, the newest first."""

    def __init__(self, keys: Sequence[DerivedKey]) -> None:
        self._keys = keys

    def token(self, tenant: str, binding: str) -> str:
        """The field of a form that is shown to whoever has `binding` in a cookie."""
        return _token(self._keys[0], tenant, binding)

    def is_token_of(self, token: str, tenant: str, binding: str) -> bool:
        """Whether the field is such a one."""
        sent = token.encode()
        good = [hmac.compare_digest(sent, _token(key, tenant, binding).encode()) for key in self._keys]
        return bool(binding) and any(good)


def _token(key: DerivedKey, tenant: str, binding: str) -> str:
    # What is bound is hashed first, so that where the tenant ends is never in doubt.
    message = f"{tenant}\n".encode() + sha256(binding.encode()).digest()
    digest = hmac.digest(key.key, message, "sha256")
    return f"{key.key_id}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def read_form(call: Call) -> dict[str, str]:
    """The fields of a form, each once.

    Raises:
        Forged: not a form as our pages send it.
    """
    if not is_form(call.header("content-type")) or len(call.request.body) > MAX_FORM_BYTES:
        raise Forged
    try:
        text = call.request.body.decode()
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Forged from error
    if len(dict(pairs)) != len(pairs):
        raise Forged
    return dict(pairs)


def check_origin(call: Call) -> None:
    """Refuse what comes from another site.

    Raises:
        Forged: the browser says that it does.
    """
    site, origin = call.header("sec-fetch-site"), call.header("origin")
    if site not in {None, "same-origin"}:
        raise Forged
    # A page with `Referrer-Policy: no-referrer` posts with the origin `null`: the token must do, and the site above.
    if origin not in {None, "null", f"{call.request.scheme}://{call.request.authority}"}:
        raise Forged


def is_form(content_type: str | None) -> bool:
    """Whether a body of this type is a form, whatever parameters the type has."""
    return (content_type or "").partition(";")[0].strip().lower() == FORM


def led_by_get(call: Call, path: str) -> Reply | None:
    """Lead here by GET whom another site's form brought: from its post the browser keeps our cookies back."""
    raw = call.request.body.decode(errors="replace")
    is_cross_site = call.request.method == "POST" and call.header("sec-fetch-site") == "cross-site"
    if not is_cross_site or len(raw) > MOST_IN_A_URL or session_cookie(call) is not None:
        return None
    return Reply(VERSION, 303, [("location", f"{path}?{quote(raw, safe='=&%+~-._*')}"), *NO_STORE], b"")
