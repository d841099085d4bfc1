"""A machine's client with nothing but the standard library: get a token, call the API with it, keep it while it lives.

set -a; . .limen/quickstart.env; set +a
python examples/m2m/plain.py http://localhost:3010/messages
"""

import json
import os
import sys
import time
from base64 import b64encode
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote_plus, urlencode
from urllib.request import Request, urlopen

EARLY = 60.0
"""Seconds before its end from which a token is not used any more."""


class Machine:
    """One application and its access token for one API; a token serves until it ends, not for one call."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, audience: str) -> None:
        self._url = f"{issuer}oauth/token"
        # RFC 6749 §2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        self._authorization = f"Basic {b64encode(pair.encode()).decode()}"
        self._form = {"grant_type": "client_credentials", "audience": audience}
        self._token = ""
        self._good_until = 0.0

    def token(self) -> str:
        """An access token that lives for a while yet."""
        if time.monotonic() > self._good_until:
            asked_at = time.monotonic()
            answer = _answer(Request(self._url, urlencode(self._form).encode(), {"Authorization": self._authorization}))
            self._token = answer["access_token"]
            self._good_until = asked_at + answer["expires_in"] - EARLY
        return self._token

    def get(self, url: str) -> dict[str, Any]:
        """What the API answers to a GET with our token."""
        return _answer(Request(url, headers={"Authorization": f"Bearer {self.token()}"}))


def _answer(request: Request) -> dict[str, Any]:
    with urlopen(request, timeout=10) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def main() -> int:
    """Call the API named on the command line and print what it says."""
    env = os.environ
    machine = Machine(env["LIMEN_ISSUER"], env["LIMEN_CLIENT_ID"], env["LIMEN_CLIENT_SECRET"], env["LIMEN_AUDIENCE"])
    try:
        print(json.dumps(machine.get(sys.argv[1])))
    except HTTPError as error:
        print(f"{error.url} answered {error.code}: {error.read().decode(errors='replace')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
