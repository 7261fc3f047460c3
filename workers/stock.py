"""What the bucket holds, held against the rows: one pass over its listing, and only what is wrong is remembered."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice

from sqlalchemy import Engine

from domain.commands import sweeping
from domain.picture import Picture
from infra.objects import Store, Stored

PREFIX = "pictures/"
# Whatever else lies there somebody else has put there.
OURS = re.compile(r"pictures/[0-9a-f]{32}/(?:original|large|medium|small)")
BATCH = 500
# Remembered of one pass, of each kind; the next passes find the others.
MOST_REMEMBERED = 10_000
# Ids are hexadecimal digits: this comes after all of them.
LAST = "g"


@dataclass
class Stock:
    """``known_orphans``: objects without a row, in an earlier run too. ``new_orphans``: those found for the first time.
    ``not_seen``: keys that rows name and the listing did not show; look again before you believe it."""

    pictures: int = 0
    unknown_pictures: int = 0
    known_orphans: dict[str, Stored] = field(default_factory=dict)
    new_orphans: dict[str, Stored] = field(default_factory=dict)
    not_seen: list[tuple[str, str]] = field(default_factory=list)


def picture_of(key: str) -> str:
    return key.removeprefix(PREFIX).partition("/")[0]


def take_stock(engine: Engine, store: Store, orphans: Mapping[str, datetime], before: datetime) -> Stock:
    """Go through the bucket. ``orphans`` are the keys without a row of earlier runs; only rows from ``before`` that
    time must have their objects."""
    stock, last = Stock(), ""
    for batch in _batches(ours_under(store, PREFIX)):
        _find_orphans(engine, batch, orphans, stock)
        upto = max(batch)
        _compare(engine, (last, upto), before, batch, stock)
        last = upto
    _compare(engine, (last, LAST), before, {}, stock)
    return stock


def ours_under(store: Store, prefix: str) -> Iterator[Stored]:
    """Objects whose keys have the form of ours."""
    return (each for each in store.under(prefix) if OURS.fullmatch(each.key))


def _batches(listed: Iterable[Stored]) -> Iterator[dict[str, list[Stored]]]:
    """The objects of so many pictures at once. Stores list keys in order, so those of one picture come together."""
    batch: dict[str, list[Stored]] = {}
    for picture_id, group in groupby(listed, lambda each: picture_of(each.key)):
        if len(batch) == BATCH:
            yield batch
            batch = {}
        batch.setdefault(picture_id, []).extend(group)
    if batch:
        yield batch


def _find_orphans(
    engine: Engine, batch: Mapping[str, list[Stored]], orphans: Mapping[str, datetime], stock: Stock
) -> None:
    # Asked after the listing: whatever was in the bucket then had its reservation or its row before.
    with engine.connect() as connection:
        known = sweeping.known(connection, sorted(batch))
    stock.pictures += len(batch)
    stock.unknown_pictures += len(batch.keys() - known)
    for each in (each for picture_id in batch.keys() - known for each in batch[picture_id]):
        if each.key in orphans:
            stock.known_orphans[each.key] = each
        elif len(stock.new_orphans) < MOST_REMEMBERED:
            stock.new_orphans[each.key] = each


def _compare(
    engine: Engine, ids: tuple[str, str], before: datetime, batch: Mapping[str, list[Stored]], stock: Stock
) -> None:
    """Hold the rows with ids between these two, the second included, against their objects. Of a store that lists in no
    order too much is taken for missing; who looks again finds it."""
    there = {each.key for listed in batch.values() for each in listed}
    last, upto = ids
    while found := _live(engine, last, upto, before):
        last = found[-1].id
        gone = ((picture.id, key) for picture in found for key in picture.object_keys() if key not in there)
        stock.not_seen += islice(gone, MOST_REMEMBERED - len(stock.not_seen))


def _live(engine: Engine, last: str, upto: str, before: datetime) -> list[Picture]:
    with engine.connect() as connection:
        return sweeping.live_between(connection, last, upto, before, BATCH)
