"""How addresses and user names are compared: one canonical form for everything that looks and means the same (LG-21).

The form is NFKC, case-folded, NFKC again; of an address the domain is IDNA besides. What cannot be seen, or turns the
direction of text, is refused, so that no two names look alike and differ. Letters of other scripts stay what they are:
such a name is another account, found by itself alone.
"""

import hmac
import unicodedata
from collections.abc import Iterable
from typing import Final

import idna
import msgspec

from libs.edge.mailboxes import EmailNotValidError, read_mailbox
from libs.sealed import DerivedKey

CANONICAL: Final = 1
"""Version of the form. Another one is another hash: raise it together with a migration that hashes again."""

LONGEST_EMAIL: Final = 254
LONGEST_USERNAME: Final = 128

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5")
"""Letters and marks that show nothing."""


class InvalidIdentifier(ValueError):
    """No address or user name that an account may have."""


def email_of(text: str) -> str:
    """An address as it is kept: in lower case, once it was found to be one that a mail server takes literally.

    An encoded word or a quoted local part would be read as another recipient (LG-22). Before the @ are 64 octets at
    most (RFC 5321 section 4.5.3.1.1), of ASCII: mail to others needs SMTPUTF8 on every server of its way (RFC 6531).
    Who has such an address from before signs in with it all the same, by `canonical_email`.

    Raises:
        InvalidIdentifier: it is none.
    """
    if len(text) > LONGEST_EMAIL or "=?" in text or '"' in text or is_unseen(text):
        raise InvalidIdentifier("email")
    try:
        found = read_mailbox(text, is_ascii=True)
    except EmailNotValidError as error:
        raise InvalidIdentifier("email") from error
    if is_unseen(found.normalized) or "." not in found.domain:
        raise InvalidIdentifier("email")
    return found.normalized.lower()


def username_of(text: str) -> str:
    """A user name as it is kept. It has no @, so that it is never somebody's address.

    Raises:
        InvalidIdentifier: it is none.
    """
    if not text or len(text) > LONGEST_USERNAME or kind_of(text) != "username" or is_unseen(text):
        raise InvalidIdentifier("username")
    return text


def canonical_email(email: str) -> str:
    """The form by which addresses are compared; also of a text that is none, which then nobody has."""
    local, _, domain = folded(email).rpartition("@")
    return f"{local}@{_ascii(domain)}"


def canonical(kind: str, text: str) -> str:
    """The form by which an `email` or a `username` is compared."""
    return canonical_email(text) if kind == "email" else folded(text)


def kind_of(identifier: str) -> str:
    """Whether what somebody typed is an address or a user name; an @ of another width is one, by many a keyboard."""
    return "email" if "@" in folded(identifier) else "username"


def folded(text: str) -> str:
    """NFKC, without case."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def is_unseen(text: str) -> bool:
    """Whether something in a text cannot be seen, spaces included."""
    return any(map(_shows_nothing, text))


def typed(text: str) -> str:
    """An identifier as it was meant: what cannot be seen around it came along when it was copied, or by a thumb."""
    seen = [at for at, each in enumerate(text) if not _shows_nothing(each)]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def hashes(keys: Iterable[DerivedKey], tenant: str, connection_id: str, kind: str, text: str) -> list[bytes]:
    """The keyed hashes of an identifier, that of the first key first: it is stored, the others are looked for."""
    covered = msgspec.msgpack.encode((CANONICAL, tenant, connection_id, kind, canonical(kind, text)))
    return [hmac.digest(each.key, covered, "sha256") for each in keys]


def _shows_nothing(sign: str) -> bool:
    return unicodedata.category(sign) in _UNSEEN or sign in _FILLERS


def _ascii(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain
