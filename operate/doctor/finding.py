"""What a doctor finds, and how a check is written down."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from operate.doctor.patient import Patient


@dataclass(frozen=True)
class Finding:
    """``what`` is so, what it ``means`` for the service, and what ``helps``: a command or a setting, as a rule."""

    what: str
    means: str
    helps: str


Look = Callable[[Patient], Iterator[Finding]]


@dataclass(frozen=True)
class Check:
    """``needs``: the parts that must answer before it can look."""

    name: str
    needs: tuple[str, ...]
    look: Look


def check(name: str, *needs: str) -> Callable[[Look], Check]:
    """Make a check of a function that yields findings."""
    return lambda look: Check(name, needs, look)
