"""Requests that we make go where they were judged to go, and nowhere else."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from libs.outgoing import Forbidden, Judge, Outgoing, Unreachable
from libs.outgoing.addresses import JudgedResolver
from services.cli.tls import prepare
from tests.doubles.receiver import receiver

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))

INSIDE = (
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
    *("::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::"),
    *("2001::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
)


@pytest.mark.security("SF-01")
@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_permitted(address: str) -> None:
    assert not Judge().permits(ip_address(address), "https")


def test_public_addresses_are_permitted_with_tls_and_named_networks_without() -> None:
    for address in ("1.1.1.1", "2606:4700:4700::1111"):
        assert Judge().permits(ip_address(address), "https")
        assert not Judge().permits(ip_address(address), "http")
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert Judge(LOOPBACK).permits(ip_address(address), "http")
    assert not Judge(LOOPBACK).permits(ip_address("10.0.0.1"), "https")


@pytest.mark.security("SF-01")
@pytest.mark.parametrize(
    "url",
    ["ftp://x/", "file:///etc/passwd", "gopher://x/", "data:text/plain,x", "https://", "https://a@b/", "https://[::1",
     "http://1.1.1.1/", "https://127.0.0.1/", "https://[64:ff9b::7f00:1]/", "https://x:99999/", "//evil.example/"],
)  # fmt: skip
def test_a_url_that_leads_inside_is_refused_before_anybody_is_asked(url: str) -> None:
    with pytest.raises(Forbidden):
        Judge().require_url(url)


@pytest.mark.security("SF-01", "SF-02")
async def test_a_name_is_judged_by_the_addresses_it_has_and_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [["1.1.1.1"], ["127.0.0.1"], ["1.1.1.1", "10.0.0.1"]]

    async def found(_host: str, port: int, **_: object) -> object:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in answers.pop(0)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    resolver = JudgedResolver(Judge(), "https")
    (first,) = await resolver.resolve("rebinding.example", 443)
    assert (first["host"], first["flags"]) == ("1.1.1.1", socket.AI_NUMERICHOST)
    for _ in range(2):
        with pytest.raises(Forbidden):
            await resolver.resolve("rebinding.example", 443)


async def test_a_redirect_is_an_answer_and_leads_nowhere() -> None:
    async with receiver() as one, receiver() as two:
        one.answers = [f"307 Temporary Redirect\r\nlocation: {two.url()}\r\nset-cookie: a=b"]
        client = Outgoing(LOOPBACK)
        assert await client.post_form(one.url(), {"a": "b"}) == 307
        assert await client.post_form(one.url(), {"a": "ü&="}) == 200
        assert two.connections == 0
        assert one.forms == [{"a": ["b"]}, {"a": ["ü&="]}]
        assert "cookie" not in one.headers[1]


async def test_who_does_not_answer_is_unreachable() -> None:
    async with receiver() as one:
        one.answers = ["nonsense"]
        with pytest.raises(Unreachable):
            await Outgoing(LOOPBACK).post_form(one.url(), {})
    with pytest.raises(Unreachable):
        await Outgoing(LOOPBACK, seconds=1).post_form(one.url(), {})


async def test_certificates_are_verified_by_the_authorities_that_were_named(tmp_path: Path) -> None:
    await asyncio.to_thread(prepare, tmp_path, datetime.now(UTC))  # noqa: TID251  # certificates of today
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "localhost.pem", tmp_path / "localhost.key")
    async with receiver(context) as one:
        url = one.url(host="localhost")
        with pytest.raises(Unreachable):
            await Outgoing(LOOPBACK).post_form(url, {})
        assert one.forms == []
        assert await Outgoing(LOOPBACK, ca_file=tmp_path / "ca.pem").post_form(url, {}) == 200
