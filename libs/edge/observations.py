"""What is told about each request: one canonical log line, and numbers whose labels a stranger cannot multiply."""

from functools import cache
from typing import Final

from libs.edge.routes import Route, RouteTable
from libs.edge.wire import Request
from libs.telemetry.logs import canonical, log
from libs.telemetry.metrics import Counter, Histogram

CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")
UNMATCHED: Final = "unmatched"
BROKEN: Final = frozenset({500})


class _Metrics:
    """The metrics of one service in this process, made once: Prometheus knows each name but once."""

    def __init__(self, service: str, routes: tuple[str, ...], slots: tuple[str, ...]) -> None:
        self.requests = Counter(
            f"limen_{service}_requests",
            "Requests answered, by route and class of status.",
            route=(*routes, UNMATCHED),
            status=CLASSES,
        )
        self.seconds = Histogram(
            f"limen_{service}_request_seconds", "Time from taking a request up to its answer.", slot=slots
        )
        self.expired = Counter(f"limen_{service}_requests_expired", "Requests dropped because nobody waited any more.")


_metrics = cache(_Metrics)


class Observations:
    """Tells what became of the requests of one service."""

    def __init__(self, service: str, table: RouteTable) -> None:
        names = tuple(sorted(route.name for route in table))
        self._metrics = _metrics(service, names, tuple(sorted({route.slot or "" for route in table})))

    def expired(self) -> None:
        """Count a request that was dropped past its deadline."""
        self._metrics.expired.count()

    def request(
        self, request: Request, route: Route | None, status: int, seconds: float, failure: Exception | None
    ) -> None:
        """Tell of one answered request; a failure that nobody foresaw is told with its traceback."""
        name = UNMATCHED if route is None else route.name
        self._metrics.requests.count(name, CLASSES[status // 100 - 1])
        if route is not None:
            self._metrics.seconds.observe(seconds, route.slot or "")
        told: dict[str, object] = {
            "method": request.method[:16],
            "route": UNMATCHED if route is None else route.template,
            "status": status,
            "duration_ms": round(seconds * 1000, 2),
            "request_id": request.request_id,
            "tenant": request.tenant,
            **_why(status, failure),
        }
        if status in BROKEN:
            log.error("request", **told)
        else:
            canonical("request", told)


def _why(status: int, failure: Exception | None) -> dict[str, object]:
    if failure is None:
        return {}
    told: dict[str, object] = {"reason": type(failure).__name__}
    if failure.__cause__ is not None:
        told["because"] = type(failure.__cause__).__name__
    return {**told, "exc_info": failure} if status in BROKEN else told
