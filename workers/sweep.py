"""The sweep: pictures that nothing uses, uploads that were given up, and objects that no row knows. It tells of rows
whose objects are missing, too, which only an operator can help.

Everything goes in two steps, each found by a run of its own with the grace between them, and the second looks again
under the lock that saves and uploads take as well. Before the first step the sweep makes sure that it looks at the
right database, the right bucket and the right day; where it is not sure, it touches nothing and says why.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

from sqlalchemy import Engine, text

from domain.commands import sweeping
from domain.commands.pictures import find, take_back
from domain.errors import NotFound
from domain.picture import Picture, object_key, pictures
from domain.unit_of_work import Cause, UnitOfWork, perform
from infra import crash, marks
from infra.clock import new_id
from infra.database import BACKGROUND_SECONDS
from infra.identity import database_id
from infra.objects import Store, Stored
from infra.settings import Settings
from read_models import references
from read_models.freshness import catch_up_references, track_references_within
from workers.stock import PREFIX, Stock, ours_under, take_stock

logger = logging.getLogger(__name__)

BATCH = 500
# Of each kind in one run: a mistake must not cost everything before someone sees it.
MOST_REMOVALS = 1000
# The longest that an upload may take between its reservation and its row.
LONGEST_UPLOAD = timedelta(seconds=30)
CLOCK_TOLERANCE = timedelta(minutes=5)
SAMPLE = 20
USED = references.uses(pictures.c.id, pictures.c.owner_id)

Result = TypeVar("Result")


class SweepRefused(Exception):
    """The sweep is not sure that it may remove anything; says why."""


@dataclass(frozen=True)
class Removal:
    """What goes, why, and how many bytes of the store that frees."""

    what: str
    key: str
    why: str
    bytes: int


class Sweep:
    """One run. With ``dry_run`` it looks and tells, and changes nothing."""

    def __init__(self, engine: Engine, settings: Settings, at: datetime, dry_run: bool = False) -> None:
        self._engine = engine
        self._store = Store(settings)
        self._at = at
        self._dry_run = dry_run
        self._before = at - timedelta(seconds=settings.orphan_grace_seconds)
        self._uploaded_before = min(self._before, at - LONGEST_UPLOAD)
        self._cause = Cause(None, f"sweep-{new_id()}")
        # After a run: the keys of objects that a row names and the store has not.
        self.missing: list[str] = []

    def run(self) -> list[Removal]:
        """What was removed, or would be.

        Raises:
            SweepRefused: nothing was.
            StoreAway
        """
        self._refuse_other_day()
        orphans = self._remembered_orphans()
        stock = take_stock(self._engine, self._store, orphans, self._at - LONGEST_UPLOAD)
        self._refuse_other_database(stock)
        self._refuse_other_bucket()
        self._refuse_others_mark()
        self.missing = [key for picture_id, key in stock.not_seen if self._is_missing(picture_id, key)]
        if not self._dry_run:
            self._mark()
            self._note(stock, orphans)
        steps = (self._unused(), self._tombstones(), self._abandoned(), self._orphans(stock, orphans))
        return [removal for step in steps for removal in islice(step, MOST_REMOVALS)]

    def _remembered_orphans(self) -> dict[str, datetime]:
        with self._engine.connect() as connection:
            return sweeping.orphans(connection)

    def _refuse_other_day(self) -> None:
        with self._engine.connect() as connection:
            theirs = connection.scalar(text("SELECT UTC_TIMESTAMP(6)"))
        for whose, moment in (("database", theirs.replace(tzinfo=UTC)), ("object store", self._store.now())):
            if moment is not None and abs(moment - self._at) > CLOCK_TOLERANCE:
                raise SweepRefused(f"the clock here says {self._at}, the {whose}'s {moment}; set the wrong one right")

    def _refuse_other_database(self, stock: Stock) -> None:
        unknown, count = stock.unknown_pictures, stock.pictures
        if count and unknown == count:
            raise SweepRefused(
                f"the database knows none of the {count} pictures in the bucket: it is empty, or another one's"
            )
        if unknown > max(MOST_REMOVALS, count // 2):
            raise SweepRefused(f"the database does not know {unknown} of {count} pictures; was it restored?")

    def _refuse_other_bucket(self) -> None:
        with self._engine.connect() as connection:
            live = sweeping.some_live(connection, self._at - LONGEST_UPLOAD, SAMPLE)
        if live and not any(self._store.has(object_key(each, "original")) for each in live):
            raise SweepRefused("the bucket has no original of any picture that the database knows: it is another one")

    def _refuse_others_mark(self) -> None:
        """A bucket without a mark gets ours first: it was out of reach when the service was started."""
        with self._engine.connect() as connection:
            ours = database_id(connection)
        if ours is None:
            raise SweepRefused("the schema is older than this code: run.py migrate")
        try:
            (marks.refuse_others_bucket if self._dry_run else marks.claim_bucket)(self._store, ours)
        except marks.NotOurs as refusal:
            raise SweepRefused(str(refusal)) from refusal

    def _is_missing(self, picture_id: str, key: str) -> bool:
        """Looked at once more: the picture may have been deleted, or its sizes made, while the bucket was listed."""
        with self._engine.connect() as connection:
            is_live = find(connection, picture_id) is not None
        return is_live and not self._store.has(key)

    def _mark(self) -> None:
        """Mark what is unused, and unmark what is used again."""
        for look, since in ((sweeping.to_mark, self._at), (sweeping.to_unmark, None)):
            while found := self._find(look):
                self._perform(partial(sweeping.mark, picture_ids=found, unused_since=since))
                crash.point("sweep marked")

    def _find(self, look: Callable[..., list[str]]) -> list[str]:
        with self._engine.connect() as connection:
            return look(connection, USED, BATCH)

    def _unused(self) -> Iterator[Removal]:
        with self._engine.connect() as connection:
            due = sweeping.due(connection, self._before, MOST_REMOVALS)
        for picture in due:
            if self._is_unused(picture) if self._dry_run else self._perform(partial(_bury, picture_id=picture.id)):
                crash.point("sweep buried")
                why = f"unused since {picture.unused_since}"
                yield Removal("picture", picture.id, why, sum(each.bytes for each in self._objects(picture.id)))

    def _is_unused(self, picture: Picture) -> bool:
        """For a dry run. It may bring the references up to date, as any read of them does."""
        with self._engine.connect() as connection:
            catch_up_references(connection, self._engine, picture.owner_id)
        with self._engine.connect() as connection:
            used = references.of_picture(connection, picture.id, picture.owner_id)
        return not sweeping.is_held(picture, bool(used))

    def _tombstones(self) -> Iterator[Removal]:
        with self._engine.connect() as connection:
            buried = sweeping.buried(connection, 2 * MOST_REMOVALS)
        for picture in buried:
            freed = self._clear(picture.id)
            crash.point("sweep cleared")
            if not self._dry_run:
                self._perform(partial(sweeping.forget, picture_id=picture.id))
            yield Removal("objects", picture.id, f"deleted at {picture.removed_at}", freed)

    def _abandoned(self) -> Iterator[Removal]:
        with self._engine.connect() as connection:
            found = sweeping.abandoned(connection, self._uploaded_before, MOST_REMOVALS)
        for picture_id in found:
            # First the reservation: an upload that comes to its end after all finds it gone, and has no row.
            if self._dry_run or self._perform(partial(_give_up, picture_id=picture_id)):
                crash.point("sweep given up")
                yield Removal("upload", picture_id, "never came to its end", self._clear(picture_id))

    def _objects(self, picture_id: str) -> list[Stored]:
        return list(ours_under(self._store, f"{PREFIX}{picture_id}/"))

    def _clear(self, picture_id: str) -> int:
        """Remove all objects of a picture; how many bytes that frees."""
        found = self._objects(picture_id)
        for each in found if not self._dry_run else ():
            self._store.remove(each.key)
        return sum(each.bytes for each in found)

    def _note(self, stock: Stock, orphans: Mapping[str, datetime]) -> None:
        new = {key: each.bytes for key, each in stock.new_orphans.items()}
        self._perform(partial(sweeping.note_orphans, sizes=new, at=self._at))
        self._perform(partial(sweeping.forget_orphans, keys=orphans.keys() - stock.known_orphans.keys()))

    def _orphans(self, stock: Stock, orphans: Mapping[str, datetime]) -> Iterator[Removal]:
        """Objects that no row knew in an earlier run, nor now. Keys are random and never used twice."""
        for key, each in stock.known_orphans.items():
            if orphans[key] <= self._before and each.modified <= self._uploaded_before:
                if not self._dry_run:
                    self._store.remove(key)
                    crash.point("sweep orphan removed")
                    self._perform(partial(sweeping.forget_orphans, keys=[key]))
                yield Removal("object", key, f"without a row since {orphans[key]}", each.bytes)

    def _perform(self, work: Callable[[UnitOfWork], Result]) -> Result:
        return perform(self._engine, self._cause, work, BACKGROUND_SECONDS)


def _bury(uow: UnitOfWork, picture_id: str) -> bool:
    try:
        picture = uow.get(Picture, picture_id)
    except NotFound:
        return False
    # Behind the lock: a save that links it from now on finds it gone; one from before is in the log.
    track_references_within(uow.connection, picture.owner_id)
    used = references.of_picture(uow.connection, picture.id, picture.owner_id)
    return sweeping.bury(uow, picture, bool(used))


def _give_up(uow: UnitOfWork, picture_id: str) -> bool:
    return take_back(uow.connection, picture_id)


def sweep_pictures(engine: Engine, settings: Settings, at: datetime) -> int:
    """The clock's chore. 0: what is left waits for the next time, which is what the caps are for."""
    sweep = Sweep(engine, settings, at)
    try:
        removed = sweep.run()
    except SweepRefused as refusal:
        logger.error("the sweep removes nothing: %s", refusal)
        return 0
    for each in removed:
        logger.info("swept", extra=vars(each))
    for key in sweep.missing:
        logger.error("a picture's object is missing from the store: %s", key)
    return 0


def every(settings: Settings) -> timedelta:
    """How often to sweep: often enough for the grace to mean something."""
    return min(timedelta(hours=1), max(timedelta(seconds=5), timedelta(seconds=settings.orphan_grace_seconds) / 4))
