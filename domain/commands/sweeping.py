"""How a picture that nothing uses goes: found unused, found unused again when its grace is over, buried, forgotten.

What uses a picture is the read side's to know, so the caller brings it; the rows are locked before it looks.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Index, Integer, String, delete, func, select, update
from sqlalchemy.dialects.mysql import insert

from domain.picture import Picture, pictures, reservations
from domain.unit_of_work import UnitOfWork
from infra.database import UtcDateTime, table

# Objects without a row, since when they have been known for that. They are removed when they are found again.
orphan_objects = table(
    "orphan_objects",
    Column("key", String(255, collation="ascii_bin"), primary_key=True),
    Column("bytes", Integer, nullable=False),
    Column("found_at", UtcDateTime, nullable=False),
    Index("ix_orphan_objects_found", "found_at"),
)
_LIVE = pictures.c.removed_at.is_(None)


def to_mark(connection: Connection, used: ColumnElement[bool], limit: int) -> list[str]:
    """Ids of pictures that are unused for the first time. ``used`` is true of a row of ``pictures`` that is used."""
    query = select(pictures.c.id).where(_LIVE, pictures.c.unused_since.is_(None), ~used)
    return list(connection.scalars(query.limit(limit)))


def to_unmark(connection: Connection, used: ColumnElement[bool], limit: int) -> list[str]:
    """Ids of pictures that were unused and are used again."""
    query = select(pictures.c.id).where(_LIVE, pictures.c.unused_since.is_not(None), used)
    return list(connection.scalars(query.limit(limit)))


def mark(uow: UnitOfWork, picture_ids: Iterable[str], unused_since: datetime | None) -> None:
    for picture_id in sorted(picture_ids):
        one = update(pictures).where(pictures.c.id == picture_id, _LIVE)
        uow.connection.execute(one.values(unused_since=unused_since))


def due(connection: Connection, before: datetime, limit: int) -> list[Picture]:
    """Pictures found unused before that moment, the longest unused first."""
    query = select(pictures).where(_LIVE, pictures.c.unused_since <= before)
    rows = connection.execute(query.order_by(pictures.c.unused_since).limit(limit)).mappings()
    return [Picture.of(row) for row in rows]


def is_held(picture: Picture, is_used: bool) -> bool:
    """Whether it has to stay: it is used, or has been linked since it was found unused."""
    linked_since = picture.linked_at and picture.unused_since and picture.linked_at >= picture.unused_since
    return bool(is_used or linked_since)


def bury(uow: UnitOfWork, picture: Picture, is_used: bool) -> bool:
    """Take a locked picture out of everyone's sight, unless it is used after all; whether it was taken."""
    if is_held(picture, is_used):
        picture.unused_since = None
        return False
    picture.remove(uow.now)
    return True


def buried(connection: Connection, limit: int) -> list[Picture]:
    """Tombstones: pictures whose objects have to go."""
    query = select(pictures).where(pictures.c.removed_at.is_not(None)).order_by(pictures.c.removed_at).limit(limit)
    return [Picture.of(row) for row in connection.execute(query).mappings()]


def forget(uow: UnitOfWork, picture_id: str) -> None:
    """The objects of a tombstone are gone."""
    uow.connection.execute(delete(pictures).where(pictures.c.id == picture_id, pictures.c.removed_at.is_not(None)))


def abandoned(connection: Connection, before: datetime, limit: int) -> list[str]:
    """Reservations whose upload has ended long ago, one way or another."""
    query = select(reservations.c.picture_id).where(reservations.c.reserved_at <= before)
    return list(connection.scalars(query.order_by(reservations.c.reserved_at).limit(limit)))


def known(connection: Connection, picture_ids: Sequence[str]) -> set[str]:
    """Those that have a row, a tombstone or a reservation."""
    rows = select(pictures.c.id).where(pictures.c.id.in_(picture_ids))
    reserved = select(reservations.c.picture_id).where(reservations.c.picture_id.in_(picture_ids))
    return {*connection.scalars(rows), *connection.scalars(reserved)}


def some_live(connection: Connection, before: datetime, limit: int) -> list[str]:
    """Ids of pictures that must have their objects, if this is their bucket."""
    query = select(pictures.c.id).where(_LIVE, pictures.c.created_at < before)
    return list(connection.scalars(query.order_by(pictures.c.id).limit(limit)))


def live_between(connection: Connection, last_id: str, upto: str, before: datetime, limit: int) -> list[Picture]:
    """Pictures that must have their objects, in the order of their ids, from the one after ``last_id`` to ``upto``."""
    query = select(pictures).where(
        _LIVE, pictures.c.created_at < before, pictures.c.id > last_id, pictures.c.id <= upto
    )
    return [Picture.of(row) for row in connection.execute(query.order_by(pictures.c.id).limit(limit)).mappings()]


def note_orphans(uow: UnitOfWork, sizes: dict[str, int], at: datetime) -> None:
    """Remember objects without a row; one that is remembered already keeps its time."""
    if sizes:
        rows = [{"key": key, "bytes": length, "found_at": at} for key, length in sorted(sizes.items())]
        uow.connection.execute(insert(orphan_objects).prefix_with("IGNORE"), rows)


def orphans(connection: Connection) -> dict[str, Any]:
    """All remembered objects without a row: ``{key: when it was first found}``."""
    rows = connection.execute(select(orphan_objects.c.key, orphan_objects.c.found_at))
    return {row.key: row.found_at for row in rows}


def orphan_bytes(connection: Connection) -> int:
    """How much the remembered objects without a row take up."""
    return int(connection.scalar(select(func.sum(orphan_objects.c.bytes))) or 0)


def forget_orphans(uow: UnitOfWork, keys: Iterable[str]) -> None:
    for key in sorted(keys):
        uow.connection.execute(delete(orphan_objects).where(orphan_objects.c.key == key))
