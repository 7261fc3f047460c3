"""Rows, events and the idempotency receipt, in ONE transaction. Rollback is the default, commit a deliberate act.

A unit of work lives for one command, in one thread.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from domain.aggregate import Aggregate
from domain.errors import NotFound
from domain.text_room import require_room_for_text
from events import log
from events.event import Event, Fact
from infra import crash, together
from infra.clock import new_id, now
from infra.database import REQUEST_SECONDS, retrying
from infra.database_errors import is_refused_commit

Kind = TypeVar("Kind", bound=Aggregate)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Cause:
    """Who asked, and under which request id; it goes into every event. ``most_text``: QUOTA_TEXT_BYTES of who asked, 0
    for no limit."""

    actor_id: str | None
    correlation_id: str
    most_text: int = 0


class CommitUnknown(Exception):
    """The connection was lost while the commit was under way: it may have happened or not. Only the idempotency
    receipt can tell; to repeat the command blindly might do it twice."""


class UnitOfWork:
    """What a command's handler gets: it loads and locks aggregates, and adds new ones."""

    def __init__(self, connection: Connection, cause: Cause) -> None:
        self.connection = connection
        self.cause = cause
        self.now: datetime = now()
        self._loaded: list[tuple[Aggregate, dict[str, Any]]] = []
        self._new: list[Aggregate] = []
        self._beside: list[tuple[str, int, Fact]] = []

    @property
    def actor_id(self) -> str:
        """The user who asked; only commands of signed-in users may look."""
        if self.cause.actor_id is None:
            raise RuntimeError("an anonymous request reached a command that needs a user")
        return self.cause.actor_id

    def get(self, kind: type[Kind], aggregate_id: str) -> Kind:
        """Load one and lock its row until the end.

        Raises:
            NotFound: there is none.
        """
        row = self.connection.execute(kind.locking_query(), {"key": aggregate_id}).mappings().one_or_none()
        if row is None:
            raise NotFound(f"There is no such {kind.__name__.lower()}.")
        aggregate = kind.of(row)
        self._loaded.append((aggregate, dict(row)))
        return aggregate

    def add(self, aggregate: Aggregate) -> None:
        """Store a new aggregate."""
        self._new.append(aggregate)

    def next_version(self, stream_id: str) -> int:
        """The version of the next fact in a stream that has no row. The caller holds the lock that orders them."""
        return log.newest_versions(self.connection, [stream_id])[stream_id] + 1

    def record(self, stream_id: str, version: int, fact: Fact) -> None:
        """Record a fact in a stream that has no row."""
        self._beside.append((stream_id, version, fact))

    def flush(self) -> None:
        """Write all changes and their events, in the transaction of whoever commits.

        Raises:
            QuotaExceeded: the actor's texts would take more room than they may.
        """
        said = [said for each in self._new for said in together.insertions(each.table, [each.stored()])]
        for aggregate, before in self._loaded:
            changed = {name: value for name, value in aggregate.stored().items() if before[name] != value}
            said += [together.change(aggregate.table, aggregate.id, changed)] if changed else []
        events = [*self._numbered(), *(self._event(*numbered) for numbered in self._beside)]
        owed = log.appended(events, self._grown(events)) if events else []
        together.say(self.connection, [*said, *owed])

    def _grown(self, events: list[Event]) -> int:
        """How many bytes of text there are more than before; there is room for them."""
        grown: int = sum(each.grown for each in self._aggregates()) + sum(event.fact.room for event in events)
        if grown > 0 and self.cause.most_text:
            known = next((each.text_used for each in self._aggregates() if each.text_used is not None), None)
            require_room_for_text(self.connection, self.actor_id, grown, self.cause.most_text, known)
        return grown

    def commit(self) -> None:
        """Write all changes and their events, and commit.

        Raises:
            QuotaExceeded: see ``flush``.
            CommitUnknown: the connection was lost meanwhile.
        """
        self.flush()
        crash.point("command written")
        try:
            self.connection.commit()
        except DBAPIError as error:
            if is_refused_commit(error):
                raise
            raise CommitUnknown from error
        crash.point("command committed")

    def _numbered(self) -> list[Event]:
        return [self._event(each.id, *numbered) for each in self._aggregates() for numbered in each.numbered_facts()]

    def _aggregates(self) -> list[Aggregate]:
        return [*self._new, *(aggregate for aggregate, _ in self._loaded)]

    def _event(self, aggregate_id: str, version: int, fact: Fact) -> Event:
        return Event(
            id=new_id(),
            aggregate_id=aggregate_id,
            version=version,
            actor_id=self.cause.actor_id,
            correlation_id=self.cause.correlation_id,
            occurred_at=self.now,
            fact=fact,
        )


@contextmanager
def transaction(engine: Engine, cause: Cause) -> Iterator[UnitOfWork]:
    """A unit of work on a connection of its own; what it does not commit is rolled back."""
    with engine.connect() as connection:
        yield UnitOfWork(connection, cause)


def perform(
    engine: Engine, cause: Cause, work: Callable[[UnitOfWork], Result], seconds: float = REQUEST_SECONDS
) -> Result:
    """Run ``work`` (``partial(handler, command)``) in a transaction of its own and commit it with all that it changed.

    The whole of it is run again, with a fresh unit of work, when the server rolled it back for a passing reason
    (deadlock, lock wait, certification); so ``work`` must do nothing that a rollback does not undo. After ``seconds``
    no new try is begun.

    Raises:
        CommitUnknown: the connection was lost in the commit.
    """

    def attempt() -> Result:
        with transaction(engine, cause) as uow:
            result = work(uow)
            uow.commit()
            return result

    return retrying(attempt, seconds)
