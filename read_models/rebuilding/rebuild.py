"""Make a read model anew from the log, beside the live one, and swap the two.

Readers and live events go on meanwhile. Each step commits, and tells the database how far it came: after a crash the
next one goes on from there. One process at a time may do this; its callers see to that.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select, text, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.exc import DBAPIError

from events import log
from events.outstanding import parked_among
from infra.database import BACKGROUND_SECONDS, retrying
from read_models.model import Model
from read_models.rebuilding.progress import rebuild_tail, rebuilds
from read_models.rebuilding.shadow import Shadow

logger = logging.getLogger(__name__)

BATCH = 200
# To count is to read; beyond this the answer is not worth it.
MOST_COUNTED = 100_000
NEW, OLD = "shadow_", "old_"
# While RENAME waits for a slow reader, all other readers wait behind it; so it times out before they do, and tries
# again.
SWAP_WAIT_SECONDS = 1

_of = rebuilds.c.model


class Rebuild:
    """The rebuild of one model, wherever it stands."""

    def __init__(self, engine: Engine, model: Model) -> None:
        self._engine = engine
        self.name = model.name
        self._model = model
        self._shadow = Shadow(engine, model, NEW)
        self._old = Shadow(engine, model, OLD)

    def is_wanted(self) -> bool:
        """Whether one has begun and not ended, or the live tables were made by older code."""
        state = self._state()
        return state is not None and (state.building is not None or state.builder_version < self._model.builder_version)

    def size(self) -> int | None:
        """How many events there are to read in all, None when they are more than MOST_COUNTED."""
        with self._engine.connect() as connection:
            found = log.count(connection, self._model.event_names, MOST_COUNTED + 1)
        return found if found <= MOST_COUNTED else None

    def run(self) -> Iterator[int]:
        """Begin, or go on, until the tables are swapped; yields the number of events read in each step."""
        for position, count in fill(self._shadow, self._begin()):
            self._set(position=position)
            yield count
        while count := self._drain():
            yield count
        with self._engine.connect() as connection:
            self._shadow.analyze(connection)
        retrying(self._swap, BACKGROUND_SECONDS)
        self._drop_old()

    def _state(self) -> Row[Any] | None:
        with self._engine.connect() as connection:
            return connection.execute(select(rebuilds).where(_of == self._model.name)).one_or_none()

    def _set(self, **values: object) -> None:
        def once() -> None:
            with self._engine.begin() as connection:
                connection.execute(update(rebuilds).where(_of == self._model.name).values(values))

        retrying(once, BACKGROUND_SECONDS)

    def _begin(self) -> str:
        """Where to go on in the log."""
        introduce(self._engine, self._model)
        self._finish_swap()
        self._make_live()
        state = self._state()
        with self._engine.connect() as connection:
            if state and state.building == self._model.builder_version and self._shadow.exists(connection):
                return str(state.position)
        # What other code began is of no use.
        self._set(building=None)
        with self._engine.begin() as connection:
            connection.execute(delete(rebuild_tail).where(rebuild_tail.c.model == self._model.name))
            self._shadow.create(connection)
        self._set(building=self._model.builder_version, position="")
        return ""

    def _make_live(self) -> None:
        """A table that somebody has dropped, empty: the shadow is made like it, and takes its place."""
        with self._engine.connect() as connection:
            for table in self._model.tables:
                table.create(connection, checkfirst=True)

    def _drain(self) -> int:
        """Project a batch of what was projected into the live tables meanwhile; how much there was."""
        return retrying(self._drain_once, BACKGROUND_SECONDS)

    def _drain_once(self) -> int:
        mine = rebuild_tail.c.model == self._model.name
        with self._shadow.engine.begin() as connection:
            event_ids = list(connection.scalars(select(rebuild_tail.c.event_id).where(mine).limit(BATCH)))
            project(self._shadow, connection, event_ids)
            connection.execute(delete(rebuild_tail).where(mine, rebuild_tail.c.event_id.in_(event_ids)))
        return len(event_ids)

    def _swap(self) -> None:
        # Who projects waits for this row (``rebuilds.note``) from here on, and finds the new tables after it. The
        # tables are swapped on another connection: RENAME would end this transaction.
        with self._engine.begin() as holding:
            mine = _of == self._model.name
            holding.execute(select(rebuilds).where(mine).with_for_update())
            while self._drain():
                pass
            self._rename()
            holding.execute(update(rebuilds).where(mine).values(_done))

    def _rename(self) -> None:
        names = [table.name for table in self._model.tables]
        swapped = ", ".join(f"{name} TO {OLD}{name}, {NEW}{name} TO {name}" for name in names)
        with self._engine.connect() as connection:
            connection.detach()
            connection.execute(text(f"SET lock_wait_timeout = {SWAP_WAIT_SECONDS}"))
            connection.execute(text(f"RENAME TABLE {swapped}"))

    def _finish_swap(self) -> None:
        """After a crash between the swap and its commit: the shadow is live already."""
        with self._engine.connect() as connection:
            swapped = self._old.exists(connection) and not self._shadow.exists(connection)
        if swapped:
            retrying(self._mark_done, BACKGROUND_SECONDS)
        self._drop_old()

    def _mark_done(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(rebuilds).where(_of == self._model.name).values(_done))

    def _drop_old(self) -> None:
        with self._engine.connect() as connection:
            self._old.drop(connection)


_done = {"builder_version": rebuilds.c.building, "building": None}


def introduce(engine: Engine, model: Model) -> None:
    """A model that is not in the table yet has empty tables: they are made anew if the log has something for them."""

    def once() -> None:
        with engine.begin() as connection:
            if connection.scalar(select(_of).where(_of == model.name)):
                return
            is_behind = log.ids_after(connection, "", model.event_names, limit=1)
            row = {"model": model.name, "builder_version": 0 if is_behind else model.builder_version}
            connection.execute(insert(rebuilds).prefix_with("IGNORE").values(row))

    retrying(once, BACKGROUND_SECONDS)


def wanted(engine: Engine, models: Iterable[Model]) -> list[Rebuild]:
    """The rebuilds of these that have begun, and those that newer code calls for."""
    every = [Rebuild(engine, model) for model in models]
    return [rebuild for rebuild in every if rebuild.is_wanted()]


def fill(shadow: Shadow, position: str = "") -> Iterator[tuple[str, int]]:
    """Project the log into a shadow from after this event on, a committed batch at a time; yields the last event of
    each, and how many there were."""
    while True:
        position, count = retrying(partial(_batch, shadow, position), BACKGROUND_SECONDS)
        if not count:
            return
        yield position, count


def _batch(shadow: Shadow, after: str) -> tuple[str, int]:
    with shadow.engine.begin() as connection:
        event_ids = log.ids_after(connection, after, shadow.model.event_names, BATCH)
        project(shadow, connection, event_ids)
    return (event_ids[-1] if event_ids else after), len(event_ids)


def project(shadow: Shadow, connection: Connection, event_ids: Sequence[str]) -> None:
    """What was given up is left out, as it is in the live tables: it may be what hangs or kills."""
    given_up = parked_among(connection, shadow.model.reaction, event_ids)
    _project(shadow, connection, [each for each in event_ids if each not in given_up])


def _project(shadow: Shadow, connection: Connection, event_ids: Sequence[str]) -> None:
    try:
        with connection.begin_nested():
            shadow.model.project(connection, log.load(connection, event_ids))
    except DBAPIError:
        raise
    except Exception as error:
        if len(event_ids) == 1:
            logger.error("left out of a rebuild", exc_info=error, extra={"event_id": event_ids[0]})
            return
        for event_id in event_ids:
            _project(shadow, connection, [event_id])
