"""A program on somebody's computer that asks them to sign in with their browser: RFC 8252, as AppAuth does it.

    set -a; . .limen/quickstart.env; . .limen/examples.env; set +a
    python examples/native/native.py            opens the browser, listens on a loopback port, calls userinfo
    python examples/native/native.py --show     prints the address instead of opening a browser

No secret is in the program, because anybody could read it there: PKCE proves that who began is who ends (RFC 7636).
The redirect goes to 127.0.0.1, never to a name, on whichever port is free (RFC 8252 sections 7.3 and 8.3).
On a phone it would go to the scheme `com.example.limen:/callback` instead; everything else stays.
It needs nothing but Python.
"""

import base64
import hashlib
import json
import os
import secrets
import ssl
import sys
import webbrowser
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

ISSUER: Final = os.environ["LIMEN_ISSUER"]
CLIENT_ID: Final = os.environ["NATIVE_CLIENT_ID"]
PATIENCE: Final = 300
"""Seconds that a person has for the login page."""

DONE: Final = b"""<!doctype html><meta charset="utf-8"><title>Signed in</title>
<body style="font: 1.1rem system-ui; display: grid; place-items: center; min-height: 90vh; color-scheme: light dark">
<p>You may close this window and go back to the program.</p>"""


class Refused(Exception):
    """The login did not succeed."""


def asked(url: str, form: dict[str, str] | None = None, token: str = "") -> Any:
    """GET, or POST a form; the answer's JSON."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    data = urlencode(form).encode() if form else None
    trusted = ssl.create_default_context() if url.startswith("https://") else None
    with urlopen(Request(url, data=data, headers=headers), timeout=10, context=trusted) as answer:
        return json.load(answer)


class Callback(HTTPServer):
    """Listens on a free loopback port until the browser comes back, once."""

    timeout = PATIENCE

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Where the browser has to come back to."""
        return f"http://127.0.0.1:{self.server_address[1]}/callback"

    def handle_timeout(self) -> None:
        """Nobody came."""
        raise Refused("nobody signed in")


class _Handler(BaseHTTPRequestHandler):
    server: Callback

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path != "/callback":
            self.send_error(404)
            return
        self.server.answer = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(DONE)))
        self.end_headers()
        self.wfile.write(DONE)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def signed_in(*, opens_browser: bool) -> dict[str, Any]:
    """The tokens of whoever signs in.

    Raises:
        Refused: they did not, or somebody else's answer came.
    """
    metadata = asked(f"{ISSUER}.well-known/openid-configuration")
    state, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    with Callback() as callback:
        asking = {"client_id": CLIENT_ID, "redirect_uri": callback.url, "response_type": "code", "state": state}
        asking |= {"scope": "openid profile email offline_access"}
        asking |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        show(f"{metadata['authorization_endpoint']}?{urlencode(asking)}", opens_browser=opens_browser)
        while not callback.answer:
            callback.handle_request()
        code = code_of(callback.answer, state)
        form = {"grant_type": "authorization_code", "client_id": CLIENT_ID, "code": code}
        tokens = asked(metadata["token_endpoint"], form | {"redirect_uri": callback.url, "code_verifier": verifier})
    print(json.dumps(asked(metadata["userinfo_endpoint"], token=tokens["access_token"]), indent=2))
    return dict(tokens)


def show(url: str, *, opens_browser: bool) -> None:
    """Bring the person to the login page in their own browser, never in a window of ours: RFC 8252 section 8.12."""
    if not opens_browser or not webbrowser.open(url):
        print(f"Open this address to sign in:\n{url}", flush=True)


def code_of(answer: dict[str, str], state: str) -> str:
    """The code of an answer that is ours."""
    if not secrets.compare_digest(answer.get("state", ""), state) or answer.get("iss", ISSUER) != ISSUER:
        raise Refused("the answer is not for this login")
    if "code" not in answer:
        raise Refused(answer.get("error_description") or answer.get("error", "no code"))
    return answer["code"]


def main() -> int:
    """Sign in, say who it is, and renew once, as the program would an hour later."""
    try:
        tokens = signed_in(opens_browser="--show" not in sys.argv[1:])
    except Refused as reason:
        print(f"not signed in: {reason}", file=sys.stderr)
        return 1
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": tokens["refresh_token"]}
    renewed = asked(f"{ISSUER}oauth/token", form)
    print("renewed without asking again" if renewed["access_token"] != tokens["access_token"] else "the same token")
    return 0


if __name__ == "__main__":
    sys.exit(main())
