"""What is being erased for good: its row is gone, and its events go in small batches, their texts with them.

Only when nothing of it is left in the log does a last event say so (``page.purged``, ``notebook.purged``), and the
read models forget it then: whatever was still owed about it is gone as well, so nothing can bring it back.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Index, Integer, String, delete, insert, select

from events import deliveries, log
from events.event import Fact
from events.notebooks import NotebookPurged
from events.pages import PagePurged, history_of
from infra.database import Id, UtcDateTime, table

PAGE, NOTEBOOK = "page", "notebook"

erasures = table(
    "erasures",
    Column("id", Id, primary_key=True),
    Column("kind", String(8, collation="ascii_bin"), nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("notebook_id", Id, nullable=False),
    # The last one it had: the event that says it is gone is the next.
    Column("version", Integer, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Index("ix_erasures_requested", "requested_at"),
)


@dataclass(frozen=True, kw_only=True)
class Erasure:
    id: str
    kind: str
    owner_id: str
    notebook_id: str
    version: int
    requested_at: datetime

    @property
    def streams(self) -> tuple[str, ...]:
        return (self.id, history_of(self.id)) if self.kind == PAGE else (self.id,)

    def fact(self) -> Fact:
        """What is left to say of it."""
        owner_id, notebook_id, version = self.owner_id, self.notebook_id, self.version + 1
        if self.kind == PAGE:
            return PagePurged(owner_id=owner_id, page_id=self.id, notebook_id=notebook_id, version=version)
        return NotebookPurged(owner_id=owner_id, notebook_id=notebook_id, version=version)


def request(connection: Connection, *wanted: Erasure) -> None:
    """In the transaction that deletes the rows."""
    if wanted:
        connection.execute(insert(erasures), [vars(each) for each in wanted])


def next_one(connection: Connection) -> Erasure | None:
    """The oldest that is not finished, locked; None when there is none, or others are at work on all."""
    query = select(erasures).order_by(erasures.c.requested_at).limit(1).with_for_update(skip_locked=True)
    row = connection.execute(query).mappings().one_or_none()
    return Erasure(**row) if row else None


def erase_some(connection: Connection, erasure: Erasure, limit: int) -> int:
    """Take up to ``limit`` events out of the log, and back from whoever was still to see them; the number taken."""
    event_ids = log.ids_of(connection, erasure.streams, limit)
    if event_ids:
        deliveries.take_back(connection, event_ids)
        log.erase(connection, event_ids)
    return len(event_ids)


def finish(connection: Connection, erasure: Erasure) -> None:
    connection.execute(delete(erasures).where(erasures.c.id == erasure.id))
