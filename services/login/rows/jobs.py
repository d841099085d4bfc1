"""The rows of jobs: what the Management API was asked to have done, and whether that was handed on.

A job has no status of its own. It names the errand that does it, so that whoever hands the errand on writes nothing
beside it, and the two never disagree.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from libs.postgres import Connection

Status = Literal["pending", "completed", "failed"]

BEGIN: Final = """
INSERT INTO jobs (tenant, job_id, person, type, errand, created_at) SELECT $1, $2, $3, $4, $5, $6
WHERE EXISTS (SELECT FROM people WHERE tenant = $1 AND person = $3 FOR KEY SHARE)
"""

FIND: Final = """
SELECT job_id, type, created_at, CASE WHEN errand IS NULL THEN 'failed'
    WHEN EXISTS (SELECT FROM errands WHERE errands.id = jobs.errand) THEN 'pending' ELSE 'completed' END AS status
FROM jobs WHERE tenant = $1 AND job_id = $2
"""

FAIL: Final = "UPDATE jobs SET errand = NULL WHERE tenant = $1 AND errand = $2"
"""An errand is given up; that is rare, and a tenant's jobs of a day are few."""

FORGET: Final = """
DELETE FROM jobs WHERE (tenant, job_id) IN (
    SELECT tenant, job_id FROM jobs WHERE created_at < clock_timestamp() - interval '1 day' LIMIT 10000)
"""


@dataclass(frozen=True)
class Job:
    """One job, as it stands."""

    job_id: str
    type: str
    created_at: datetime
    status: Status


async def begin(rows: Connection, tenant: str, person: str, job: Job, errand: UUID | None) -> None:
    """Keep a job that `errand` does, or that nothing does and so has failed; of who is gone none is kept."""
    await rows.execute(BEGIN, tenant, job.job_id, person, job.type, errand, job.created_at)


async def find(rows: Connection, tenant: str, job_id: str) -> Job | None:
    """The job of this id."""
    row = await rows.fetchrow(FIND, tenant, job_id)
    return None if row is None else Job(**row)


async def fail(rows: Connection, tenant: str, errand: UUID) -> None:
    """The job that an errand did has failed, in the transaction that gives the errand up."""
    await rows.execute(FAIL, tenant, errand)
