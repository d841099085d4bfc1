"""What keeps another site from pressing a button here: a token bound to the browser's cookie, and the browser's word.

A token is an HMAC of the cookie's secret, so that it is worth nothing beside another cookie; `Origin` and
`Sec-Fetch-Site` are believed where a browser sends them (LG-10).
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from libs.edge import Call
from libs.sealed import DerivedKey

FORM: Final = "application/x-www-form-urlencoded"


class Forged(Exception):
    """The form was not sent from our page in this browser."""


class Csrf:
    """Makes and checks the tokens; `keys` are those derived for `csrf`, the newest first."""

    def __init__(self, keys: Sequence[DerivedKey]) -> None:
        self._keys = keys

    def token(self, binding: str) -> str:
        """The token of a form for whoever has the cookie `binding`."""
        return _mac(self._keys[0], binding)

    def form(self, call: Call, binding: str) -> dict[str, str]:
        """The form that was posted, once it is known to be ours.

        Raises:
            Forged: it is not.
        """
        fields = form_of(call)
        self.check(call, fields, binding)
        return fields

    def check(self, call: Call, form: Mapping[str, str], binding: str) -> None:
        """Refuse what another site, another browser or another session sent.

        Raises:
            Forged: it is one of these.
        """
        origin = call.header("origin")
        if origin is not None and origin != f"{call.request.scheme}://{call.request.authority}":
            raise Forged
        if call.header("sec-fetch-site") not in {None, "same-origin"}:
            raise Forged
        given = form.get("csrf", "")
        if not binding or not any(hmac.compare_digest(_mac(key, binding), given) for key in self._keys):
            raise Forged


def form_of(call: Call) -> dict[str, str]:
    """The fields of a posted form; the first of each name counts.

    Raises:
        Forged: the body is no form, which a page of ours never sends.
    """
    media_type = (call.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise Forged
    try:
        pairs = parse_qsl(call.request.body.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise Forged from error
    return dict(reversed(pairs))


def _mac(key: DerivedKey, binding: str) -> str:
    mac = hmac.digest(key.key, binding.encode(errors="replace"), "sha256")
    return urlsafe_b64encode(mac).rstrip(b"=").decode()
