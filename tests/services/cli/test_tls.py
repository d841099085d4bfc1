import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_connection, create_server

import pytest

from services.cli.tls import CA_LIVES, LIVES, prepare

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "localhost.pem", folder / "localhost.key")
    with create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with server.accept()[0] as connection, context.wrap_socket(connection, server_side=True) as secured:
                secured.sendall(b"hello")

        thread = threading.Thread(target=greet)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_the_certificate_passes_a_strict_verifier(tmp_path: Path, name: str) -> None:
    prepare(tmp_path, datetime.fromtimestamp((tmp_path).stat().st_mtime, UTC))
    context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with (
        serving(tmp_path) as port,
        create_connection(("127.0.0.1", port)) as connection,
        context.wrap_socket(connection, server_hostname=name) as secured,
    ):
        assert secured.recv(5) == b"hello"


def test_what_is_good_is_kept(tmp_path: Path) -> None:
    prepare(tmp_path, NOW)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    prepare(tmp_path, NOW + timedelta(days=300))
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_near_its_end_the_certificate_is_renewed_by_the_same_authority(tmp_path: Path) -> None:
    prepare(tmp_path, NOW)
    ca, leaf = (tmp_path / "ca.pem").read_bytes(), (tmp_path / "localhost.pem").read_bytes()
    prepare(tmp_path, NOW + LIVES - timedelta(days=20))
    assert (tmp_path / "ca.pem").read_bytes() == ca
    assert (tmp_path / "localhost.pem").read_bytes() != leaf


def test_a_new_authority_makes_a_new_certificate(tmp_path: Path) -> None:
    prepare(tmp_path, NOW)
    ca, leaf = (tmp_path / "ca.pem").read_bytes(), (tmp_path / "localhost.pem").read_bytes()
    prepare(tmp_path, NOW + CA_LIVES)
    assert (tmp_path / "ca.pem").read_bytes() != ca
    assert (tmp_path / "localhost.pem").read_bytes() != leaf
