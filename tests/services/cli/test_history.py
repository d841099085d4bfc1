"""`limen history` and `limen state`: looking back, with Postgres alone and no service running."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from libs.bus import Bus
from libs.eventstore import Context, EventStore
from libs.eventstore.opening import migrations_of
from services.cli.main import command
from services.tenants import app as tenants
from services.tenants.commands import ChangeSettings, RegisterTenant
from services.tenants.events import CATALOGUE as OF_TENANTS
from services.token.rules.client_properties import SHOWN_WHEN_ABSENT
from tests.conftest import MakeDatabase, OpenDatabase
from tests.services.token.office import Office, credential, keys
from tests.stack import Stack

MIGRATIONS: Final = {service: migrations_of(service) for service in ("tenants", "token")}


@dataclass
class Said:
    """How a verb ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Archive:
    """What happened, and the verbs that look back at it; NATS is not among their addresses."""

    office: Office
    store: EventStore
    environ: Mapping[str, str]
    capsys: pytest.CaptureFixture[str]
    times: list[datetime] = field(default_factory=list)

    async def limen(self, *arguments: str) -> Said:
        code = await asyncio.to_thread(command, arguments, self.environ)
        return Said(code, *self.capsys.readouterr())

    async def state(self, client_id: str, *when: str) -> Any:
        said = await self.limen("state", "client", client_id, "--tenant", "acme", "--json", *when)
        assert said.code == 0, said.err
        return json.loads(said.out)

    async def now(self) -> datetime:
        """By the clock that decides."""
        async with self.office.database.connection() as rows:
            moment: datetime = await rows.fetchval("SELECT clock_timestamp()")
        return moment


@pytest.fixture
async def archive(
    make_database: MakeDatabase, open_database: OpenDatabase, bus: Bus, capsys: pytest.CaptureFixture[str]
) -> Archive:
    addresses = await make_database(**MIGRATIONS)
    office = await Office.opened(await open_database(addresses.of["token"], "token"), bus)
    theirs = await open_database(addresses.of["tenants"], "tenants")
    environ = {f"LIMEN_{name.upper()}_POSTGRES_URL": url for name, url in addresses.of.items()}
    store = EventStore(theirs, OF_TENANTS, bus, tenants.COMMANDS)
    return Archive(office, store, {**environ, "LIMEN_DATA_DIR": "/nowhere"}, capsys)


async def test_a_person_reads_a_line_per_change(archive: Archive) -> None:
    client_id = (await archive.office.client())["client_id"]
    await archive.office.ask("PATCH", f"clients/{client_id}", {"name": "caf\u00e9"})
    said = await archive.limen("history", "client", client_id, "--tenant", "acme")
    assert said.code == 0
    registered, issued, changed = said.out.splitlines()
    assert "    1  token.client_registered  by client operator  request req-" in registered
    assert "token.client_secret_issued" in issued
    assert changed.endswith('  trace 0af7651916cd43dd8448eb211c80319c  {"properties": {"name": "caf\\u00e9"}}')


async def test_a_program_reads_what_the_management_api_tells(archive: Archive) -> None:
    client_id = (await archive.office.client())["client_id"]
    await archive.office.ask("DELETE", f"clients/{client_id}")
    said = await archive.limen("history", "client", client_id, "--tenant", "acme", "--json")
    answer = await archive.office.ask("GET", f"clients/{client_id}/history")
    assert said.lines == answer.body["history"]


async def test_a_long_history_is_told_whole(archive: Archive) -> None:
    client_id = (await archive.office.client())["client_id"]
    async with archive.office.database.transaction() as rows:
        await rows.execute(
            "INSERT INTO facts SELECT 2 + n, tenant, stream, 2 + n, gen_random_uuid(), 'token.client_changed', 1, "
            "jsonb_build_object('client_id', $1::text, 'properties', jsonb_build_object('name', n::text)), meta, at "
            "FROM facts, generate_series(1, 4200) AS numbers(n) WHERE version = 1",
            client_id,
        )
    said = await archive.limen("history", "client", client_id, "--tenant", "acme", "--json")
    assert [each["version"] for each in said.lines] == list(range(1, 4203))
    state = await archive.state(client_id, "--version", "4002")
    assert state["state"]["properties"]["name"] == "4000"


