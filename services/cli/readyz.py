"""Owns one question to a process's admin page: is it ready, and if not, what is missing.

It speaks HTTP by hand, because `http.client` brings TLS and mail parsing into a process that lives as long
as the stack.
"""

import json
import socket

from services.cli.embedded.ports import LOOPBACK


def is_ready(port: int) -> bool:
    """Whether `/readyz` answers 200."""
    return _asked(port)[0] == "200"


def missing(port: int) -> str:
    """What `/readyz` says is missing, in one line; or that nothing answers there."""
    status, body = _asked(port)
    try:
        found = json.loads(body)
    except ValueError:
        return f"its admin page answers {status}" if status else "it does not answer yet"
    entries = found.get("missing", found) if isinstance(found, dict) else {}
    return "; ".join(f"{name}: {why}" for name, why in entries.items()) if isinstance(entries, dict) else str(entries)


def _asked(port: int) -> tuple[str, str]:
    """Status and body of `GET /readyz`; two empty strings when nobody answers within a second."""
    request = f"GET /readyz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
    answer = b""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            connection.sendall(request.encode())
            while received := connection.recv(65536):
                answer += received
    except OSError:
        return "", ""
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    return [*head.split(" ", 2), "", ""][1], body
