"""An older database comes back: `limen restored` accepts the loss, and nothing that was revoked comes back with it."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from signal import SIGINT
from time import time  # noqa: TID251  # a client has a clock of its own
from typing import Any

import pytest

from tests.adversity.load import Load, summary
from tests.adversity.record import head, require_exact_mirrors, rows
from tests.security.client import Client, Signer
from tests.stack import Stack, until


@dataclass
class Story:
    """What was made before the backup, and what was lost after it."""

    stack: Stack
    client: Client
    signer: Signer
    apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    new_secret: str = ""
    spent: str = ""
    revoked: str = ""
    lost_app: str = ""
    load: Load = field(init=False)
    """Clients that asked while everything started on the older database."""
    kept: int = 0
    """Where `token`'s activity stood at the backup."""

    def make(self) -> None:
        """Before the backup."""
        for name in ("rotated", "overlapping", "deleted", "ungranted", "narrowed"):
            self.apps[name] = self.client.machine(name)
        credential = {"credential_type": "public_key", "pem": self.signer.pem, "alg": "RS256"}
        methods = {"private_key_jwt": {"credentials": [credential]}}
        self.apps["asserter"] = self.client.machine("asserter", client_authentication_methods=methods)
        both = {"scope": ["read:messages", "write:messages"]}
        assert self.client.manage("PATCH", f"client-grants/{self.grant_of('narrowed')}", both).status_code == 200

    def lose(self) -> None:
        """After the backup."""
        manage = self.client.manage
        rotated = manage("POST", f"clients/{self.apps['rotated']['client_id']}/rotate-secret")
        self.new_secret = rotated.json()["client_secret"]
        lifetime = {"previous_secret_lifetime": 3600}
        overlapping = self.apps["overlapping"]["client_id"]
        assert manage("POST", f"clients/{overlapping}/rotate-secret", lifetime).status_code == 200
        assert manage("DELETE", f"clients/{self.apps['deleted']['client_id']}").status_code == 204
        assert manage("DELETE", f"client-grants/{self.grant_of('ungranted')}").status_code == 204
        narrow = {"scope": ["read:messages"]}
        assert manage("PATCH", f"client-grants/{self.grant_of('narrowed')}", narrow).status_code == 200
        self.spent = self.assertion()
        assert self.client.assertion(None, self.spent).status_code == 200
        self.revoked = next(key["kid"] for key in manage("GET", "keys/signing").json() if key.get("current"))
        self.lost_app = self.client.machine("lost")["client_id"]
        assert manage("PUT", f"keys/signing/{self.revoked}/revoke").status_code == 200

    def grant_of(self, name: str) -> str:
        found = self.client.manage("GET", f"client-grants?client_id={self.apps[name]['client_id']}")
        return str(found.json()[0]["id"])

    def assertion(self, **claims: Any) -> str:
        return self.signer.assertion(self.apps["asserter"]["client_id"], self.client.issuer, **claims)

    def status(self, name: str, secret: str | None = None) -> int:
        app = self.apps[name]
        return self.client.ask(client_id=app["client_id"], client_secret=secret or app["client_secret"]).status_code


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """A backup, losses, the backup put back, `limen restored`, and a start."""
    with Stack(on_disk=True).running() as stack:
        told = Story(stack, Client.of(stack.env), Signer.new("RS256"))
        told.make()
        database = place_of_postgres(stack)
        older = database.with_name("older")
        told.kept = head(stack)
        back_up(stack, database, older)
        told.lose()
        require_exact_mirrors(stack)
        assert stack.stop() == 0
        shutil.rmtree(database)
        older.rename(database)
        with Load(stack, pause=0.2).running() as told.load:
            stack.begin()
            for name in ("token", "key_rotation"):
                until(partial(says_what_to_do, stack, name), 30, stack.story)
            until(lambda: any(call.status == 503 for call in told.load.calls), 10, stack.story)
        yield told


def back_up(stack: Stack, database: Path, copy: Path) -> None:
    """Copy the database while it is stopped; everything else goes on as soon as it is back."""
    with stack.nobody_restarts():
        pid = stack.signal("postgres", SIGINT)
        until(lambda: not (database / "postmaster.pid").exists(), 10)
        subprocess.run(["cp", "-a", database, copy], check=True)
    stack.await_back("postgres", not_pid=pid)
    until(lambda: stack.token().status == 200, 20, stack.story)


def says_what_to_do(stack: Stack, name: str) -> bool:
    try:
        return b"run `limen restored`" in stack.admin(name, "/readyz").body
    except (OSError, IndexError):
        return False


