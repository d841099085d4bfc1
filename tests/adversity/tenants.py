"""A further tenant: one fact that token, key_rotation and the gateway all have to hear."""

import shlex
from dataclasses import dataclass
from typing import Final

from tests.stack import Stack, until

JWKS: Final = "/.well-known/jwks.json"


@dataclass(frozen=True)
class Tenant:
    """What `limen tenant create` printed."""

    stack: Stack
    name: str
    env: dict[str, str]

    @property
    def host(self) -> str:
        return self.env["LIMEN_DOMAIN"]

    def status_of_token(self) -> int:
        """What its first application is answered."""
        form = {"grant_type": "client_credentials", "client_id": self.env["LIMEN_CLIENT_ID"]}
        form |= {"client_secret": self.env["LIMEN_CLIENT_SECRET"], "audience": self.env["LIMEN_AUDIENCE"]}
        return self.stack.request("POST", "/oauth/token", form=form, headers={"host": self.host}).status

    def require_whole(self) -> None:
        """The gateway knows its host and its two first keys, and its application gets a token."""
        until(lambda: self.status_of_token() == 200, 5, self.stack.story)
        keys = self.stack.request("GET", JWKS, headers={"host": self.host})
        assert keys.status == 200
        assert len(keys.json()["keys"]) == 2


def create_tenant(stack: Stack, name: str) -> Tenant:
    """`limen tenant create`, as an operator would."""
    done = stack.limen("tenant", "create", name, "--domain", f"{name}.localhost:{stack.port}")
    assert done.returncode == 0, done.stderr
    return Tenant(stack, name, _values(done.stdout))


def _values(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, _, value in pairs}
