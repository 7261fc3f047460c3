"""What all aggregates share: a row with a version, and the facts that a change records."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from sqlalchemy import Select, Table, select

from events.event import Fact


@dataclass(kw_only=True)
class Aggregate:
    """Loaded and locked by the unit of work, changed by its own methods only.

    Fields named like a column of ``table`` are stored; others (``query`` may add some) are only read.
    """

    table: ClassVar[Table]

    id: str
    version: int = 0
    facts: list[Fact] = field(default_factory=list, repr=False)

    @classmethod
    def query(cls, aggregate_id: str) -> Select[Any]:
        """How to load one."""
        return select(cls.table).where(cls.table.c.id == aggregate_id)

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(**row)

    def stored(self) -> dict[str, Any]:
        """The column values of its row."""
        return {column.name: getattr(self, column.name) for column in self.table.columns}

    def numbered_facts(self) -> Sequence[tuple[int, Fact]]:
        """Each recorded fact with the version it made; versions are gapless because each fact counts one."""
        first = self.version - len(self.facts) + 1
        return list(enumerate(self.facts, start=first))
