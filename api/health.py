"""Whether the process lives, and whether its parts do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint, Schema, fields
from flask import Response
from marshmallow import validate
from sqlalchemy import text

from api.http import encode
from api.services import services
from events import deliveries
from events.subscriptions import UPDATE_VIEWS
from infra import objects
from infra.clock import now

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
# Longer than a resend takes, so that a lost job alone raises no alarm.
TOO_OLD = timedelta(seconds=60)


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
    with services().reading.connect() as connection:
        connection.execute(text("SELECT 1"))
    return "ok"


def _redis() -> str:
    return "ok" if services().shared.is_alive() else "not reachable"


def _objects() -> str:
    objects.check(services().settings)
    return "ok"


def _relay() -> str:
    with services().reading.connect() as connection:
        count, oldest = deliveries.backlog(connection, UPDATE_VIEWS)
    if oldest and now() - oldest > TOO_OLD:
        return f"{count} events wait, the oldest for {int((now() - oldest).total_seconds())} s"
    return "ok"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "redis": _redis,
    "objects": _objects,
    "relay": _relay,
}
