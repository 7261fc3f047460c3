"""Three-way merge of two edits on their common base, paragraph by paragraph and line by line.

It never takes longer than about a second, whatever the texts: beyond its work lines count as changed, and where both
edits changed the same ones there is no merge. It needs nothing but the three texts, so it can be made outside of any
transaction.
"""

from collections.abc import Sequence

from merge3 import Merge3

from domain.matching import MOST_STEPS, Work, parts

# Lines of all three texts together, beyond which not even reading them is cheap: a mebibyte of prose has a tenth.
MOST_LINES = 300_000


def merge(base: str, mine: str, theirs: str) -> str | None:
    """Both edits in one text, or None where they touch the same lines, or where it would take too long to tell."""
    if mine == theirs or theirs == base:
        return mine
    if mine == base:
        return theirs
    lines = [text.splitlines(True) for text in (base, mine, theirs)]
    return _merged(*lines) if sum(map(len, lines)) <= MOST_LINES else None


def _merged(base: list[str], mine: list[str], theirs: list[str]) -> str | None:
    found: list[str] = []
    for kind, *lines in Merge3(base, mine, theirs, sequence_matcher=_Matcher).merge_groups():
        if kind == "conflict":
            return None
        found.extend(lines[0])
    return "".join(found)


class _Matcher:
    """What ``Merge3`` asks for by the interface of ``difflib``, which is quadratic on lines that repeat."""

    def __init__(self, _: object, before: Sequence[str], after: Sequence[str]) -> None:
        self._before, self._after = before, after

    def get_matching_blocks(self) -> list[tuple[int, int, int]]:
        equal = (part for part in parts(self._before, self._after, Work(MOST_STEPS // 4)) if part.is_equal)
        blocks = [(part.old.start, part.new.start, part.old.stop - part.old.start) for part in equal]
        return [*blocks, (len(self._before), len(self._after), 0)]


def merge_line(base: str, mine: str, theirs: str) -> str | None:
    """One of two titles: whichever changed; None when both did, differently."""
    if mine == theirs or theirs == base:
        return mine
    return theirs if mine == base else None
