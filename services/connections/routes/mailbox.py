"""`/dev/mailbox`: the mails that would have been sent. For development alone, and for nobody but this machine."""

import secrets
from dataclasses import dataclass
from html import escape
from ipaddress import ip_address
from typing import Final

import msgspec

from libs.edge import Call, Reply, Route, answers
from libs.edge.refusals import UnknownPath
from libs.edge.wire import VERSION
from services.connections.providers.letters import page
from services.connections.providers.mailbox import Mailbox, Shown

PATH: Final = "/dev/mailbox"
JSON: Final = "/dev/mailbox.json"


def routes(mailbox: Mailbox | None) -> tuple[Route, ...]:
    """The table of routes; where mails are sent, `mailbox` is `None` and nobody finds one."""
    each = MailboxRoutes(mailbox)
    return (Route("GET", PATH, each.page), Route("GET", JSON, each.json), Route("DELETE", JSON, each.empty))


@dataclass(frozen=True)
class MailboxRoutes:
    """The handlers."""

    mailbox: Mailbox | None

    async def page(self, call: Call) -> Reply:
        """The mails as a page."""
        mailbox = self._opened(call)
        nonce = secrets.token_urlsafe(16)
        mails = "".join(map(_article, await mailbox.newest(call.tenant))) or "<p>No mail yet.</p>"
        headers = [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", _policy(nonce)),
            ("referrer-policy", "no-referrer"),
            *answers.NO_STORE,
        ]
        return Reply(VERSION, 200, headers, page("mailbox.html").format(nonce=nonce, mails=mails).encode())

    async def json(self, call: Call) -> Reply:
        """The mails as an array, newest first."""
        mailbox = self._opened(call)
        mails = await mailbox.newest(call.tenant)
        return answers.json([msgspec.to_builtins(each) for each in mails], headers=answers.NO_STORE)

    async def empty(self, call: Call) -> Reply:
        """Throw them away; a script that could do this from elsewhere would need a permission that nobody gets."""
        mailbox = self._opened(call)
        await mailbox.empty(call.tenant)
        return answers.empty()

    def _opened(self, call: Call) -> Mailbox:
        """The mailbox, for whoever is on this machine; to others there is none.

        Raises:
            UnknownPath: it is off, or asked for from elsewhere.
        """
        if self.mailbox is None or not is_loopback(call.request.client_address):
            raise UnknownPath
        return self.mailbox


def is_loopback(text: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _policy(nonce: str) -> str:
    return f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def _article(mail: Shown) -> str:
    links = "".join(f'<p><a href="{escape(each)}">{escape(each)}</a></p>' for each in mail.links)
    return (
        f'<article><h2 dir="auto">{escape(mail.subject)}</h2>'
        f'<p class="about">to {escape(mail.to)} · {escape(mail.template)} · {mail.at:%Y-%m-%d %H:%M:%S} UTC</p>'
        f"{links}<details><summary>The whole mail</summary>"
        f'<pre dir="auto">{escape(mail.text)}</pre></details></article>'
    )
