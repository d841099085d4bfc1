"""Mails by SMTP. The recipient of the envelope is passed explicitly: what a header says decides nothing.

`=?` and line ends are refused in addresses: mail libraries decode encoded words, and the mail would go to somebody
else (LG-22).
"""

import ssl
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from hashlib import sha256
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec

from libs.edge.mailboxes import EmailNotValidError, read_mailbox
from libs.postgres import Database
from services.connections import queries
from services.connections.commands import DeliverMail
from services.connections.config import SMTP_SCHEMES
from services.connections.projections import Look
from services.connections.providers.letters import TEMPLATES, Letter, letter
from services.connections.providers.outcome import Later, Never
from services.connections.rows.deliveries import Leased

SECONDS: Final = 20.0
PERMANENT: Final = range(500, 600)


class Refused(Exception):
    """An address that no mail is sent to."""


def plain_address(text: str) -> str:
    """The one address that `text` is, in ASCII, as the envelope names it.

    Raises:
        Refused: it is none, several, or one that a mail library would read otherwise.
    """
    if "=?" in text or "?=" in text or any(each in text for each in '\r\n,;:<>"\\ '):
        raise Refused("not one plain address")
    try:
        found = read_mailbox(text)
    except EmailNotValidError as error:
        raise Refused("not an address") from error
    if found.ascii_email is None:
        raise Refused("an address beyond ASCII")
    return found.ascii_email


class Letters:
    """Makes the mail of a delivery; both ways of delivering one begin so."""

    def __init__(self, database: Database, look_of: Callable[[str], Look]) -> None:
        self._database = database
        self._look_of = look_of

    async def of(self, payload: bytes) -> Letter:
        """The mail.

        Raises:
            Never: of no template there is, or to an address that is refused.
        """
        asked = msgspec.msgpack.decode(payload, type=DeliverMail)
        if asked.template not in TEMPLATES:
            raise Never("there is no such template")
        try:
            to = plain_address(asked.to)
        except Refused as error:
            raise Never(f"its address is refused: {error}") from error
        tenant = await queries.tenant(self._database, asked.tenant)
        return letter(msgspec.structs.replace(asked, to=to), tenant, self._look_of(asked.tenant))


class SMTP:
    """The provider of the kind `mail` where a mail server is configured; `url` is secret."""

    def __init__(self, letters: Letters, url: str, sender: str, tls: ssl.SSLContext) -> None:
        self._letters = letters
        self._url = urlsplit(url)
        self._sender = plain_address(sender)
        self._tls = tls

    async def deliver(self, leased: Leased, payload: bytes) -> None:
        """Hand the mail to the server.

        Raises:
            Later: the server is away, or says that it does not take it now.
            Never: the server says that it does not take it at all, or there is no mail to send.
        """
        made = await self._letters.of(payload)
        mail = message(made, leased, self._sender)
        try:
            async with self._client() as server:
                await server.sendmail(self._sender, [made.to], mail.as_bytes())
        except aiosmtplib.SMTPAuthenticationError as error:
            raise Later("the mail server does not let us in") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _said(error.code) from error
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _said(error.recipients[0].code) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise Later(f"the mail server did not answer: {type(error).__name__}") from error

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._url.hostname,
            port=self._url.port or SMTP_SCHEMES[self._url.scheme],
            username=unquote(self._url.username) if self._url.username else None,
            password=unquote(self._url.password) if self._url.password else None,
            use_tls=self._url.scheme == "smtps",
            start_tls=self._url.scheme == "smtp",
            tls_context=None if self._url.scheme == "smtp+plain" else self._tls,
            timeout=SECONDS,
            local_hostname="limen",
        )


class NoServer:
    """The provider of the kind `mail` where none is configured: mails are given up, and said to be."""

    async def deliver(self, _leased: Leased, _payload: bytes) -> None:
        """Give it up.

        Raises:
            Never: always.
        """
        raise Never("no mail server is configured (LIMEN_SMTP_URL)")


def _said(code: int) -> Later | Never:
    # Its words are not told: they often hold the address.
    return (Never if code in PERMANENT else Later)(f"the mail server said {code}")


def message(made: Letter, leased: Leased, sender: str) -> EmailMessage:
    """The mail with its headers; a repeat has the same Message-ID, by which mailboxes know it again."""
    mail = EmailMessage(policy=SMTP_POLICY)
    domain = sender.rpartition("@")[2]
    token = sha256(f"{leased.tenant} {leased.delivery_id}".encode()).hexdigest()[:32]
    mail["From"] = Address(display_name=made.sender_name, addr_spec=sender)
    mail["To"] = Address(addr_spec=made.to)
    mail["Subject"] = made.subject
    mail["Date"] = format_datetime(leased.created_at)
    mail["Message-ID"] = f"<{token}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(made.text)
    mail.add_alternative(made.html, subtype="html")
    return mail
