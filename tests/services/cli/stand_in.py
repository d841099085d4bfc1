"""Plays `limen serve`, `limen migrate` and `limen bootstrap`, and starts a `limen up` that uses them."""

# ruff: noqa: T201, TID251 - it is a program of its own

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from services.cli import main, plan


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_ready = not Path(os.environ.get("STAND_IN_UNREADY", "/nowhere")).exists()
        self.send_response(200 if is_ready else 503)
        self.end_headers()
        self.wfile.write(json.dumps({} if is_ready else {"missing": {"keys": "none yet"}}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def serve(services: list[str]) -> None:
    is_stubborn = os.environ.get("STAND_IN_STUBBORN") in services
    signal.signal(signal.SIGTERM, signal.SIG_IGN if is_stubborn else lambda _number, _frame: sys.exit(0))
    print("serving", *services, flush=True)
    if os.environ.get("STAND_IN_BROKEN") in services:
        sys.exit("LIMEN_SOMETHING is wrong")
    told = {name: value for name, value in os.environ.items() if name.startswith("LIMEN_")}
    (Path(os.environ["LIMEN_DATA_DIR"]) / f"told-{'-'.join(services)}.json").write_text(json.dumps(told))
    HTTPServer(("127.0.0.1", int(os.environ["LIMEN_ADMIN_PORT"])), Page).serve_forever()


def bootstrap(arguments: list[str]) -> None:
    made = Path(os.environ["LIMEN_DATA_DIR"]) / "bootstrapped"
    is_new = "--new-secrets" in arguments or not made.exists()
    made.touch()
    scheme, domain = arguments[arguments.index("--scheme") + 1], arguments[arguments.index("--domain") + 1]
    secret = f"s{time.monotonic_ns()}" if is_new else None
    values = {"issuer": f"{scheme}://{domain}/", "domain": domain, "audience": "https://api.example/", "client_id": "c"}
    values |= {"subscriber_stream": "AUTH", "subscriber_consumer": "example"} if "--subscriber" in sys.argv else {}
    values |= {"management_audience": f"{scheme}://{domain}/api/v2/", "management_client_id": "m"}
    print(json.dumps(values | {"client_secret": secret, "management_client_secret": secret}))


def play(arguments: list[str]) -> None:
    verb, *rest = arguments
    if verb == "serve":
        serve(rest)
    elif verb == "bootstrap":
        bootstrap(rest)
    elif verb == "up":
        plan.limen = lambda *more: (sys.executable, __file__, *more)
        sys.exit(main.main())


if __name__ == "__main__":
    play(sys.argv[1:])
