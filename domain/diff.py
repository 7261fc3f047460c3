"""What an edit changed, word by word.

Line by line first, then word by word inside the lines that changed: most of a long text is equal, and lines find that
out quickly. The texts are tied together at what stands once in both of them (patience diff), which takes time in
proportion to them whatever they hold. An ordinary diff is quadratic, so it only refines what is left over, while a
fixed amount of work lasts; what then remains counts as deleted and written anew, which is still exact.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

from patiencediff import unique_lcs

from domain.text import WORD, words_in

# How often what lies between two ties is looked at again for new ones; text written by people needs three or four.
DEEPEST = 10
# Pairs of words to hold against each other: in one gap, and in all. It bounds the time to a second or so.
MOST_IN_A_GAP = 40_000
MOST_IN_ALL = 500_000

Op = Literal["equal", "delete", "insert"]
# A place in the old sequence and one in the new, where the same piece stands.
Tie = tuple[int, int]
# A part of the old sequence, the part of the new one that stands in its place, and whether they are equal.
Parts = Iterable[tuple[slice, slice, bool]]
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
# A word, a run of white space, or a single sign.
_PIECE = re.compile(rf"{WORD.pattern}|\s+|.", re.DOTALL)


class Hunk(NamedTuple):
    """``equal`` and ``delete`` joined are the old text, ``equal`` and ``insert`` the new one."""

    op: Op
    text: str


@dataclass(frozen=True)
class Comparison:
    hunks: list[Hunk]
    inserted_words: int
    deleted_words: int


def compare(old: str, new: str) -> Comparison:
    """The hunks that lead from the old text to the new one, and how many words that takes."""
    hunks = list(_joined(_without_lone_gaps(list(_joined(_by_words(_by_lines(old, new)))))))
    return Comparison(hunks, _words(hunks, "insert"), _words(hunks, "delete"))


def _words(hunks: Iterable[Hunk], op: Op) -> int:
    return sum(words_in(hunk.text) for hunk in hunks if hunk.op == op)


def _by_lines(old: str, new: str) -> Iterator[Hunk]:
    before, after = _LINE.findall(old), _LINE.findall(new)
    return _hunks(before, after, _patience(before, after))


def _by_words(hunks: Iterable[Hunk]) -> Iterator[Hunk]:
    work_left = [MOST_IN_ALL]
    for is_equal, group in groupby(hunks, lambda hunk: hunk.op == "equal"):
        lines = list(group)
        yield from lines if is_equal else _changed(_side(lines, "delete"), _side(lines, "insert"), work_left)


def _changed(old: str, new: str, work_left: list[int]) -> Iterator[Hunk]:
    before, after = _PIECE.findall(old), _PIECE.findall(new)
    for a, b, is_equal in _patience(before, after):
        gap = before[a], after[b]
        yield from _hunks(*gap, [(slice(None), slice(None), True)] if is_equal else _closely(*gap, work_left))


def _patience(before: Sequence[str], after: Sequence[str]) -> Parts:
    # The library's own recursion ends the process' thread on texts made for it, so only its core is used.
    found: list[Tie] = []
    _tie(before, after, (0, len(before), 0, len(after)), DEEPEST, found)
    return _parts(found, (len(before), len(after)))


def _tie(
    before: Sequence[str], after: Sequence[str], window: tuple[int, int, int, int], depth: int, found: list[Tie]
) -> None:
    """Add the places, in order, where the window's two sides are tied together."""
    a, a_end, b, b_end = window
    while a < a_end and b < b_end and before[a] == after[b]:
        found.append((a, b))
        a, b = a + 1, b + 1
    tail = 0
    while a < a_end - tail and b < b_end - tail and before[a_end - tail - 1] == after[b_end - tail - 1]:
        tail += 1
    if depth:
        ties = [(a + x, b + y) for x, y in unique_lcs(before[a : a_end - tail], after[b : b_end - tail])]
        for x, y in [*ties, (a_end - tail, b_end - tail)] if ties else ():
            _tie(before, after, (a, x, b, y), depth - 1, found)
            a, b = x, y
    found.extend((a_end - left, b_end - left) for left in range(tail, 0, -1))


def _parts(ties: list[Tie], ends: Tie) -> Parts:
    """The runs of ties, and what lies between them."""
    begin = a = b = 0
    for x, y in [*ties, ends]:
        if (x, y) != (a, b):
            yield slice(begin, a), slice(0), True
            yield slice(a, x), slice(b, y), False
            begin = x
        a, b = x + 1, y + 1
    yield slice(begin, ends[0]), slice(0), True


def _closely(before: Sequence[str], after: Sequence[str], work_left: list[int]) -> Parts:
    work = len(before) * len(after)
    if min(len(before), len(after)) <= 1 or work > min(MOST_IN_A_GAP, work_left[0]):
        return [(slice(None), slice(None), False)]
    work_left[0] -= work
    opcodes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [(slice(a, a_end), slice(b, b_end), tag == "equal") for tag, a, a_end, b, b_end in opcodes]


def _hunks(before: Sequence[str], after: Sequence[str], parts: Parts) -> Iterator[Hunk]:
    for a, b, is_equal in parts:
        if is_equal:
            yield Hunk("equal", "".join(before[a]))
        else:
            yield Hunk("delete", "".join(before[a]))
            yield Hunk("insert", "".join(after[b]))


def _side(hunks: Iterable[Hunk], op: Op) -> str:
    return "".join([hunk.text for hunk in hunks if hunk.op == op])


def _joined(hunks: Iterable[Hunk]) -> Iterator[Hunk]:
    """Neighbours of one kind as one, what was deleted before what was inserted in its place."""
    for is_equal, group in groupby(hunks, lambda hunk: hunk.op == "equal"):
        parts = list(group)
        ops: tuple[Op, ...] = ("equal",) if is_equal else ("delete", "insert")
        yield from (Hunk(op, text) for op in ops if (text := _side(parts, op)))


def _without_lone_gaps(hunks: list[Hunk]) -> Iterator[Hunk]:
    """A space that two replaced words happen to have between them reads better as a part of both."""
    for place, hunk in enumerate(hunks):
        if _is_gap(hunk) and _replaced(hunks[max(place - 2, 0) : place], hunks[place + 1 : place + 3]):
            yield Hunk("delete", hunk.text)
            yield Hunk("insert", hunk.text)
        else:
            yield hunk


def _is_gap(hunk: Hunk) -> bool:
    return hunk.op == "equal" and len(hunk.text) < 8 and words_in(hunk.text) == 0


def _replaced(*neighbours: list[Hunk]) -> bool:
    return all([hunk.op for hunk in pair] == ["delete", "insert"] for pair in neighbours)
