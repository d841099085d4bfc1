"""Every event any version ever wrote still folds and projects, into the rows and the memory of this version."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from libs.eventstore import Envelope, Event, Fact
from libs.eventstore.opening import migrations_of
from services.audit import projections as audit
from services.cli.stack import STORES, catalogue, exported
from services.gateway.projections.hosts import Hosts
from services.tenants.events import TenantDomainChanged
from tests.compatibility.published import read
from tests.compatibility.record import FOLDER
from tests.conftest import MakeDatabase, OpenDatabase

VERSIONS: Final = sorted(FOLDER.glob("*"))
FOLDS: Final = [(service, check) for service in STORES for check in exported(service, "AGGREGATES")]
PROJECTIONS: Final = [each for service in STORES for each in exported(service, "PROJECTIONS")]

MIGRATIONS: Final = {service: migrations_of(service) for service in STORES}

READ_MODELS: Final = [
    pytest.param(version, each, id=f"{version.name}-{each.service}-{each.name}")
    for version in VERSIONS
    for each in PROJECTIONS
    if any(version.glob(f"{each.source.service}.*.json"))  # a service that a version did not have said nothing
]

Happened = Sequence[tuple[Envelope, Event]]


def happened(version: Path, service: str) -> Happened:
    """A version's events of one service, in the order of their log."""
    found = [read(file) for file in version.glob(f"{service}.*.json")]
    return sorted(found, key=lambda each: (each[0].log, each[0].pos))


def moved_to(facts: Happened) -> str:
    """The domain the recorded tenant had in the end."""
    (domain,) = (event.domain for _, event in facts if isinstance(event, TenantDomainChanged))
    return domain


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize(("service", "check"), FOLDS, ids=lambda each: getattr(each, "name", each))
def test_recorded_facts_fold_into_an_aggregate(version: Path, service: str, check: Any) -> None:
    state = check.initial
    for envelope, event in happened(version, service):
        if isinstance(event, Fact) and (envelope.stream or "").startswith(check.streams):
            state = check.evolve(state, event)
    check.shape(state)


@pytest.mark.parametrize(("version", "projection"), READ_MODELS)
async def test_recorded_facts_project_into_rows(
    version: Path, projection: Any, make_database: MakeDatabase, open_database: OpenDatabase
) -> None:
    service = projection.service
    addresses = await make_database(**{service: MIGRATIONS[service]})  # some facts also empty rows of its own
    database = await open_database(addresses.of[service], service)
    facts = happened(version, projection.source.service)
    assert {type(event) for _, event in facts} >= projection.handles.keys()
    async with database.transaction() as rows:
        await rows.execute(projection.ddl.format(table="recorded"))
        await projection.apply(rows, "recorded", [envelope for envelope, _ in facts])
        found = [dict(row) for row in await rows.fetch("SELECT * FROM recorded")]
    assert {row["tenant"] for row in found} <= {"default"}
    if projection.source.service == "tenants":
        (row,) = found
        assert moved_to(facts) in {row.get("domain"), urlsplit(row.get("issuer", "")).netloc}


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_recorded_facts_are_remembered_by_those_who_follow_in_memory(version: Path) -> None:
    tenants, hosts, callers = happened(version, "tenants"), Hosts(), audit.callers()
    for each in tenants:
        hosts.apply(*each)
        callers.tenant_fact(*each)
    for each in happened(version, catalogue("key_rotation").service):
        callers.key_fact(*each)
    tenant = hosts.find(moved_to(tenants), "http")
    assert tenant is not None
    assert tenant.is_open
    assert callers.issuers.of("default") == f"http://{moved_to(tenants)}/"
