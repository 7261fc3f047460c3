"""How a reaction handles a batch: load the events, open one transaction, run, mark delivered, commit.

The effect and the receipt that it happened are in the same transaction, so it happens once however often the batch
is sent, and whatever dies in between.
"""

import contextlib
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from rq.timeouts import JobTimeoutException
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from events import deliveries, log
from events.event import Event
from events.relay import RESEND_AFTER
from infra import crash, logs, reporting
from infra.database import BACKGROUND_SECONDS, retrying, write_engine
from infra.database_errors import is_unreachable
from infra.objects import StoreAway
from infra.settings import Settings, load_settings
from read_models.rebuilding import progress
from workers.reaction_table import REACTIONS, Reaction
from workers.time_limit import TookTooLong, time_limit

logger = logging.getLogger(__name__)

# After this a job begins nothing new: no batch, no half of a failed one, no further try. So its events are rarely sent
# a second time while it still works (relay.RESEND_AFTER), and a worker that is told to stop does so soon.
JOB_BUDGET_SECONDS = 10.0
# Longer than a request's, since nobody waits for a worker and a lock timeout redoes the whole batch. Shorter than the
# time limit of one event (workers/reaction_table.py), so that waiting for a lock is not taken for hanging.
LOCK_WAIT_SECONDS = 4


