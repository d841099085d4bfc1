"""The same examples over https: the private CA of `limen up --tls` is all they need to be told."""

import os
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from services.cli import plan
from services.cli.embedded.ports import chosen
from tests.stack import Stack

ROOT: Final = Path(__file__).parents[2]


@pytest.mark.parametrize("client", ["plain.py", "with_auth0_python.py"])
def test_a_client_and_the_api_work_over_https(tls: Stack, client: str) -> None:
    port, ca = chosen(), str(tls.ca)
    environ = {"PATH": os.defpath, "API_PORT": str(port), "SSL_CERT_FILE": ca, "REQUESTS_CA_BUNDLE": ca}
    environ |= tls.env
    assert environ["LIMEN_ISSUER"] == f"https://localhost:{tls.port}/"
    api = subprocess.Popen([sys.executable, ROOT / "examples" / "api" / "api.py"], env=environ)
    try:
        command = [sys.executable, str(ROOT / "examples" / "m2m" / client), f"http://localhost:{port}/messages"]
        done = _patiently(command, environ)
    finally:
        api.terminate()
        api.wait(10)
    assert "threshold" in done.stdout, done.stderr


def test_the_configuration_is_exported_over_https_by_whom_the_stack_is_known(tls: Stack) -> None:
    done = tls.limen("export")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Quickstart application" in done.stdout
    stranger = {**tls.environ, **tls.env, "LIMEN_DATA_DIR": "/nowhere"}
    refused = subprocess.run(
        plan.limen("export"), env=stranger, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 69
    assert "its certificate is not believed; --ca FILE names a CA" in refused.stderr
    trusting = plan.limen("export", "--ca", str(tls.ca))
    done = subprocess.run(trusting, env=stranger, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_who_does_not_know_the_ca_believes_nobody(tls: Stack) -> None:
    with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection(("localhost", tls.port)) as plain:
        ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")


def _patiently(command: list[str], environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    deadline = time.monotonic() + 20
    while True:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        if "refused" not in done.stderr or time.monotonic() > deadline:
            return done
        time.sleep(0.2)
