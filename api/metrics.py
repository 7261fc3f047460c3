"""What Prometheus asks of the service."""

import hmac
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from api import access_log, auth
from api.services import reads, services
from domain.commands import sweeping
from events import outstanding, parked
from events.subscriptions import INDEX_SEARCH, REACTIONS, UNROUTED
from infra import metrics, queue_depths, starts
from infra.clock import now

logger = logging.getLogger(__name__)
blueprint = APIBlueprint("metrics", __name__)

# A request with one of these headers came through a proxy, so it is not from this machine itself.
PASSED_ON = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via")


def measured(wsgi_app: Callable[..., Any], access: str = "none") -> Callable[..., Any]:
    """WSGI middleware around all others: counts each request under the route that answered it, and logs those that
    ``access`` (ACCESS_LOG) wants."""
    wanted = access_log.WANTED[access]

    def measure(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        began = time.perf_counter()
        lines: list[Callable[[Any], None]] = []

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            # Flask leaves its request here until the answer has begun.
            rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
            route = environ["SCRIPT_NAME"] + rule.rule if rule else None
            method, code, seconds = environ["REQUEST_METHOD"], status[:3], time.perf_counter() - began
            metrics.requests.observe(method, route, code, seconds)
            if wanted(method, code, seconds):
                lines.append(access_log.line(environ, metrics.named(route), code, seconds, headers))
            return start_response(status, headers, *more)

        body = wsgi_app(environ, start)
        for tell in lines:
            tell(body)
        return body

    return measure


@blueprint.get("/metrics")
@blueprint.output({}, content_type="text/plain")
@blueprint.doc(responses=[403])
def read_metrics() -> Response:
    """Figures for Prometheus: to this machine itself, to METRICS_TOKEN, and to administrators"""
    if not (_is_local() or _has_token()):
        auth.require_admin(auth.bearer_of(request.headers.get("Authorization")))
    registry = CollectorRegistry()
    registry.register(_Figures())
    return Response(generate_latest(registry), 200, {"Cache-Control": "no-store"}, content_type=CONTENT_TYPE_LATEST)


def _is_local() -> bool:
    try:
        is_loopback = ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
    return is_loopback and not any(name in request.headers for name in PASSED_ON)


def _has_token() -> bool:
    token = services().settings.metrics_token
    sent = request.headers.get("Authorization", "")
    return token is not None and hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())


class _Figures:
    """Collect the current figures. A part that is down loses its own figures and is reported as down."""

    def collect(self) -> Iterator[Metric]:
        yield from metrics.collect()
        yield from _of_programs()
        up = GaugeMetricFamily("sinpluma_up", "Whether a part could be asked for its figures.", labels=["part"])
        for part, ask in {"database": _of_database, "redis": _of_redis}.items():
            found = _asked(part, ask)
            yield from found
            up.add_metric([part], bool(found))
        yield up


def _asked(part: str, ask: Callable[[], Iterable[Metric]]) -> list[Metric]:
    try:
        return list(ask())
    except Exception as error:
        logger.warning("no figures of the %s: %s", part, type(error).__name__)
        return []


def _of_database() -> Iterator[Metric]:
    # As requests ask: that a pooled connection has died meanwhile is no outage.
    ask = reads().current.ask
    waiting, oldest = ask(parked.waiting)
    owed, orphans = ask(parked.counts), ask(sweeping.orphan_bytes)
    _, unindexed = ask(outstanding.backlog, INDEX_SEARCH)
    yield _gauge("sinpluma_events_pending", "Events that the relay has not handed out yet.", waiting)
    yield _gauge("sinpluma_events_oldest_seconds", "Age of the oldest of them.", _age(oldest))
    yield _owed(owed)
    yield _lags(ask(outstanding.oldest_owed))
    yield _gauge("sinpluma_index_lag_seconds", "Age of the oldest change that search does not show.", _age(unindexed))
    yield _gauge("sinpluma_orphan_bytes", "Objects in the store that no row knows, as the sweep found them.", orphans)


def _lags(oldest: dict[str, datetime]) -> Metric:
    family = GaugeMetricFamily(
        "sinpluma_reaction_lag_seconds", "Age of the oldest event that a reaction still owes.", labels=["consumer"]
    )
    for reaction in REACTIONS:
        family.add_metric([reaction], _age(oldest.get(reaction)))
    return family


def _of_programs() -> Iterator[Metric]:
    ends = GaugeMetricFamily(
        "sinpluma_program_ends",
        "Processes that were started in the last five minutes and are gone.",
        labels=["program"],
    )
    for name, count in starts.ended(services().settings.var).items():
        ends.add_metric([name], count)
    yield ends


def _owed(counts: dict[tuple[str, str], int]) -> Metric:
    family = GaugeMetricFamily(
        "sinpluma_deliveries",
        "What reactions owe: pending, or parked after too many tries.",
        labels=["consumer", "state"],
    )
    for reaction in (*REACTIONS, UNROUTED):
        for state in parked.STATES:
            family.add_metric([reaction, state], counts.get((reaction, state), 0))
    return family


def _of_redis() -> Iterator[Metric]:
    depth = GaugeMetricFamily("sinpluma_queue_depth", "Jobs that wait for a worker.", labels=["queue"])
    oldest = GaugeMetricFamily("sinpluma_queue_oldest_seconds", "Age of the oldest of them.", labels=["queue"])
    for name, found in queue_depths.depths(services().queues, REACTIONS).items():
        depth.add_metric([name], found.jobs)
        oldest.add_metric([name], found.seconds)
    dropped = CounterMetricFamily("sinpluma_jobs_dropped", "Jobs that were not the relay's, since Redis was emptied.")
    dropped.add_metric([], queue_depths.dropped(services().queues))
    yield from (depth, oldest, dropped)


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value)


def _age(at: Any) -> float:
    return max((now() - at).total_seconds(), 0.0) if at else 0.0
