"""One pass over a bucket, however large it is."""

import random
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

import pytest
from sqlalchemy import Engine, insert

from domain.picture import object_key, reservations
from infra.clock import now, secret_id
from infra.objects import Stored
from tests.integration.writing import AUTHOR
from workers import stock
from workers.stock import take_stock

SIZES = ("original", "small", "large")
PICTURES = 300


class Bucket:
    """A store as far as its listing; it knows how many of the objects that it listed are remembered at once."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys
        self._remembered: WeakSet[Stored] = WeakSet()
        self.most_remembered = 0

    def under(self, prefix: str) -> Iterator[Stored]:
        for key in self._keys:
            each = Stored(key, 1, now())
            self._remembered.add(each)
            self.most_remembered = max(self.most_remembered, len(self._remembered))
            yield each


@pytest.fixture
def known(db: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pictures that the database knows."""
    monkeypatch.setattr(stock, "BATCH", 10)
    ids = sorted(secret_id() for _ in range(PICTURES))
    with db.begin() as connection:
        rows: list[dict[str, Any]] = [{"picture_id": each, "owner_id": AUTHOR, "reserved_at": now()} for each in ids]
        connection.execute(insert(reservations), rows)
    return ids


def test_the_objects_of_a_few_pictures_are_remembered_at_once(db: Engine, known: list[str]) -> None:
    bucket = Bucket([object_key(each, size) for each in known for size in SIZES])
    found = take_stock(db, bucket, {}, now())  # type: ignore[arg-type]
    assert (found.pictures, found.unknown_pictures, found.not_seen) == (PICTURES, 0, [])
    assert bucket.most_remembered <= 3 * stock.BATCH * len(SIZES)


def test_objects_without_a_row_are_told_apart_by_whether_they_were_known_for_it(db: Engine, known: list[str]) -> None:
    strays = [object_key(secret_id(), "original") for _ in range(20)]
    old, keys = strays[:5], [object_key(each, "original") for each in known] + strays
    random.Random(3).shuffle(keys)
    for listed in (sorted(keys), keys):
        found = take_stock(db, Bucket(listed), dict.fromkeys(old, now()), now())  # type: ignore[arg-type]
        assert (found.pictures, found.unknown_pictures) == (PICTURES + 20, 20)
        assert (set(found.known_orphans), set(found.new_orphans)) == (set(old), set(strays[5:]))