@dataclass(frozen=True)
class Reactor:
    """Runs one reaction against one database."""

    engine: Engine
    settings: Settings
    name: str
    reaction: Reaction

    def claim(self) -> list[str]:
        """A batch of what is due and was not sent before, at most as many events as share a transaction."""
        event_ids: list[str] = self._commit(deliveries.claim_due, self.reaction.at_once, RESEND_AFTER)
        if event_ids:
            crash.point("worker claimed")
        return event_ids

    def work_off(self, event_ids: Sequence[str], again: bool = False) -> None:
        """Handle them batch by batch, those that were sent before (``again``) one by one; hand back what there is no
        time for in JOB_BUDGET_SECONDS."""
        size = 1 if again else self.reaction.at_once
        until = time.monotonic() + JOB_BUDGET_SECONDS
        for start in range(0, len(event_ids), size):
            if start and time.monotonic() > until:
                self.hand_back(event_ids[start:], again)
                return
            batch = event_ids[start : start + size]
            if again:
                self.handle_again(*batch)
            else:
                self.handle(batch, until)

    def handle(self, event_ids: Sequence[str], until: float = math.inf) -> None:
        """Handle a batch; when it fails, each half of it alone, and so on, until the bad event is
        alone and has stopped no other. A batch that takes too long is handed over, and so are halves that there is no
        time for (``until``, on the monotonic clock): each of them is tried alone."""
        try:
            events = self._once_more(event_ids)
        except TookTooLong:
            self._hand_over(event_ids)
        except Exception as error:
            if _is_no_fault_of_theirs(error):
                # They stay pending and are sent again.
                raise
            self._divide(event_ids, error, until)
        else:
            crash.point("reaction committed")
            self._tell(events)
            self._hint(events)

    def handle_again(self, event_id: str) -> None:
        """Handle one event that failed before, or whose worker died. The try is counted before it is made, so an event
        can kill only so many workers."""
        state = self._commit(deliveries.begin_try, event_id, self.settings.delivery_max_attempts)
        if state == "parked":
            logger.error("an event was parked: nobody ever came back from it", extra=self._about(event_id, state))
        if state != "pending":
            return
        try:
            events = self._once_more([event_id])
        except Exception as error:
            if _is_no_fault_of_theirs(error):
                with contextlib.suppress(DBAPIError):
                    self._commit(deliveries.uncount, event_id)
                raise
            self._count_failure(event_id, error, counted=True)
        else:
            self._tell(events)
            self._hint(events)

    def _once_more(self, event_ids: Sequence[str]) -> Sequence[Event]:
        return retrying(lambda: self._once(event_ids), JOB_BUDGET_SECONDS)

    def _hand_over(self, event_ids: Sequence[str]) -> None:
        logger.warning(
            "a batch took too long; each of it is tried alone", extra={"reaction": self.name, "events": len(event_ids)}
        )
        # Now, or when their lease ends: the server may still be running the statement that was cancelled, and hold
        # their locks.
        with contextlib.suppress(DBAPIError):
            self.hand_back(event_ids, again=True)

    def hand_back(self, event_ids: Sequence[str], again: bool) -> None:
        """Let others have what there is no time for here."""
        if event_ids:
            self._commit(deliveries.hand_back, event_ids, again)

    def _divide(self, event_ids: Sequence[str], error: Exception, until: float) -> None:
        if len(event_ids) == 1:
            self._count_failure(event_ids[0], error)
            return
        middle = len(event_ids) // 2
        for half in (event_ids[:middle], event_ids[middle:]):
            if time.monotonic() < until:
                self.handle(half, until)
            else:
                self.hand_back(half, again=True)

    def _once(self, event_ids: Sequence[str]) -> Sequence[Event]:
        """The events that were still owed, handled."""
        with self.engine.begin() as connection:
            try:
                with time_limit(self.reaction.patience(len(event_ids))):
                    return self._apply(connection, event_ids)
            except (TookTooLong, JobTimeoutException):
                # It may have been interrupted anywhere, even between a statement and its answer, so the connection is
                # unusable.
                connection.invalidate()
                raise

    def _apply(self, connection: Connection, event_ids: Sequence[str]) -> Sequence[Event]:
        owed = deliveries.lock(connection, self.name, event_ids)
        events = log.load(connection, owed) if owed else []
        # What is said of one event alone, an error above all, is said of its request.
        logs.request_id.set(events[0].correlation_id if len(events) == 1 else None)
        if events:
            owed += deliveries.lock(connection, self.name, self.reaction.covered(connection, events))
            crash.point("reaction begun")
            if self.reaction.model:
                progress.note(connection, self.reaction.model, owed)
            self.reaction.apply(connection, events)
            crash.point("reaction applied")
        # Events that the log no longer holds are done as well: they can never be handled.
        deliveries.done(connection, self.name, owed)
        crash.point("reaction done")
        return events

    def _tell(self, events: Sequence[Event]) -> None:
        """So that a request can be followed to its end."""
        if events and self.settings.access_log != "none":
            requests = list(dict.fromkeys(event.correlation_id for event in events))
            logger.info("%s: %d events", self.name, len(events), extra={"reaction": self.name, "requests": requests})

    def _hint(self, events: Sequence[Event]) -> None:
        try:
            self.reaction.after(self.settings, events)
        except Exception as error:
            logger.warning("what should follow a reaction did not happen", exc_info=error)

    def _count_failure(self, event_id: str, error: Exception, counted: bool = False) -> None:
        reason = f"{type(error).__name__}: {error}"
        most = self.settings.delivery_max_attempts
        state = self._commit(deliveries.failed, event_id, reason, most, counted)
        logger.error("an event could not be handled", exc_info=error, extra=self._about(event_id, state))

    def _about(self, event_id: str, state: str) -> dict[str, str]:
        return {"reaction": self.name, "event_id": event_id, "delivery_state": state}

    def _commit(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """One step about this reaction's deliveries in a transaction of its own."""

        def transaction() -> Any:
            with self.engine.begin() as connection:
                return step(connection, self.name, *arguments)

        return retrying(transaction, BACKGROUND_SECONDS)


def _is_no_fault_of_theirs(error: Exception) -> bool:
    """Whether a server is away, or the job's time is up: nothing is wrong with the events."""
    return is_unreachable(error) or isinstance(error, (StoreAway, JobTimeoutException))


def prepare() -> None:
    """Do once, before the forks, what each job would otherwise repeat: read the settings, import the driver, detect the
    server's version. If the server is away now, the jobs ask it."""
    _, engine = _resources()
    with contextlib.suppress(DBAPIError), engine.connect():
        pass
    # No connection may be open in a fork; two processes would talk over it at once.
    engine.dispose()


def react(reaction: str, event_ids: list[str], again: bool = False) -> None:
    """The RQ job: a reaction's name, a list of ids, and whether these were sent before. What calls it otherwise is
    dropped before it gets here (workers/runner.py)."""
    try:
        reactor_of(reaction).work_off(event_ids, again)
    finally:
        # This process ends with the job, and with it the thread that reports.
        reporting.flush()


def reactor_of(reaction: str) -> Reactor:
    """The one of this process."""
    settings, engine = _resources()
    return Reactor(engine, settings, reaction, REACTIONS[reaction])


@cache
def _resources() -> tuple[Settings, Engine]:
    settings = load_settings()
    engine = write_engine(settings, pool_size=1, lock_wait=LOCK_WAIT_SECONDS)
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    return settings, engine
