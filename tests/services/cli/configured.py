"""A tenant that `limen apply` and `limen export` are run against, as a person or a build runs them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.cli.configuration import document
from services.cli.main import command
from tests.stack import Answer, Stack


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Tenant:
    """A tenant of its own on the shared stack, and the folder of whoever configures it."""

    stack: Stack
    env: dict[str, str]
    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def environ(self) -> dict[str, str]:
        return {**self.env, "LIMEN_DATA_DIR": "/nowhere"}

    def limen(self, verb: str, *arguments: str) -> Said:
        code = command([verb, *arguments], self.environ)
        return Said(code, *self.capsys.readouterr())

    def apply(self, file: Any, *arguments: str) -> Said:
        return self.limen("apply", self.written(file), *arguments)

    def written(self, file: Any) -> str:
        path = self.folder / "tenant.yaml"
        path.write_text(file if isinstance(file, str) else document.written(file))
        return str(path)

    def exported(self) -> dict[str, Any]:
        done = self.limen("export")
        assert done.code == 0, done.err
        return document.read(done.out)

    def api(self, method: str, path: str, json: Any = None) -> Answer:
        token = self.token("LIMEN_MANAGEMENT_", self.env["LIMEN_MANAGEMENT_AUDIENCE"]).json()["access_token"]
        headers = {"host": self.env["LIMEN_DOMAIN"], "authorization": f"Bearer {token}"}
        return self.stack.request(method, f"/api/v2/{path}", json=json, headers=headers)

    def token(self, prefix: str, audience: str) -> Answer:
        return self.token_of(self.env[f"{prefix}CLIENT_ID"], self.env[f"{prefix}CLIENT_SECRET"], audience)

    def token_of(self, client_id: str, client_secret: str, audience: str) -> Answer:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        headers = {"host": self.env["LIMEN_DOMAIN"]}
        return self.stack.request("POST", "/oauth/token", form={**form, "audience": audience}, headers=headers)
