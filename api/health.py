"""Whether the process lives, and whether its parts do."""

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint, Schema, fields
from flask import Response
from marshmallow import validate

from api.services import reads, services
from events import outstanding
from infra import objects, starts
from infra.clock import now
from infra.database import ping
from queries.answer import encode

blueprint = APIBlueprint("health", __name__, enable_openapi=True)


class Health(Schema):
    status = fields.String()


class Checks(Schema):
    """Each ``ok``, or what is wrong."""

    database = fields.String()
    redis = fields.String()
    objects = fields.String()
    relay = fields.String()


class Readiness(Schema):
    status = fields.String(validate=validate.OneOf(["ok", "degraded", "down"]))
    checks = fields.Nested(Checks)


_WHEN_DOWN: Any = {
    503: {"description": "The database is down.", "content": {"application/json": {"schema": Readiness}}}
}
# Longer than a resend takes, so that one lost job raises no alarm.
TOO_OLD_SECONDS = 60


@blueprint.get("/healthz")
@blueprint.output(Health)
def healthz() -> dict[str, str]:
    """200 while the process lives"""
    return {"status": "ok"}


@blueprint.get("/readyz")
@blueprint.output(Readiness)
@blueprint.doc(responses=_WHEN_DOWN)
def readyz() -> Response:
    """The state of each part: down means that the database is"""
    checks = {name: _state(check) for name, check in CHECKS.items()}
    down = checks["database"] != "ok"
    status = "down" if down else "ok" if set(checks.values()) == {"ok"} else "degraded"
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "2"} if down else {})
    body = encode({"status": status, "checks": checks})
    return Response(body, 503 if down else 200, headers, mimetype="application/json")


def _state(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:
        # The name alone: the message may hold an address or an account.
        return f"not reachable ({type(error).__name__})"


def _database() -> str:
    # As requests ask: that a pooled connection has died meanwhile is no outage.
    reads().current.ask(ping)
    return "ok"


def _redis() -> str:
    return "ok" if services().shared.is_alive() else "not reachable"


def _objects() -> str:
    objects.check(services().settings)
    return "ok"


def _relay() -> str:
    """Everything in the background: the relay, each reaction's worker, and programs in a crash loop."""
    found = _lags() + [
        f"{name} has ended {count} times in {starts.WINDOW_SECONDS // 60} minutes"
        for name, count in starts.loops(services().settings.var).items()
    ]
    return "; ".join(found) or "ok"


def _lags() -> list[str]:
    ask = reads().current.ask
    oldest = {"the relay": ask(outstanding.oldest_waiting), **ask(outstanding.oldest_owed)}
    ages = {name: int((now() - at).total_seconds()) for name, at in oldest.items() if at}
    return [f"{name}: events wait, the oldest for {age} s" for name, age in ages.items() if age > TOO_OLD_SECONDS]


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "redis": _redis,
    "objects": _objects,
    "relay": _relay,
}
