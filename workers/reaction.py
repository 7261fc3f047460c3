"""How a reaction handles a batch: load the events, open one transaction, run, mark delivered, commit.

The effect and the receipt that it happened are in the same transaction, so it happens once however often the batch
is sent, and whatever dies in between.
"""

import contextlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from events import deliveries, log
from events.event import Event
from infra import crash
from infra.database import BACKGROUND_SECONDS, is_unreachable, retrying, write_engine
from infra.objects import StoreAway
from infra.settings import Settings, load_settings
from workers.reactions import REACTIONS, Reaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reactor:
    """Runs one reaction against one database."""

    engine: Engine
    settings: Settings
    name: str
    reaction: Reaction

    def handle(self, event_ids: Sequence[str]) -> None:
        """Handle a batch; when it fails, each half of it alone, and so on, until the bad event is
        alone and has stopped no other."""
        try:
            events = retrying(lambda: self._once(event_ids), BACKGROUND_SECONDS)
        except Exception as error:
            if is_unreachable(error) or isinstance(error, StoreAway):
                # Nothing is wrong with the events: they stay pending and are sent again.
                raise
            self._divide(event_ids, error)
        else:
            crash.point("reaction: committed")
            self._hint(events)

    def _divide(self, event_ids: Sequence[str], error: Exception) -> None:
        if len(event_ids) == 1:
            self._count_failure(event_ids[0], error)
        else:
            middle = len(event_ids) // 2
            self.handle(event_ids[:middle])
            self.handle(event_ids[middle:])

    def _once(self, event_ids: Sequence[str]) -> Sequence[Event]:
        """The events that were still owed, handled."""
        with self.engine.begin() as connection:
            owed = deliveries.lock(connection, self.name, event_ids)
            events = log.load(connection, owed) if owed else []
            if events:
                crash.point("reaction: begun")
                self.reaction.apply(connection, events)
                crash.point("reaction: applied")
            # Also what the log no longer holds: it can't be handled, ever.
            deliveries.done(connection, self.name, owed)
            crash.point("reaction: done")
            return events

    def _hint(self, events: Sequence[Event]) -> None:
        try:
            self.reaction.after(self.settings, events)
        except Exception as error:
            logger.warning("what should follow a reaction did not happen", exc_info=error)

    def _count_failure(self, event_id: str, error: Exception) -> None:
        def count() -> str:
            with self.engine.begin() as connection:
                reason = f"{type(error).__name__}: {error}"
                return deliveries.failed(connection, self.name, event_id, reason, self.settings.delivery_max_attempts)

        state = retrying(count, BACKGROUND_SECONDS)
        logger.error(
            "an event could not be handled", exc_info=error, extra={"event_id": event_id, "delivery_state": state}
        )


def prepare() -> None:
    """Do once, before the forks, what each job would have to do again: read the settings, import the driver, ask the
    server what it is. A server that is away now is asked by the jobs."""
    _, engine = _resources()
    with contextlib.suppress(DBAPIError), engine.connect():
        pass
    # No connection may be open in a fork; two processes would talk over it at once.
    engine.dispose()


def react(reaction: str, event_ids: list[str]) -> None:
    """The RQ job. What isn't a reaction's name or a list of ids is dropped with a log line: anyone who can reach
    Redis can put a job there."""
    if not isinstance(reaction, str) or reaction not in REACTIONS or not _are_ids(event_ids):
        logger.error("dropped a job that is not ours", extra={"reaction": str(reaction)[:64]})
        return
    settings, engine = _resources()
    chosen = REACTIONS[reaction]
    reactor = Reactor(engine, settings, reaction, chosen)
    for start in range(0, len(event_ids), chosen.at_once):
        reactor.handle(event_ids[start : start + chosen.at_once])


def _are_ids(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each.isascii() for each in value)


@cache
def _resources() -> tuple[Settings, Engine]:
    settings = load_settings()
    engine = write_engine(settings, pool_size=1)
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    return settings, engine
