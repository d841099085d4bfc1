"""Mails: sent once, tried again, given up; what stands in them is text, and they go to nobody else."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from libs.edge.asks import AskRefused
from libs.edge.colours import contrast
from libs.runtime.errors import Unavailable
from services.cli.tls import prepare
from services.connections.commands import DeliverMail
from services.connections.config import Settings, require_smtp_url
from services.connections.projections import Look, TenantRow
from services.connections.providers.letters import LOCALES, TEMPLATES, letter, locale_of, words_of
from services.connections.providers.smtp import Refused, plain_address
from tests.conftest import MakeDatabase, eventually
from tests.doubles.smtp import HANG, MailServer, mail_server
from tests.servers import NatsServer, PostgresServer
from tests.services.connections.house import House, house, shared_house

IN_ONE_LOOP = pytest.mark.asyncio(loop_scope="module")
"""Also of tests with a house of their own: the shared one must not stand still meanwhile."""

SENDER = {"LIMEN_MAIL_FROM": "id@acme.example"}


def at(port: int, scheme: str = "smtp+plain", place: str = "127.0.0.1") -> dict[str, str]:
    return {"LIMEN_SMTP_URL": f"{scheme}://{place}:{port}", **SENDER}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def the_server() -> AsyncIterator[MailServer]:
    async with mail_server() as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def the_house(postgres_process: PostgresServer, the_server: MailServer) -> AsyncIterator[House]:
    async with shared_house(postgres_process, **at(the_server.port)) as one:
        yield one


@pytest.fixture
def server(the_server: MailServer) -> MailServer:
    """The mail server of the shared house, as if nobody had spoken to it."""
    the_server.begin_anew()
    return the_server


@IN_ONE_LOOP
async def test_a_mail_is_sent_once_however_often_it_is_asked_for(home: House, server: MailServer) -> None:
    for _ in range(3):
        await home.mail(id="one")
    await home.ended("mail_sent")
    await home.mail(id="one")
    await home.mail(id="one", tenant=home.other, to="grace@example.com")
    await home.ended("mail_sent", "mail_sent")
    first, second = server.received
    assert (first.sender, first.recipients) == ("id@acme.example", ("ada@example.com",))
    assert second.recipients == ("grace@example.com",)
    headers = first.message
    assert headers["auto-submitted"] == "auto-generated"
    assert headers["to"] == "ada@example.com"
    assert headers["subject"] == f"Confirm your address for {home.acme}"
    assert headers["date"]
    assert headers["message-id"] != second.message["message-id"]
    assert {part.get_content_type() for part in headers.iter_parts()} == {"text/plain", "text/html"}
    for row in await home.deliveries():
        assert (row["payload"], row["leased_until"]) == (None, None)
        assert row["done_at"] is not None
    activity = await home.run("SELECT * FROM activity")
    assert activity
    for row in activity:
        assert "example.com" not in str(dict(row))


@IN_ONE_LOOP
async def test_a_mail_waits_encrypted_for_a_server_that_is_away(home: House, server: MailServer) -> None:
    server.replies = {"MAIL": ["421 not now"], "RCPT": ["450 greylisted"], ".": ["451 later"], "DATA": ["452 full"]}
    await home.mail(id="one")
    for row in await home.deliveries():
        assert b"ada@example.com" not in bytes(row["payload"] or b"")
    await home.ended("mail_sent")
    (row,) = await home.deliveries()
    assert row["attempts"] == 5
    assert len(server.received) == 1


@IN_ONE_LOOP
async def test_a_mail_that_can_never_be_sent_is_given_up_at_once_and_another_after_its_tries(
    make_database: MakeDatabase, nats: NatsServer
) -> None:
    async with mail_server() as server:
        environ = at(server.port) | {"LIMEN_DELIVERY_ATTEMPTS": "3"}
        async with house(make_database, nats.url, **environ) as home:
            server.replies = {"RCPT": ["550 ada@example.com is nobody"]}
            await home.mail(id="nobody")
            await home.ended("mail_failed")
            server.replies = {"RCPT": ["450 no"] * 3}
            await home.mail(id="never")
            await home.ended("mail_failed", "mail_failed")
            reasons = [re.search(r'"reason": ?"([^"]*)"', str(data)) for _, data in await home.happened()]
            assert [found and found[1] for found in reasons] == ["the mail server said 550", "the mail server said 450"]
            assert {row["delivery_id"]: row["attempts"] for row in await home.deliveries()} == {"nobody": 1, "never": 3}
            assert server.received == []


@IN_ONE_LOOP
async def test_what_a_killed_process_left_is_delivered_by_the_next(home: House, server: MailServer) -> None:
    server.replies = {".": [HANG]}
    await home.mail(id="one")
    await eventually(lambda: server.received)
    # What SIGKILL leaves: a lease of somebody who will never answer. The server's yes was not heard.
    await home.run("UPDATE deliveries SET leased_until = clock_timestamp() - interval '1 second'")
    await home.ended("mail_sent")
    assert len(server.received) == 2
    assert len({each.message["message-id"] for each in server.received}) == 1
    server.patience.set()


@IN_ONE_LOOP
async def test_a_mail_is_sent_over_tls_to_a_server_whose_certificate_holds(
    make_database: MakeDatabase, nats: NatsServer, tmp_path: Path
) -> None:
    await asyncio.to_thread(prepare, tmp_path, datetime.now(UTC))  # noqa: TID251  # certificates of today
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "localhost.pem", tmp_path / "localhost.key")
    async with mail_server(context) as server:
        environ = {
            "LIMEN_SMTP_URL": f"smtp://me:s%40cret@localhost:{server.port}",
            "LIMEN_OUTGOING_CA_FILE": str(tmp_path / "ca.pem"),
        }
        async with house(make_database, nats.url, **environ, **SENDER) as home:
            await home.mail()
            await home.ended("mail_sent")
        (received,) = server.received
        assert received.was_encrypted
        assert received.credentials.startswith("AUTH PLAIN ")


@IN_ONE_LOOP
async def test_no_mail_is_sent_without_tls_unless_the_operator_says_so(
    make_database: MakeDatabase, nats: NatsServer
) -> None:
    async with mail_server() as server:
        environ = at(server.port, "smtp", "localhost") | {"LIMEN_DELIVERY_ATTEMPTS": "1"}
        async with house(make_database, nats.url, **environ) as home:
            await home.mail()
            await home.ended("mail_failed")
        assert server.received == []


@IN_ONE_LOOP
async def test_without_a_mail_server_mails_are_given_up_and_what_cannot_be_sent_is_not_accepted(
    make_database: MakeDatabase, nats: NatsServer
) -> None:
    async with house(make_database, nats.url) as home:
        await home.mail()
        await home.ended("mail_failed")
        with pytest.raises(AskRefused, match="no such template"):
            await home.mail("invitation")
        with pytest.raises(AskRefused, match="too long"):
            await home.mail(variables={"name": "x" * 100_000})
        assert (await home.asked("connections", "GET", "/dev/mailbox", token="")).status == 404


@IN_ONE_LOOP
async def test_no_more_wait_than_there_is_room_for(make_database: MakeDatabase, nats: NatsServer) -> None:
    async with mail_server() as server:
        server.replies = {".": [HANG, HANG]}
        environ = at(server.port) | {"LIMEN_DELIVERIES_WAITING": "2"}
        async with house(make_database, nats.url, **environ) as home:
            await home.mail()
            await home.mail()
            with pytest.raises(Unavailable, match="too many"):
                await home.mail()
            server.patience.set()


ADDRESSES = [
    "=?utf-8?q?admin?=@corp.example.com",
    "=?utf-8?q?a=40evil.ex=3e?=@corp.example.com",
    '"a@evil.com"@corp.com',
    "a@evil.com@corp.com",
    "a@corp.com,b@evil.com",
    "a@corp.com\r\nBcc: b@evil.com",
    "a@corp.com\nBcc: b@evil.com",
    "Ada <a@corp.com>",
    "a@corp.com>",
    "a b@corp.com",
    "a;b@corp.com",
    "@corp.com",
    "a@",
    "",
]


@pytest.mark.security("LG-22")
@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_read_in_two_ways_gets_no_mail(address: str) -> None:
    with pytest.raises(Refused):
        plain_address(address)


def test_plain_addresses_get_mail() -> None:
    for address in ("ada@example.com", "ada+news@sub.example.com", "ada@localhost.test", "ada@corp.local"):
        assert plain_address(address) == address
    assert plain_address("ada@bücher.example") == "ada@xn--bcher-kva.example"


@IN_ONE_LOOP
@pytest.mark.security("LG-22")
async def test_a_refused_address_reaches_no_server(home: House, server: MailServer) -> None:
    for address in ADDRESSES:
        await home.mail(to=address)
    await home.ended(*["mail_failed"] * len(ADDRESSES))
    assert server.connections == 0


HOSTILE = (
    '<a href="https://evil.example/">win</a> {{7777*7777}} {tenant} {name.__class__} ${7777*7777} %s'
    "\r\nBcc: b@evil.example\r\n\r\n"
    "\u202egnp.exe\u202c " + "x" * 10_240
)


@IN_ONE_LOOP
@pytest.mark.security("RC-06")
async def test_a_hostile_name_is_shown_as_text_and_reaches_nobody_else(home: House, server: MailServer) -> None:
    await home.change_settings(friendly_name="Acme <b>& {{7777*7777}} {name}")
    await home.mail(variables={"name": HOSTILE, "application": HOSTILE, "url": 'javascript:alert("1")'})
    await home.ended("mail_sent")
    (received,) = server.received
    message = received.message
    assert received.recipients == ("ada@example.com",)
    assert message["bcc"] is None
    assert message["subject"] == "Confirm your address for Acme <b>& {{7777*7777}} {name}"
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    html = message.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "{{7777*7777}}" in text
    assert str(7777 * 7777) not in text
    assert "{name" in text
    assert "&lt;a href=&quot;" in html
    assert "<a" not in html
    assert "https://evil.example/" not in text
    assert "\u202e" not in text + html
    assert len(text) < 2000


def test_every_template_speaks_every_language_with_what_is_known_and_without() -> None:
    tenant = TenantRow(
        "acme", 1, "Acme", "https://id.acme.example/", color="#FFEE00", support_email="help@acme.example"
    )
    variables = {
        "url": "https://id.acme.example/u/x?ticket=t&a=b",
        "name": "Ada",
        "application": "Shop",
        "minutes": "5",
    }
    variables["address"] = "192.0.2.1"
    for locale in LOCALES:
        assert words_of(locale).keys() == words_of("en").keys()
        for template in TEMPLATES:
            said = {"id": "1", "tenant": "acme", "person": None, "template": template, "to": "a@example.com"}
            full = letter(DeliverMail(**said, locale=locale, variables=variables), tenant)  # type: ignore[arg-type]
            bare = letter(DeliverMail(**said, locale=locale, variables={}), None)  # type: ignore[arg-type]
            assert full.links == [variables["url"]]
            assert variables["url"] in full.text
            assert 'href="https://id.acme.example/u/x?ticket=t&amp;a=b"' in full.html
            assert f'<html lang="{locale}" dir="{"rtl" if locale == "ar" else "ltr"}">' in full.html
            assert "background:#ffee00;color:#000000" in full.html
            assert "Ada" in full.text
            assert (bare.links, "<a" in bare.html) == ([], False)
            assert not re.search(r"\{[a-z_]+\}", full.text + full.html + bare.text + bare.html)


def test_a_name_keeps_its_own_direction_in_a_mail_that_is_read_from_right_to_left() -> None:
    tenant = TenantRow("acme", 1, "Acme", "https://id.acme.example/", friendly_name="Acme (Europe)")
    said = {"id": "1", "tenant": "acme", "person": None, "template": "welcome_email", "to": "a@example.com"}
    for locale, shown in (("ar", "\u2068Acme (Europe)\u2069"), ("en", "Welcome to Acme (Europe)")):
        made = letter(DeliverMail(**said, locale=locale, variables={}), tenant)  # type: ignore[arg-type]
        assert shown in made.text
        assert shown in made.html
        assert "\u2068" not in made.subject + made.sender_name


def test_a_mail_bears_the_logo_and_the_colour_of_the_branding() -> None:
    tenant = TenantRow("acme", 1, "Acme", "https://id.acme.example/", friendly_name='A"><b>me', color="#FFEE00")
    said = {"id": "1", "tenant": "acme", "person": None, "template": "verify_email", "to": "a@example.com"}
    asked = DeliverMail(**said, locale="en", variables={"url": "https://id.acme.example/u/x"})  # type: ignore[arg-type]
    made = letter(asked, tenant, Look(color="#0a8", logo="0123456789abcdef"))
    assert "border-top:4px solid #00aa88" in made.html
    logo = 'src="https://id.acme.example/u/branding/logo?v=0123456789abcdef" alt="A&quot;&gt;&lt;b&gt;me"'
    assert logo in made.html
    for look in (Look(color="red;background:url(x)"), Look()):
        plain = letter(asked, tenant, look)
        assert "border-top:4px solid #ffee00" in plain.html
        assert "<img" not in plain.html
    nowhere = letter(asked, msgspec.structs.replace(tenant, issuer="http://intranet/"), Look(logo="0123456789abcdef"))
    assert "<img" not in nowhere.html


def test_what_a_button_says_can_be_read_on_any_colour() -> None:
    said = {"id": "1", "tenant": "acme", "person": None, "template": "verify_email", "to": "a@example.com"}
    asked = DeliverMail(**said, locale="en", variables={"url": "https://id.acme.example/u/x"})  # type: ignore[arg-type]
    for ground in ("#000", "#fff", "#777777", "#ff0000", "#00ff00", "#0000ff", "#c0392b", "#ffee00"):
        found = re.search(r"background:(#\w{6});color:(#\w{6})", letter(asked, None, Look(color=ground)).html)
        assert found is not None
        assert contrast(found[1], found[2]) >= 4.5, ground


@pytest.mark.parametrize(("ground", "edge"), [("#fff", "#878da1"), ("#ffffee", "#878da1"), ("#0a8", "#00aa88")])
def test_a_button_that_would_vanish_on_a_mail_has_an_edge(ground: str, edge: str) -> None:
    said = {"id": "1", "tenant": "acme", "person": None, "template": "verify_email", "to": "a@example.com"}
    asked = DeliverMail(**said, locale="en", variables={"url": "https://id.acme.example/u/x"})  # type: ignore[arg-type]
    assert f"border:1px solid {edge};background:" in letter(asked, None, Look(color=ground)).html


def test_a_long_word_in_a_mail_is_broken() -> None:
    said = {"id": "1", "tenant": "acme", "person": None, "template": "welcome_email", "to": "a@example.com"}
    html = letter(DeliverMail(**said, locale="en", variables={}), None).html  # type: ignore[arg-type]
    assert "word-break:break-word" in html.partition("<h1")[0]


def test_the_nearest_language_is_taken() -> None:
    assert locale_of("de-AT", ()) == "de"
    assert locale_of("ar_EG", ()) == "ar"
    assert locale_of("fr", ("nl", "de")) == "de"
    assert locale_of("", ()) == "en"


def test_a_wrong_mail_server_is_one_clear_line() -> None:
    for url in ("mail.example.com", "http://mail.example.com", "smtp://", "smtp://host:port"):
        with pytest.raises(ValueError, match="LIMEN_SMTP_URL must be"):
            require_smtp_url(url)
    require_smtp_url("smtp://me:secret@mail.example.com")
    assert Settings.__doc__
