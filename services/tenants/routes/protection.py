"""`/api/v2/attack-protection`: what protects people from guessing, as far as it exists; `login` obeys.

Every number is bounded so that there is a limit whatever is said (LG-04): what is switched off, and an address that is
on an allowlist, has the loosest that can be set.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from libs.edge import Call, Route, answers
from libs.edge.management_errors import NotFound, PayloadTooLarge
from libs.edge.operation import Operation
from libs.edge.schema import Array, Boolean, Integer, Object, Property, Resource, Text
from libs.edge.validation import changed
from libs.edge.wire import Reply
from libs.edge.writes import context_of, patience, settled
from libs.eventstore import Applied, EventStore, EventTooLarge
from services.tenants import queries
from services.tenants.commands import ChangeProtection, Shield
from services.tenants.rules.protection import effective
from services.tenants.rules.tenant import NoSuchTenant

PATH: Final = "/api/v2/attack-protection/"

ALLOWLIST: Final = Array(Text(format="ip-network", max_length=64), is_unique=True)
ATTEMPTS: Final = Integer(minimum=1, maximum=900)
RATE: Final = Integer(minimum=1000, maximum=86_400_000)
STAGE: Final = Object(
    Property("max_attempts", ATTEMPTS, "How many may be made at once"),
    Property("rate", RATE, "Milliseconds after which one more may be made"),
)

BRUTE_FORCE: Final = Resource(
    "brute_force_protection",
    Property("enabled", Boolean(), "Whether an account is watched; when not, 100 wrong passwords an hour are the most"),
    Property("shields", Array(Text(enum=("block", "user_notification")), is_unique=True),
             "What happens after max_attempts: no more for a day, a mail to the person"),
    Property("allowlist", ALLOWLIST, "Addresses and networks for which it is as if it were not enabled"),
    Property("mode", Text(enum=("count_per_identifier", "count_per_identifier_and_ip")),
             "Whether wrong passwords for an account count together, or those of each address by themselves"),
    Property("max_attempts", Integer(minimum=1, maximum=100), "Wrong passwords within an hour"),
    Property("form_submission_mode", Text(enum=("auto", "manual")), waits="mails whose links ask once more"),
)  # fmt: skip

SUSPICIOUS_IP: Final = Resource(
    "suspicious_ip_throttling",
    Property("enabled", Boolean(), "Whether the stages hold; when not, 900 at once and one a second are the most"),
    Property("shields", Array(Text(enum=("block", "admin_notification")), is_unique=True),
             "Without block it is as if it were not enabled",
             waits="mails to administrators, for the value admin_notification"),
    Property("allowlist", ALLOWLIST, "Addresses and networks for which it is as if it were not enabled"),
    Property("stage", Object(
        Property("pre-login", STAGE, "Wrong passwords of one address, for whichever accounts"),
        Property("pre-user-registration", STAGE, "Sign-ups of one address"),
        Property("pre-custom-token-exchange", STAGE, "Token exchanges of one address", waits="token exchange"),
    ), "How much one address may try"),
)  # fmt: skip

RESOURCES: Final[dict[Shield, Resource]] = {
    "brute_force_protection": BRUTE_FORCE,
    "suspicious_ip_throttling": SUSPICIOUS_IP,
}


class ProtectionRoutes:
    """The handlers."""

    def __init__(self, store: EventStore, applied: Applied) -> None:
        self._store = store
        self._applied = applied

    def routes(self) -> tuple[Route, ...]:
        """Both protections, read and changed."""
        return tuple(each for shield, resource in RESOURCES.items() for each in self._routes(shield, resource))

    def _routes(self, shield: Shield, resource: Resource) -> tuple[Route, ...]:
        path = PATH + shield.replace("_", "-")
        read, change = Operation(answer=resource), Operation(body=resource, answer=resource)
        return (
            Route("GET", path, self._reading(shield), scopes=("read:attack_protection",), operation=read),
            Route("PATCH", path, self._changing(shield), scopes=("update:attack_protection",), operation=change),
        )

    def _reading(self, shield: Shield) -> Callable[[Call], Awaitable[Reply]]:
        async def read(call: Call) -> Reply:
            """What holds."""
            tenant = await queries.tenant(self._store.database, call.tenant)
            if tenant is None:
                raise _no_tenant()
            return answers.json(effective(tenant.protection, shield))

        return read

    def _changing(self, shield: Shield) -> Callable[[Call], Awaitable[Reply]]:
        async def change(call: Call) -> Reply:
            """Change what holds; the answer waits until those who obey it have heard."""
            settings = changed(RESOURCES[shield], call)
            command = ChangeProtection(tenant=call.tenant, shield=shield, settings=settings)
            try:
                committed = await self._store.execute(command, context_of(call))
            except NoSuchTenant as error:
                raise _no_tenant() from error
            except EventTooLarge as error:
                raise PayloadTooLarge("The settings of one change are too large together.") from error
            headers = await settled(self._applied, committed, within=patience(call))
            return answers.json(effective(committed.state.tenant.protection, shield), headers=headers)

        return change


def _no_tenant() -> NotFound:
    return NotFound("The tenant does not exist.", "inexistent_tenant")
