"""Registers the example applications with a Limen that runs here, once, and keeps what they need in a file.

    set -a; . .limen/quickstart.env; set +a
    python examples/register.py
    set -a; . .limen/examples.env; set +a

It does what somebody would do by hand with the Management API, for an application of each kind that people sign in to.
`WEB_PORT` and `SPA_PORT` say where the examples will listen, `SPA_TLS` that the page is served over https.
"""

import json
import os
import ssl
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ISSUER: Final = os.environ["LIMEN_ISSUER"]
FILE: Final = Path(os.environ.get("LIMEN_DATA_DIR", ".limen")) / "examples.env"
WEB: Final = f"http://localhost:{os.environ.get('WEB_PORT', '3020')}"
SPA: Final = f"{'https' if os.environ.get('SPA_TLS') else 'http'}://localhost:{os.environ.get('SPA_PORT', '3030')}"

APPLICATIONS: Final[dict[str, dict[str, Any]]] = {
    "WEB": {
        "name": "Example web application",
        "app_type": "regular_web",
        "callbacks": [f"{WEB}/callback"],
        "allowed_logout_urls": [WEB],
        "oidc_logout": {"backchannel_logout_urls": [f"{WEB}/backchannel-logout"]},
    },
    "SPA": {
        "name": "Example single-page application",
        "app_type": "spa",
        "token_endpoint_auth_method": "none",
        "callbacks": [SPA],
        "allowed_logout_urls": [SPA],
        "web_origins": [SPA],
    },
    "NATIVE": {
        "name": "Example native application",
        "app_type": "native",
        "token_endpoint_auth_method": "none",
        # The port is chosen when the program runs: RFC 8252 section 7.3. The scheme is for a phone: section 7.1.
        "callbacks": ["http://127.0.0.1/callback", "com.example.limen:/callback"],
    },
}


def asked(method: str, path: str, body: Any = None, token: str = "") -> Any:
    """One request with a JSON body; the answer's JSON."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    trusted = ssl.create_default_context() if ISSUER.startswith("https://") else None
    request = Request(ISSUER + path, data=data, method=method, headers=headers)
    with urlopen(request, timeout=10, context=trusted) as answer:
        return json.load(answer)


def management_token() -> str:
    """A token of the application that may configure the tenant."""
    asking = {"grant_type": "client_credentials", "audience": os.environ["LIMEN_MANAGEMENT_AUDIENCE"]}
    asking |= {name: os.environ[f"LIMEN_MANAGEMENT_{name.upper()}"] for name in ("client_id", "client_secret")}
    return str(asked("POST", "oauth/token", asking)["access_token"])


def is_registered(client_id: str | None, token: str) -> bool:
    """Whether there is such an application."""
    if client_id is None:
        return False
    try:
        asked("GET", f"api/v2/clients/{client_id}", token=token)
    except HTTPError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


def main() -> None:
    """Keep what is registered already; a secret is told once."""
    token = management_token()
    kept = dict(line.split("=", 1) for line in FILE.read_text().splitlines()) if FILE.exists() else {}
    for kind, properties in APPLICATIONS.items():
        if is_registered(kept.get(f"{kind}_CLIENT_ID"), token):
            continue
        made = asked("POST", "api/v2/clients", properties, token)
        kept |= {f"{kind}_CLIENT_ID": made["client_id"]}
        if made.get("client_secret") and kind == "WEB":
            kept |= {"WEB_CLIENT_SECRET": made["client_secret"]}
    FILE.touch(mode=0o600)
    FILE.write_text("".join(f"{name}={value}\n" for name, value in kept.items()))
    print(f"{FILE} knows {len(APPLICATIONS)} applications", file=sys.stderr)


if __name__ == "__main__":
    main()
