"""Read your own writes: what the workers have not got to yet is applied on the spot, from the log."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from events import log, outstanding
from events.event import DamagedEvent, UnknownEvent
from events.subscriptions import CUT_REVISIONS, TRACK_REFERENCES
from infra import crash
from infra.database import retrying
from read_models import references, revisions, views
from read_models.model import Model
from read_models.rebuilding import progress

logger = logging.getLogger(__name__)

# What is loaded at once. An event has a text of up to a mebibyte, so their number alone bounds nothing.
MOST_AT_ONCE = 500
MOST_BYTES_AT_ONCE = 8 * 1024 * 1024
# So few may be of any size.
A_FEW = MOST_BYTES_AT_ONCE // (1024 * 1024)


def catch_up(reading: Connection, writing: Engine, owner_id: str) -> None:
    """Bring the owner's views up to what is committed now.

    Nearly always there is nothing to do and this costs one query. The workers will apply the same events again, to no
    effect, so nothing is marked as done here.
    """
    newest: dict[str, tuple[int, str]] = {}
    for event_id, aggregate_id, version in outstanding.not_in_views(reading, owner_id):
        newest[aggregate_id] = max(newest.get(aggregate_id, (0, "")), (version, event_id))
    event_ids = [event_id for _, event_id in newest.values()]
    _in_batches(reading, event_ids, lambda batch: _project(writing, batch, views.MODEL))


def catch_up_revisions(reading: Connection, writing: Engine, owner_id: str, aggregate_ids: Collection[str]) -> None:
    """Cut the revisions that these aggregates' events still lack: as above, but each event counts."""
    event_ids = _not_cut(reading, owner_id, aggregate_ids)
    _in_batches(reading, event_ids, lambda batch: _project(writing, batch, revisions.MODEL))


def cut_revisions_within(connection: Connection, owner_id: str, aggregate_ids: Collection[str]) -> None:
    """The same in the transaction of the caller."""

    def cut(batch: list[str]) -> None:
        revisions.project(connection, log.load(connection, batch))

    _in_batches(connection, _not_cut(connection, owner_id, aggregate_ids), cut)


def track_references_within(connection: Connection, owner_id: str) -> None:
    """Let a link that was saved a moment ago count, in the transaction of the caller."""

    def track(batch: list[str]) -> None:
        references.project(connection, log.load(connection, batch))

    _in_batches(connection, _not_tracked(connection, owner_id), track)


def catch_up_references(reading: Connection, writing: Engine, owner_id: str) -> None:
    """The same for a read."""
    event_ids = _not_tracked(reading, owner_id)
    _in_batches(reading, event_ids, lambda batch: _project(writing, batch, references.MODEL))


def _not_tracked(connection: Connection, owner_id: str) -> list[str]:
    # Also what was given up: a picture goes for good when nothing uses it, so better ask once too often.
    owed = outstanding.not_seen_by(connection, TRACK_REFERENCES, owner_id, parked=True)
    return [event_id for event_id, _, _ in owed]


def _not_cut(connection: Connection, owner_id: str, aggregate_ids: Collection[str]) -> list[str]:
    owed = outstanding.not_seen_by(connection, CUT_REVISIONS, owner_id)
    return [event_id for event_id, aggregate_id, _ in owed if aggregate_id in aggregate_ids]


def _in_batches(connection: Connection, event_ids: list[str], apply: Callable[[list[str]], None]) -> None:
    sizes = log.sizes(connection, event_ids) if len(event_ids) > A_FEW else dict.fromkeys(event_ids, 0)
    for batch in _batches(sorted(event_ids), sizes):
        _apply(batch, apply)


def _batches(event_ids: list[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """In the same order, each batch of no more events and bytes than are loaded at once."""
    batch: list[str] = []
    room = MOST_BYTES_AT_ONCE
    for event_id in event_ids:
        # An event that the log does not hold any more has no size.
        size = sizes.get(event_id, 0)
        if batch and (size > room or len(batch) == MOST_AT_ONCE):
            yield batch
            batch, room = [], MOST_BYTES_AT_ONCE
        batch.append(event_id)
        room -= size
    if batch:
        yield batch


def _apply(event_ids: list[str], apply: Callable[[list[str]], None]) -> None:
    try:
        apply(event_ids)
    except (DamagedEvent, UnknownEvent, CannotProject) as error:
        # The worker will park it and an operator will see it; one bad event must not cost its author all reads.
        if len(event_ids) == 1:
            logger.error("left out of the views: %s", error)
            return
        for event_id in event_ids:
            _apply([event_id], apply)


class CannotProject(Exception):
    """A read model fails on what an event says; nothing of it is stored."""


def _project(writing: Engine, event_ids: list[str], model: Model) -> None:
    def once() -> None:
        with writing.begin() as connection:
            progress.note(connection, model, event_ids)
            events = log.load(connection, event_ids)
            try:
                model.project(connection, events)
            except DBAPIError:
                raise
            except Exception as error:
                raise CannotProject(f"{type(error).__name__}: {error}") from error
            crash.point("view caught up")

    retrying(once)
