"""What all aggregates share: a row with a version, and the facts that a change records."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Self

from sqlalchemy import Select, Table, bindparam, select

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
    # How many bytes of text its owner has more than before, besides what the facts tell of themselves.
    grown: int = 0
    # How many the owner has; where ``query`` asks for it.
    text_used: int | None = None

    @classmethod
    def query(cls) -> Select[Any]:
        """Loads the one whose id is given as ``key``."""
        return select(cls.table).where(cls.table.c.id == bindparam("key"))

    # Built once: to build and compile a statement takes SQLAlchemy several times what it takes to send it.

    @classmethod
    @cache
    def locking_query(cls) -> Select[Any]:
        return cls.query().with_for_update()

    @classmethod
    @cache
    def columns(cls) -> tuple[str, ...]:
        return tuple(cls.table.columns.keys())

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(**row)

    def stored(self) -> dict[str, Any]:
        """The column values of its row."""
        return {name: getattr(self, name) for name in self.columns()}

    def numbered_facts(self) -> Sequence[tuple[int, Fact]]:
        """Each recorded fact with the version it made; versions are gapless because each fact counts one."""
        first = self.version - len(self.facts) + 1
        return list(enumerate(self.facts, start=first))