async def test_the_state_at_each_time_and_version_is_what_the_api_answered_then(archive: Archive) -> None:
    office = archive.office
    client = await office.client(client_metadata={"team": "7"})
    one = f"clients/{client['client_id']}"
    api, other = await office.api(), await office.api()
    key = (await office.ask("POST", f"{one}/credentials", credential())).body
    grant = await office.grant(client, api, "read")
    seen: list[tuple[datetime, int, Any]] = []
    for method, path, body in (
        ("PATCH", one, {"name": "Second", "description": "of its kind"}),
        ("POST", f"{one}/rotate-secret", {"previous_secret_lifetime": 3600}),
        ("PATCH", one, {"description": None, "client_metadata": {"team": "8"}, "app_type": "regular_web"}),
        ("POST", "client-grants", {"client_id": client["client_id"], "audience": other["identifier"], "scope": []}),
        ("PATCH", f"client-grants/{grant['id']}", {"scope": ["read", "write"]}),
        ("PATCH", f"{one}/credentials/{key['id']}", {"expires_at": "2099-01-01T00:00:00.000Z"}),
        ("PATCH", one, {"token_endpoint_auth_method": None, "client_authentication_methods": keys({"id": key["id"]})}),
        ("PATCH", one, {"client_authentication_methods": keys(credential(), credential(name="tablet"))}),
        ("DELETE", f"client-grants/{grant['id']}", None),
        ("DELETE", f"{one}/credentials/{key['id']}", None),
        ("PATCH", one, {"client_authentication_methods": None, "token_endpoint_auth_method": "none"}),
        ("PATCH", one, {"name": "Last"}),
    ):
        answer = await office.ask(method, path, body)
        assert answer.status < 300, (method, path, answer.body)
        seen.append(
            (await archive.now(), await version_of(office, client["client_id"]), await answered(office, client))
        )
    for moment, version, wanted in seen:
        then = await archive.state(client["client_id"], "--at", moment.isoformat())
        assert then == await archive.state(client["client_id"], "--version", str(version))
        assert as_answered(then["state"]) == wanted
    last = await archive.state(client["client_id"], "--at", seen[-1][0].isoformat())
    assert await archive.state(client["client_id"]) == last


async def version_of(office: Office, client_id: str) -> int:
    return len((await office.ask("GET", f"clients/{client_id}/history", query="take=100")).body["history"])


async def answered(office: Office, client: Mapping[str, Any]) -> Any:
    """An application, its keys and its grants, as the Management API shows them."""
    one = f"clients/{client['client_id']}"
    grants = (await office.ask("GET", "client-grants", query=f"client_id={client['client_id']}")).body
    shown = (await office.ask("GET", f"{one}/credentials")).body
    return (
        (await office.ask("GET", one)).body,
        sorted((each["id"], each["kid"], each["name"], moment_of(each.get("expires_at"))) for each in shown),
        sorted((each["id"], each["audience"], each["scope"]) for each in grants),
    )


def as_answered(state: Mapping[str, Any]) -> Any:
    """The same of a state that was folded."""
    by_age = sorted(state["credentials"], key=lambda each: (each["created_at"], each["credential_id"]))
    listed = [{"id": each["credential_id"]} for each in by_age if each["counts"]]
    methods = {"client_authentication_methods": {"private_key_jwt": {"credentials": listed}}} if listed else {}
    ours = {"tenant": "acme", "global": False, "client_id": state["client_id"]}
    return (
        {**SHOWN_WHEN_ABSENT, **state["properties"], **ours, **methods},
        sorted(
            (each["credential_id"], each["kid"], each["name"], moment_of(each["expires_at"]))
            for each in state["credentials"]
        ),
        sorted((each["grant_id"], each["audience"], each["scope"]) for each in state["client_grants"]),
    )


def moment_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


async def test_a_time_of_the_history_is_one_at_which_the_change_had_been_made(archive: Archive) -> None:
    client_id = (await archive.office.client())["client_id"]
    await archive.office.ask("PATCH", f"clients/{client_id}", {"name": "New"})
    told = (await archive.limen("history", "client", client_id, "--tenant", "acme", "--json")).lines
    changed_at = datetime.fromisoformat(told[-1]["occurred_at"])
    assert (await archive.state(client_id, "--at", told[-1]["occurred_at"]))["state"]["properties"]["name"] == "New"
    before = (changed_at - timedelta(microseconds=1)).isoformat()
    assert (await archive.state(client_id, "--at", before))["state"]["properties"]["name"] == "An application"


async def test_what_was_not_there_yet_is_one_line_and_what_is_gone_says_since_when(archive: Archive) -> None:
    before = (await archive.now()).isoformat()
    client_id = (await archive.office.client())["client_id"]
    there = (await archive.now()).isoformat()
    await archive.office.ask("DELETE", f"clients/{client_id}")
    name = ("client", client_id, "--tenant", "acme")
    said = await archive.limen("state", *name, "--at", before)
    assert (said.code, said.out) == (1, "")
    assert said.err == f"limen: there was at {before} no client {client_id} of tenant acme.\n"
    assert (await archive.state(client_id, "--at", there))["is_deleted"] is False
    said = await archive.limen("state", *name)
    assert said.code == 0
    gone = (await archive.state(client_id))["changed_at"]
    assert said.out == f"client {client_id} of tenant acme was deleted at {gone}, by its version 3.\n"
    assert await archive.state(client_id) == {
        "kind": "client", "id": client_id, "tenant": "acme", "version": 3, "changed_at": gone, "is_deleted": True,
        "state": None,
    }  # fmt: skip


