"""What an edit changed, word by word.

Line by line first, then word by word inside the lines that changed: most of a long text is equal, and lines find that
out quickly (see matching.py). What has little in common is refined by an ordinary diff, which is quadratic, while a
fixed amount of work lasts; what then remains counts as deleted and written anew, which is still exact.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

from domain.matching import Part, Work, coarser, parts
from domain.text import WORD, words_in

# Pairs of words to hold against each other: in one gap, and in all. It bounds the time to a second or so.
MOST_IN_A_GAP = 40_000
MOST_IN_ALL = 500_000
# Parts that lines fall into; and, in all, those of changed lines that are told word by word. Each costs little, to find
# and to tell, but a mebibyte may have 200,000.
MOST_PARTS = 20_000

Op = Literal["equal", "delete", "insert"]
CHANGES: tuple[Op, Op] = ("delete", "insert")
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
    """The hunks that lead from the old text to the new one, and how many words that takes. A mebibyte of anything takes
    below two seconds."""
    hunks = list(_joined(_without_lone_gaps(list(_joined(_compared(old, new))))))
    return Comparison(hunks, _words(hunks, "insert"), _words(hunks, "delete"))


def _words(hunks: Iterable[Hunk], op: Op) -> int:
    return sum(words_in(hunk.text) for hunk in hunks if hunk.op == op)


def _compared(old: str, new: str) -> Iterator[Hunk]:
    work = Work()
    before, after = _LINE.findall(old), _LINE.findall(new)
    found = list(parts(before, after, work))
    if len(found) > MOST_PARTS:
        return _hunks(before, after, coarser(found, MOST_PARTS))
    return _by_words(_hunks(before, after, found), work)


def _by_words(hunks: Iterable[Hunk], work: Work) -> Iterator[Hunk]:
    pairs_left, parts_left = [MOST_IN_ALL], MOST_PARTS
    for is_equal, group in groupby(hunks, lambda hunk: hunk.op == "equal"):
        lines = list(group)
        if is_equal or parts_left <= 0:
            yield from lines
            continue
        before, after = (_PIECE.findall(_side(lines, op)) for op in CHANGES)
        found = list(parts(before, after, work))
        parts_left -= len(found)
        yield from _changed(before, after, found, pairs_left) if parts_left >= 0 else lines


def _changed(before: list[str], after: list[str], found: Iterable[Part], pairs_left: list[int]) -> Iterator[Hunk]:
    for part in found:
        gap = before[part.old], after[part.new]
        whole = Part(slice(None), slice(None), True)
        yield from _hunks(*gap, [whole] if part.is_equal else _closely(*gap, pairs_left))


def _closely(before: Sequence[str], after: Sequence[str], pairs_left: list[int]) -> Iterable[Part]:
    pairs = len(before) * len(after)
    if min(len(before), len(after)) <= 1 or pairs > min(MOST_IN_A_GAP, pairs_left[0]):
        return [Part(slice(None), slice(None), False)]
    pairs_left[0] -= pairs
    opcodes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [Part(slice(a, a_end), slice(b, b_end), tag == "equal") for tag, a, a_end, b, b_end in opcodes]


def _hunks(before: Sequence[str], after: Sequence[str], found: Iterable[Part]) -> Iterator[Hunk]:
    for a, b, is_equal in found:
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
