"""The envelope, and the registry that ties a fact's class to its stored name.

A stored name is for ever: rename the class, never the name. Unknown fields in a stored payload are ignored, so that
old code can read what newer code wrote.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar

import msgspec


class UnknownEvent(Exception):
    """The log holds an event of a type that this code does not know: it was written by newer code."""


class DamagedEvent(Exception):
    """A payload that is not what its type says."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What happened (its class) and what is now true (its fields: the whole state after the change)."""

    name: ClassVar[str]
    owner_id: str
    notebook_id: str | None = None

    @property
    def withdraws(self) -> str | None:
        """The id of the page or notebook that readers must no longer see because of this."""
        return None

    @property
    def room(self) -> int:
        """The bytes of a user's text that are kept for as long as the fact itself. What a page's saves add depends on
        what they replace; the page tells that."""
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact in its envelope. ``version`` is gapless per ``aggregate_id``; no order across aggregates is promised."""

    id: str
    aggregate_id: str
    version: int
    actor_id: str | None
    correlation_id: str
    occurred_at: datetime
    fact: Any


_BY_NAME: dict[str, type[Fact]] = {}
FactClass = TypeVar("FactClass", bound=type[Fact])


def named(name: str) -> Callable[[FactClass], FactClass]:
    """Register a class of facts under the name it is stored by."""

    def register(kind: FactClass) -> FactClass:
        if name in _BY_NAME:
            raise ValueError(f"two kinds of event are called {name}")
        kind.name = name
        _BY_NAME[name] = kind
        return kind

    return register


def encode(fact: Fact) -> str:
    """The fact's fields as JSON text."""
    return msgspec.json.encode(fact).decode()


def decode(name: str, payload: str) -> Fact:
    """The fact of the given name.

    Raises:
        UnknownEvent: no class has that name.
        DamagedEvent: the payload lacks a field or has one of another type.
    """
    kind = _BY_NAME.get(name)
    if kind is None:
        raise UnknownEvent(f"no event is called {name!r}; was it written by a newer version?")
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise DamagedEvent(f"{name}: {error}") from error
