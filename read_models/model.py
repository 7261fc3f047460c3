"""What a read model says of itself, beside its ``project``: how it is kept, and how it is made anew."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table

from events.event import Event, Fact


@dataclass(frozen=True)
class Model:
    """The tables that one reaction keeps together. ``project`` applies events in any order, in a transaction of the
    caller's. ``builders`` are the names of the modules whose ``BUILDER`` grows when they make other rows of the
    same events."""

    name: str
    reaction: str
    hears: tuple[type[Fact], ...]
    project: Callable[[Connection, Sequence[Event]], None]
    tables: tuple[Table, ...]
    builders: tuple[str, ...]

    @property
    def event_names(self) -> tuple[str, ...]:
        """The stored names of the events that it is made from."""
        return tuple(kind.name for kind in self.hears)

    @property
    def builder_version(self) -> int:
        """Grows with each of its builders."""
        return sum(sys.modules[module].BUILDER for module in self.builders)
