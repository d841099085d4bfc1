"""Records one event of each kind from a running stack: `python -m tests.compatibility.record`, once per version.

What is recorded is data for ever: every later version must still read it (`test_recorded_events.py`), and publish what
subscribers were told (`test_public_events.py`). What is there already stays as it is.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from libs.bus import Bus, Reader
from libs.eventstore import cloudevents
from libs.eventstore.names import FEED_STREAM
from services.audit.events.public import PUBLIC
from services.cli.docs.published import type_of
from services.cli.stack import STORES, catalogue
from tests.compatibility.people import UNDELIVERABLE, people, undelivered
from tests.security.client import Client, Signer
from tests.stack import Stack

FOLDER: Final = Path(__file__).parents[1] / "data" / "events"
PUBLIC_FOLDER: Final = FOLDER.parent / "public-events"
CATALOGUES: Final = tuple(map(catalogue, STORES))
PUBLISHED_WITHIN: Final = 30.0


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
    client.ask(client_id=app["client_id"], client_secret=app["client_secret"], audience=client.management_audience)
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
    for verb in ("add", "remove"):
        stack.limen("subscriber", verb, "recorded").check_returncode()
    left = people(stack)
    stack.stop()
    stack.port += 1  # the default tenant moves to the new port
    stack.environ |= {"LIMEN_PORT": str(stack.port), **UNDELIVERABLE}
    stack.start()
    undelivered(stack, left)


def one_of_each(events: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The last event of each type, by its name on the wire."""
    return {event["type"]: event for event in events}


async def published(url: str) -> list[dict[str, Any]]:
    """The feed from its beginning, until an event of each type is in it."""
    bus, seen, missing = await Bus.connect(url, name="limen"), list[dict[str, Any]](), set(map(type_of, PUBLIC))
    try:
        async with asyncio.timeout(PUBLISHED_WITHIN), Reader(bus, FEED_STREAM, start=1) as reader:
            while missing:
                told = await reader.fetch(500, wait=1)
                seen += [json.loads(cloudevents.structured(each.headers, each.payload)) for each in told]
                missing -= {event["type"] for event in seen}
    except TimeoutError as error:
        raise AssertionError(f"nobody was told of {sorted(missing)}") from error
    finally:
        await bus.close()
    return seen


def write(folder: Path, events: Mapping[str, dict[str, Any]]) -> None:
    """Write down those that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, event in events.items():
        file = folder / f"{name}.json"
        if not file.exists():
            file.write_text(json.dumps(event, indent=2, sort_keys=True) + "\n")


def main() -> None:
    """Record this version's events."""
    with Stack().running() as stack:
        cause_everything(Client.of(stack.env), stack)
        seen = [event for log in ("facts", "activity") for event in stack.events("--log", log, "--from", "1")]
        public = asyncio.run(published(stack.env["LIMEN_NATS_URL"]))
    version = metadata.version("limen")
    write(FOLDER / version, one_of_each(seen))
    write(PUBLIC_FOLDER / version, one_of_each(public))


if __name__ == "__main__":
    main()
