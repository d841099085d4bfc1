"""`/api/v2/jobs/{id}`: what became of a verification mail that was asked for."""

from dataclasses import dataclass
from typing import Final

from libs.edge import Call, Reply, Route, answers
from libs.edge.management_errors import NotFound
from libs.edge.operation import Operation
from services.login.routes.people_desk import PeopleDesk, told
from services.login.routes.user_schema import JOB
from services.login.rows import jobs
from services.login.rows.jobs import Job

SCOPES: Final = ("create:users", "read:users")
"""As at Auth0: either."""

WHY: Final = "The mail was not sent: too many were asked for, or it could not be handed on."


class NoSuchJob(NotFound):
    """The tenant has no job of this id, or it is more than a day old."""

    def __init__(self) -> None:
        super().__init__("The job does not exist.", "inexistent_job")


def routes(desk: PeopleDesk) -> tuple[Route, ...]:
    """The table of routes."""
    asked = JobRoutes(desk)
    read, errors = Operation(answer=JOB, errors=(404,)), Operation(status=204, errors=(404,))
    return (
        Route("GET", "/api/v2/jobs/{id}", asked.read, scopes=SCOPES, operation=read),
        Route("GET", "/api/v2/jobs/{id}/errors", asked.errors, scopes=SCOPES, operation=errors),
    )


@dataclass(frozen=True)
class JobRoutes:
    """The handlers."""

    desk: PeopleDesk

    async def read(self, call: Call) -> Reply:
        """How far the job is: `pending` until its mail was handed on, then `completed`, or `failed`; for a day."""
        return answers.json(members_of(await self._found(call)))

    async def errors(self, call: Call) -> Reply:
        """Nothing: only a job that imports users has errors to list, one for each; why one failed, it says itself."""
        await self._found(call)
        return answers.empty()

    async def _found(self, call: Call) -> Job:
        async with self.desk.database.connection() as rows:
            job = await jobs.find(rows, call.tenant, call.parameters["id"])
        if job is None:
            raise NoSuchJob
        return job


def members_of(job: Job) -> dict[str, str]:
    """A job in Auth0's shape."""
    said = {"id": job.job_id, "type": job.type, "status": job.status, "created_at": told(job.created_at)}
    return said | ({"status_details": WHY} if job.status == "failed" else {})
