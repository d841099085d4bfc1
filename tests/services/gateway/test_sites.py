import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from libs.settings import SettingsError
from services.tenants.events import TenantOpened, TenantRegistered
from tests.services.gateway.conftest import World


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=20_000))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    clear = serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, clear))
    return paths


@pytest.mark.security("HD-05")
async def test_with_a_certificate_it_speaks_https_and_says_so(empty: World, certificate: tuple[Path, Path]) -> None:
    await empty.open_logs()
    await empty.say("default", TenantRegistered(name="default", domain="id.example.com", scheme="https"))
    await empty.say("default", TenantOpened())
    await empty.serve("token")
    await empty.start(tls_certificate=str(certificate[0]), tls_key=str(certificate[1]))
    await empty.ready()
    context = ssl.create_default_context(cafile=str(certificate[0]))
    reader, writer = await asyncio.open_connection("127.0.0.1", empty.port, ssl=context)
    writer.write(b"POST /oauth/token HTTP/1.1\r\nHost: id.example.com:443\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(5):
        said = await reader.read()
    writer.close()
    assert said.startswith(b"HTTP/1.1 200")
    assert b"strict-transport-security: max-age=31536000" in said
    assert empty.echo.asked[-1].scheme == "https"


async def test_a_certificate_that_cannot_be_used_is_one_clear_line(empty: World, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LIMEN_TLS_CERTIFICATE and LIMEN_TLS_KEY cannot be used"):
        await empty.start(tls_certificate=str(tmp_path / "a"), tls_key=str(tmp_path / "b"))


async def test_half_a_certificate_is_one_clear_line(empty: World) -> None:
    with pytest.raises(SettingsError, match="go together"):
        await empty.start(tls_key="/key.pem")


async def test_a_taken_port_is_one_clear_line(empty: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"LIMEN_PORT {port} is taken on 127.0.0.1"):
            await empty.start(port=str(port))


async def test_an_address_that_is_not_there_is_left_out_unless_it_is_the_only_one(empty: World) -> None:
    await empty.start(host="203.0.113.1,127.0.0.1")
    assert empty.port > 0
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match=r"is taken on 127\.0\.0\.1"):
            await empty.start(host="127.0.0.2,127.0.0.1", port=str(taken.getsockname()[1]))
    with pytest.raises(SettingsError, match="LIMEN_HOST names no address"):
        await empty.start(host="203.0.113.1")