@pytest.mark.security("AD-10")
async def test_no_secret_is_in_a_state(archive: Archive) -> None:
    client = await archive.office.client()
    said = await archive.limen("state", "client", client["client_id"], "--tenant", "acme")
    (secret,) = json.loads(said.out)["state"]["secrets"]
    assert set(secret) == {"secret_id", "expires_at"}
    assert client["client_secret"] not in said.out


async def test_a_question_that_cannot_be_answered_is_one_line(archive: Archive) -> None:
    client_id = (await archive.office.client())["client_id"]
    for code, why, arguments in (
        (
            1,
            "there is no client nobody of tenant acme, and there never was one.",
            ("history", "client", "nobody", "--tenant", "acme"),
        ),
        (
            1,
            f"there is no client {client_id} of tenant default, and there never was one.",
            ("history", "client", client_id),
        ),
        (1, f"there is no client {client_id} of tenant default.", ("state", "client", client_id)),
        (1, "there is no tenant nowhere.", ("state", "tenant", "nowhere")),
        (1, "has 2 versions.", ("state", "client", client_id, "--tenant", "acme", "--version", "3")),
        (2, "--version counts from 1.", ("state", "client", client_id, "--version", "0")),
        (2, "with an offset or Z", ("state", "client", client_id, "--at", "2026-11-26T09:30:00")),
        (2, "with an offset or Z", ("state", "client", client_id, "--at", "yesterday")),
        (2, "with an offset or Z", ("state", "client", client_id, "--at", "0001-01-01T00:00:00+14:00")),
    ):
        said = await archive.limen(*arguments)
        assert (said.code, said.out) == (code, ""), arguments
        assert why in said.err
        assert said.err.count("\n") == 1


async def test_apis_and_tenants_are_looked_back_at_in_the_same_way(archive: Archive) -> None:
    api = await archive.office.api("https://api.example/")
    await archive.office.ask("PATCH", f"resource-servers/{api['id']}", {"name": "Renamed"})
    first = await archive.limen("state", "api", api["id"], "--tenant", "acme", "--version", "1", "--json")
    then = await archive.limen("state", "api", api["id"], "--tenant", "acme", "--json")
    assert "name" not in first.lines[0]["state"]["properties"]
    assert then.lines[0]["state"]["properties"]["name"] == "Renamed"
    await archive.store.execute(RegisterTenant(tenant="acme", name="Acme", domain="acme.example"), Context())
    await archive.store.execute(ChangeSettings(tenant="acme", settings={"friendly_name": "Acme Ltd"}), Context())
    told = (await archive.limen("history", "tenant", "acme", "--json")).lines
    assert [each["type"] for each in told] == ["tenants.tenant_registered", "tenants.tenant_settings_changed"]
    (state,) = (await archive.limen("state", "tenant", "acme", "--json")).lines
    assert (state["state"]["domain"], state["state"]["settings"]) == ("acme.example", {"friendly_name": "Acme Ltd"})


def test_an_operator_looks_back_at_an_application_of_a_stack(stack: Stack) -> None:
    made = stack.management("POST", "clients", {"name": "Remembered"}).json()
    path = f"clients/{made['client_id']}"
    assert stack.management("PATCH", path, {"name": "Renamed"}).status == 200
    told = stack.management("GET", f"{path}/history").json()["history"]
    done = stack.limen("history", "client", made["client_id"], "--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == told, done.stderr
    done = stack.limen("state", "client", made["client_id"], "--at", told[0]["occurred_at"])
    assert json.loads(done.stdout)["state"]["properties"]["name"] == "Remembered"
    assert stack.management("DELETE", path).status == 204
    done = stack.limen("state", "client", made["client_id"])
    assert "was deleted at" in done.stdout


def test_what_is_recorded_in_all_logs_is_told_in_the_order_of_its_moments(stack: Stack) -> None:
    stack.access_token()
    told = stack.events()
    moments = [datetime.fromisoformat(each["at"]) for each in told]
    assert moments == sorted(moments)
    assert {each["type"].partition(".")[0] for each in told} >= {"tenants", "token", "key_rotation", "connections"}
    places = [(each["type"].partition(".")[0], each["log"], each["pos"]) for each in told]
    assert len(set(places)) == len(places)
