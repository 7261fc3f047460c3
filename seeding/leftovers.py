"""What an import does not take along, to be named at its end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Leftover:
    """`name` is a file of the folder; `reason` says what of it is not taken along, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{shown(self.name)}: {self.reason}"


class Leftovers:
    """All of an import's, each once, in the order in which they were found."""

    def __init__(self, found: Iterable[Leftover] = ()) -> None:
        """Begin with what is known before anything is sent."""
        self._found = dict.fromkeys(found)

    def add(self, name: str, reason: str) -> None:
        """Note one more."""
        self._found.setdefault(Leftover(name, reason))

    def __iter__(self) -> Iterator[Leftover]:
        """Go through them."""
        return iter(self._found)

    def __len__(self) -> int:
        """Count them."""
        return len(self._found)


def shown(name: str) -> str:
    """A name that a terminal can show: names of files may hold line breaks, control codes and stray bytes."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in name)
