"""The event log, the record of everything, and the outbox: which of its events the relay has yet to see.

Both are written in the command's own transaction, so an event exists exactly when its change does.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    select,
    tuple_,
)

from events.event import Event, decode, encode
from infra import together
from infra.clock import first_id
from infra.database import Id, LongText, UtcDateTime, table
from infra.together import Said

events = table(
    "events",
    Column("id", Id, primary_key=True),
    Column("type", String(40), nullable=False),
    Column("aggregate_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("actor_id", Id),
    Column("correlation_id", String(64), nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("payload", LongText, nullable=False),
    # The last guard against two writers of one version: the second insert fails.
    UniqueConstraint("aggregate_id", "version", name="uq_events_aggregate_version"),
)

# What the relay, the freshness check and the search need to know of an event without reading its payload.
outbox = table(
    "outbox",
    Column("event_id", Id, primary_key=True),
    Column("type", String(40), nullable=False),
    Column("aggregate_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("withdraws", Id),
    Column("occurred_at", UtcDateTime, nullable=False),
    # How many bytes of text the owner has more than before; see events/usage.py.
    Column("grown", BigInteger, nullable=False, server_default="0"),
    Index("ix_outbox_owner", "owner_id"),
    Index("ix_outbox_withdraws", "withdraws"),
)


# Built once, here and below: to build and compile a statement costs several times what it costs to send it.
_of_aggregate = select(events).where(events.c.aggregate_id == bindparam("key"))
_newest = _of_aggregate.order_by(events.c.version.desc()).limit(1)
_at = _of_aggregate.where(events.c.version == bindparam("version"))
_key, _version = events.c.aggregate_id, events.c.version
_last = select(_key, func.max(_version).label("version")).where(_key.in_(bindparam("keys", expanding=True)))
_ends = _last.group_by(_key).subquery()
_newest_of_each = select(events).join(_ends, (_key == _ends.c.aggregate_id) & (_version == _ends.c.version))
_load = select(events).where(events.c.id.in_(bindparam("ids", expanding=True))).order_by(events.c.id)


def appended(batch: Sequence[Event], grown: int = 0) -> list[Said]:
    """What adds events and marks them as pending, for a transaction with the change that they tell of. ``grown``: how
    many bytes of text their owner, who is one and the same, has more than before."""
    rows = together.insertions(events, [_row(event) for event in batch])
    owed = [_pending(event, 0 if number else grown) for number, event in enumerate(batch)]
    return rows + together.insertions(outbox, owed)


def _row(event: Event) -> dict[str, object]:
    return {
        "id": event.id,
        "type": event.fact.name,
        "aggregate_id": event.aggregate_id,
        "version": event.version,
        "actor_id": event.actor_id,
        "correlation_id": event.correlation_id,
        "occurred_at": event.occurred_at,
        "payload": encode(event.fact),
    }


def _pending(event: Event, grown: int) -> dict[str, object]:
    return {
        "event_id": event.id,
        "type": event.fact.name,
        "aggregate_id": event.aggregate_id,
        "version": event.version,
        "owner_id": event.fact.owner_id,
        "withdraws": event.fact.withdraws,
        "occurred_at": event.occurred_at,
        "grown": grown,
    }


def _event(row: Row[tuple[object, ...]]) -> Event:
    return Event(
        id=row.id,
        aggregate_id=row.aggregate_id,
        version=row.version,
        actor_id=row.actor_id,
        correlation_id=row.correlation_id,
        occurred_at=row.occurred_at,
        fact=decode(row.type, row.payload),
    )


def load(connection: Connection, event_ids: Iterable[str]) -> list[Event]:
    """The events of these ids, oldest first; ids that the log does not hold are left out.

    Raises:
        UnknownEvent, DamagedEvent: one of them can't be read.
    """
    rows = connection.execute(_load, {"ids": list(event_ids)})
    return [_event(row) for row in rows]


def requests_of(connection: Connection, event_ids: Collection[str]) -> list[str]:
    """The ids of the requests that these events came from, each once, in the order of the events."""
    query = select(events.c.correlation_id).where(events.c.id.in_(list(event_ids))).order_by(events.c.id)
    return list(dict.fromkeys(connection.scalars(query)))


def sizes(connection: Connection, event_ids: Collection[str]) -> dict[str, int]:
    """How many bytes the payloads of these events have; events that the log does not hold are left out."""
    size = func.octet_length(events.c.payload).label("size")
    rows = connection.execute(select(events.c.id, size).where(events.c.id.in_(list(event_ids))))
    return {row.id: row.size for row in rows}


def ids_after(connection: Connection, event_id: str, names: Collection[str], limit: int) -> list[str]:
    """The ids of up to ``limit`` events of these names after this one, in the order of their ids. That is not the order
    of commits: an event that commits late may appear before an id that was already read."""
    columns = events.c
    query = select(columns.id).where(columns.id > event_id, columns.type.in_(list(names)))
    return list(connection.scalars(query.order_by(columns.id).limit(limit)))


def count(connection: Connection, names: Collection[str], most: int, after: str = "") -> int:
    """How many events of these names there are with ids after this one, ``most`` when there are more. The log is as
    large as all that was ever written, so nobody counts all of it."""
    query = select(events.c.id).where(events.c.id > after, events.c.type.in_(list(names)))
    return connection.scalar(select(func.count()).select_from(query.limit(most).subquery())) or 0


def newest(connection: Connection, aggregate_id: str) -> Event | None:
    """The last event of an aggregate: what is now true of it."""
    row = connection.execute(_newest, {"key": aggregate_id}).one_or_none()
    return _event(row) if row else None


def newest_versions(connection: Connection, aggregate_ids: Collection[str]) -> dict[str, int]:
    """The newest version of each aggregate, 0 for one the log does not know; a single round trip."""
    question = _newest_versions(len(aggregate_ids))
    found: str = connection.exec_driver_sql(question, tuple(aggregate_ids)).scalar_one()
    return dict(zip(aggregate_ids, map(int, found.split(",")), strict=True))


@cache
def _newest_versions(count: int) -> str:
    # As text, and all in one column: this is asked at each read of a draft, where to run it as a statement of
    # SQLAlchemy's, or to read another column with a driver written in Python, takes as long as the server's work.
    # An index look-up each: MAX over the unique (aggregate_id, version) reads one entry.
    version = "COALESCE((SELECT MAX(version) FROM events WHERE aggregate_id = %s), 0)"
    return f"SELECT CONCAT_WS(',', {', '.join([version] * count)})"


def at(connection: Connection, aggregate_id: str, version: int) -> Event | None:
    """One version of an aggregate, None when there is none."""
    row = connection.execute(_at, {"key": aggregate_id, "version": version}).one_or_none()
    return _event(row) if row else None


def load_versions(connection: Connection, wanted: Sequence[tuple[str, int]]) -> list[Event]:
    """The events at these (aggregate id, version) pairs; those that the log does not hold are left out."""
    if not wanted:
        return []
    query = select(events).where(tuple_(events.c.aggregate_id, events.c.version).in_(wanted))
    return [_event(row) for row in connection.execute(query)]


def newest_of_each(connection: Connection, aggregate_ids: Collection[str]) -> list[Event]:
    """The last event of each of these aggregates that the log knows."""
    if not aggregate_ids:
        return []
    rows = connection.execute(_newest_of_each, {"keys": list(aggregate_ids)})
    return [_event(row) for row in rows]


# A range of the index for each aggregate; a join with a list of them reads all their versions.
_LATER = (
    "SELECT id FROM events FORCE INDEX (uq_events_aggregate_version) WHERE ({ranges}) AND type IN ({names}) LIMIT %s"
)


def ids_later_than(
    connection: Connection, versions: Mapping[str, int], names: Collection[str], limit: int
) -> list[str]:
    """The ids of up to ``limit`` events of these names and aggregates, each after the version that stands with it."""
    if not versions:
        return []
    ranges = " OR ".join(["(aggregate_id = %s AND version > %s)"] * len(versions))
    question = _LATER.format(ranges=ranges, names=", ".join(["%s"] * len(names)))
    pairs = [part for pair in versions.items() for part in pair]
    return list(connection.exec_driver_sql(question, (*pairs, *names, limit)).scalars())


def ids_of(connection: Connection, stream_ids: Collection[str], limit: int) -> list[str]:
    """The ids of up to ``limit`` events of these streams."""
    query = select(events.c.id).where(events.c.aggregate_id.in_(list(stream_ids))).limit(limit)
    return list(connection.scalars(query))


def ids_between(connection: Connection, after: str, before: datetime, limit: int) -> list[str]:
    """The first ``limit`` ids of whatever happened after this event and before that moment, in order."""
    query = select(events.c.id).where(events.c.id > after, events.c.id < first_id(before))
    return list(connection.scalars(query.order_by(events.c.id).limit(limit)))


def of_kinds(connection: Connection, names: Collection[str], first: str, last: str) -> list[Row[tuple[str, str, int]]]:
    """``(id, aggregate_id, version)`` of the events of these names with ids from ``first`` to ``last``."""
    columns = events.c
    query = select(columns.id, columns.aggregate_id, columns.version)
    return list(connection.execute(query.where(columns.id.between(first, last), columns.type.in_(list(names)))))


def erase(connection: Connection, event_ids: Collection[str]) -> None:
    """Delete events for good, texts and all. Only for what the author threw away, for texts that no revision keeps
    (ADR 10) and for superseded lists of pages (ADR 25). The caller has made sure that nobody waits for them."""
    connection.execute(delete(events).where(events.c.id.in_(list(event_ids))))


def versions_before(connection: Connection, aggregate_id: str, moment: datetime) -> list[tuple[str, int]]:
    """``(event id, version)`` of what happened to an aggregate before then."""
    query = select(events.c.id, events.c.version).where(
        events.c.aggregate_id == aggregate_id, events.c.occurred_at < moment
    )
    return [(row.id, row.version) for row in connection.execute(query)]
