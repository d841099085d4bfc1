"""Records one event of each kind from a running stack: `python -m tests.compatibility.record`, once per version.

What is recorded is data for ever: every later version must still read it (`test_recorded_events.py`).
"""

import json
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from services.key_rotation.events import CATALOGUE as KEY_ROTATION
from services.tenants.events import CATALOGUE as TENANTS
from services.token.events import CATALOGUE as TOKEN
from tests.security.client import Client, Signer
from tests.stack import Stack

FOLDER: Final = Path(__file__).parents[1] / "data" / "events"
CATALOGUES: Final = (TENANTS, TOKEN, KEY_ROTATION)


def cause_everything(client: Client, stack: Stack) -> None:
    """Do what makes each event happen."""
    manage, signer = client.manage, Signer.new()
    manage("PATCH", "tenants/settings", {"friendly_name": "Recorded", "allowed_signing_algs": ["RS256", "ES256"]})
    manage("POST", "keys/signing/rotate")
    next_kid = next(key["kid"] for key in manage("GET", "keys/signing").json() if key.get("next"))
    manage("PUT", f"keys/signing/{next_kid}/revoke")
    credential = {"credential_type": "public_key", "name": "first", "pem": signer.pem, "alg": "RS256"}
    methods = {"private_key_jwt": {"credentials": [credential]}}
    signing = client.machine("signs", client_authentication_methods=methods)
    client.assertion(signing["client_id"], signer.assertion(signing["client_id"], client.issuer))
    manage("PATCH", f"clients/{signing['client_id']}", {"client_authentication_methods": None})
    keys = f"clients/{signing['client_id']}/credentials"
    first = manage("GET", keys).json()[0]["id"]
    manage("PATCH", f"{keys}/{first}", {"expires_at": "2099-01-01T00:00:00Z"})
    named = {"private_key_jwt": {"credentials": [{"id": first}]}}
    manage("PATCH", f"clients/{signing['client_id']}", {"client_authentication_methods": named})
    manage("PATCH", f"clients/{signing['client_id']}", {"client_authentication_methods": None})
    manage("DELETE", f"{keys}/{first}")
    app = client.machine("recorded", description="an application")
    client.ask(client_id=app["client_id"], client_secret=app["client_secret"])
    client.ask(client_id=app["client_id"], client_secret="wrong")
    manage("PATCH", f"clients/{app['client_id']}", {"description": "another description"})
    manage("POST", f"clients/{app['client_id']}/rotate-secret", {"previous_secret_lifetime": 60})
    api = client.api("https://recorded.example/")
    manage("PATCH", f"resource-servers/{api['id']}", {"name": "another name"})
    grant = client.granted(app["client_id"], api["identifier"], ("read:things",))
    manage("PATCH", f"client-grants/{grant}", {"scope": []})
    manage("DELETE", f"client-grants/{grant}")
    manage("DELETE", f"resource-servers/{api['id']}")
    manage("DELETE", f"clients/{app['client_id']}")
    stack.stop()
    stack.environ["LIMEN_PORT"] = str(stack.port + 1)  # the default tenant moves to the new port
    stack.start()


def one_of_each(events: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The last event of each type, by its name on the wire."""
    return {event["type"]: event for event in events}


def main() -> None:
    """Record this version's events."""
    with Stack().running() as stack:
        cause_everything(Client.of(stack.env), stack)
        seen = [event for log in ("facts", "activity") for event in stack.events("--log", log, "--from", "1")]
    folder = FOLDER / metadata.version("limen")
    folder.mkdir(parents=True, exist_ok=True)
    for name, event in one_of_each(seen).items():
        (folder / f"{name}.json").write_text(json.dumps(event, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