def place_of_postgres(stack: Stack) -> Path:
    """Where its database is: for root perhaps outside the data directory."""
    note = stack.data.path / "postgres-at"
    return Path(note.read_text().strip()) if note.exists() else stack.data.path / "postgres"


@pytest.mark.security("RL-09")
def test_a_restored_older_database_issues_nothing_and_says_what_to_do(story: Story) -> None:
    assert {call.status for call in story.load.calls} <= {0, 503}, summary(story.load.calls)
    assert head(story.stack) == story.kept
    assert says_what_to_do(story.stack, "token")


@pytest.mark.security("RL-09")
def test_a_dry_run_says_what_was_lost_and_changes_nothing(story: Story) -> None:
    before = head(story.stack, log="facts")
    said = story.stack.limen("restored", "--dry-run")
    assert said.returncode == 0, said.stderr
    assert "lost: 1 token.client_deleted" in said.stdout
    assert "nothing was changed" in said.stdout
    assert head(story.stack, log="facts") == before
    assert not (story.stack.data.path / "restored").exists()


def test_without_a_yes_it_changes_nothing(story: Story) -> None:
    before = head(story.stack, log="facts")
    asked = story.stack.limen("restored")
    assert (asked.returncode, head(story.stack, log="facts")) == (1, before)
    assert "nothing was changed" in asked.stderr


@pytest.mark.security("RL-09")
def test_what_was_revoked_stays_revoked_when_an_older_database_is_accepted(story: Story) -> None:
    stack, client = story.stack, story.client
    said = stack.limen("restored", "--yes")
    assert said.returncode == 0, said.stderr
    assert f"to do: rotate the secret of application {story.apps['rotated']['client_id']}" in said.stdout
    for service in ("token", "key_rotation", "gateway"):
        stack.hasten(service)
    again = stack.limen("restored", "--yes")
    assert (again.returncode, again.stdout.splitlines()[-1][:13]) == (0, "nothing to do")
    stack.await_ready()
    assert client.ask().status_code == 200
    assert client.assertion(None, story.spent).status_code == 401
    assert [story.status(name) for name in ("rotated", "deleted")] == [401, 401]
    assert story.status("rotated", story.new_secret) == 401
    assert story.status("overlapping") == 200
    assert story.status("ungranted") == 400
    narrowed = client.ask(**{name: story.apps["narrowed"][name] for name in ("client_id", "client_secret")})
    assert narrowed.json()["scope"] == "read:messages"
    assert story.revoked not in {key["kid"] for key in client.jwks()["keys"]}
    assert client.verified(client.token())["iss"] == client.issuer
    require_epoch_two(stack)
    require_tail(story)
    verified = stack.limen("verify")
    assert verified.returncode == 0, verified.stdout


@pytest.mark.security("RL-09")
def test_after_a_restore_only_assertions_that_are_surely_new_are_believed(story: Story) -> None:
    if not (story.stack.data.path / "restored").exists():
        pytest.skip("it follows the restore")
    now = int(time())
    assert story.client.assertion(None, story.assertion(iat=None, exp=now + 60)).status_code == 401
    # Within the clocks' tolerance a client may still be told to come again.
    until(lambda: story.client.assertion(None, story.assertion()).status_code == 200, 10)


def require_epoch_two(stack: Stack) -> None:
    require_exact_mirrors(stack)
    for service, log in (("token", "facts"), ("token", "activity"), ("key_rotation", "facts")):
        (found,) = rows(stack, f"SELECT epoch FROM {service}.head WHERE log = $1", log)
        assert found["epoch"] == 2, (service, log)
    assert stack.events("--service", "token")[-1]["epoch"] == 2
    behind = rows(stack, "SELECT name FROM tenants.checkpoints WHERE source <> 'EVT_TENANTS_0' AND epoch <> 2")
    assert not behind


def require_tail(story: Story) -> None:
    (file,) = (story.stack.data.path / "restored").glob("*/EVT_TOKEN_0.jsonl")
    assert file.stat().st_mode & 0o777 == 0o600
    lost = [json.loads(line) for line in file.read_text().splitlines()]
    assert [each["pos"] for each in lost] == list(range(lost[0]["pos"], lost[0]["pos"] + len(lost)))
    assert story.lost_app in {each["data"].get("client_id") for each in lost}
    deleted = next(each for each in lost if each["type"] == "token.client_deleted")
    (caused,) = rows(
        story.stack,
        "SELECT meta FROM token.facts WHERE type = 'token.client_deleted' AND meta->>'causation_id' = $1",
        deleted["id"],
    )
    assert json.loads(caused["meta"])["actor"] == {"kind": "operator", "id": "restored"}
