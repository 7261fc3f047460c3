"""Read your own writes: what the workers have not got to yet is applied on the spot, from the log."""

import logging

from sqlalchemy import Connection, Engine

from events import deliveries, log
from events.event import DamagedEvent, UnknownEvent
from infra.database import retrying
from read_models import views

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 500


def catch_up(reading: Connection, writing: Engine, owner_id: str) -> None:
    """Bring the owner's views up to what is committed now.

    Nearly always there is nothing to do and this costs one query. The workers will apply the same events again, to no
    effect, so nothing is marked as done here.
    """
    newest: dict[str, tuple[int, str]] = {}
    for event_id, aggregate_id, version in deliveries.not_in_views(reading, owner_id):
        newest[aggregate_id] = max(newest.get(aggregate_id, (0, "")), (version, event_id))
    event_ids = sorted(event_id for _, event_id in newest.values())
    for start in range(0, len(event_ids), MOST_AT_ONCE):
        _apply(writing, event_ids[start : start + MOST_AT_ONCE])


def _apply(writing: Engine, event_ids: list[str]) -> None:
    try:
        retrying(lambda: _project(writing, event_ids))
    except (DamagedEvent, UnknownEvent) as error:
        # The worker will park it and an operator will see it; one bad event must not cost its author all reads.
        if len(event_ids) == 1:
            logger.error("left out of the views: %s", error)
            return
        for event_id in event_ids:
            _apply(writing, [event_id])


def _project(writing: Engine, event_ids: list[str]) -> None:
    with writing.begin() as connection:
        views.project(connection, log.load(connection, event_ids))
