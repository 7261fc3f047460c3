"""What two sequences have in common, in order, for a bounded amount of work.

First they are tied together at what stands once in both (patience), which takes time in proportion to them and follows
what people mean. What lies between two ties is gone over with Myers' algorithm, which finds the smallest change and
takes the longer the larger that is: where a few of many equal lines changed, nothing stands once. Beyond its work the
rest has nothing in common, as far as this goes.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from patiencediff import unique_lcs

# How often what lies between two ties is looked at again for new ones; text written by people needs three or four.
DEEPEST = 10
# The largest change that is looked for between two ties; all that was tried is remembered, which is its square.
LARGEST = 1200
# Steps of Myers' algorithm in all: half a second or so.
MOST_STEPS = 1_200_000

# A place in the old sequence and one in the new, where the same piece stands.
Tie = tuple[int, int]


class Part(NamedTuple):
    """A part of the old sequence, the part of the new one that stands in its place, and whether they are equal."""

    old: slice
    new: slice
    is_equal: bool


class Work:
    """What may still be done."""

    def __init__(self, steps: int = MOST_STEPS) -> None:
        self.steps = steps


def parts(before: Sequence[str], after: Sequence[str], work: Work) -> Iterator[Part]:
    """Both sequences from beginning to end, as parts that are equal and parts that are not, by turns."""
    found = list(_by_turns(_matched(before, after, work)))
    for place in range(1, len(found) - 1):
        if found[place].is_equal:
            found[place - 1 : place + 2] = _paired(before, after, *found[place - 1 : place + 2])
    return _by_turns(found)


def _matched(before: Sequence[str], after: Sequence[str], work: Work) -> Iterator[Part]:
    ends = (len(before), len(after))
    for part in _runs(_patience(before, after), ends):
        if part.is_equal:
            yield part
            continue
        a, b = part.old.start, part.new.start
        closer = smallest(before[part.old], after[part.new], work)
        # As good as nothing in common: what ties there are would be accidents.
        if closer is None:
            yield part
        else:
            for old, new, is_equal in _runs(closer, (part.old.stop - a, part.new.stop - b)):
                yield Part(_moved(old, a), _moved(new, b), is_equal)


def _paired(before: Sequence[str], after: Sequence[str], gap: Part, run: Part, rest: Part) -> tuple[Part, Part, Part]:
    """Of equal lines any could be the ones that stayed. Where something was only added before a run of them and
    something only taken away behind it, or the other way round, it reads as two changes; moved, the run leaves one."""
    lacks, leaves = _size(gap.new) - _size(gap.old), _size(rest.old) - _size(rest.new)
    if lacks > 0 and leaves > 0:
        by = min(lacks, leaves)
        if before[_moved(run.old, by)] == before[run.old]:
            return _shifted(gap, run, rest, by, 0)
    elif lacks < 0 and leaves < 0:
        by = min(-lacks, -leaves)
        if after[_moved(run.new, by)] == after[run.new]:
            return _shifted(gap, run, rest, 0, by)
    return gap, run, rest


def _shifted(gap: Part, run: Part, rest: Part, old: int, new: int) -> tuple[Part, Part, Part]:
    return (
        Part(slice(gap.old.start, gap.old.stop + old), slice(gap.new.start, gap.new.stop + new), False),
        Part(_moved(run.old, old), _moved(run.new, new), True),
        Part(slice(rest.old.start + old, rest.old.stop), slice(rest.new.start + new, rest.new.stop), False),
    )


def _by_turns(found: Iterable[Part]) -> Iterator[Part]:
    """Parts without empty ones, and neighbours of one kind as one."""
    last: Part | None = None
    for part in found:
        if not _size(part.old) and not _size(part.new):
            continue
        if last and last.is_equal == part.is_equal:
            last = Part(slice(last.old.start, part.old.stop), slice(last.new.start, part.new.stop), part.is_equal)
            continue
        if last:
            yield last
        last = part
    if last:
        yield last


def coarser(found: Sequence[Part], most: int) -> Sequence[Part]:
    """The same in at most so many parts: what is equal for a short way only counts as different."""
    least = 1
    while len(found) > most:
        least *= 2
        found = list(_by_turns(part if _size(part.old) >= least else part._replace(is_equal=False) for part in found))
    return found


def _size(part: slice) -> int:
    size: int = part.stop - part.start
    return size


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def _patience(before: Sequence[str], after: Sequence[str]) -> list[Tie]:
    # The library's own recursion ends the process' thread on texts made for it, so only its core is used.
    found: list[Tie] = []
    _tie(before, after, (0, len(before), 0, len(after)), DEEPEST, found)
    return found


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


def _runs(ties: Sequence[Tie], ends: Tie) -> Iterator[Part]:
    """The runs of ties, and what lies between them."""
    start = old = new = 0
    for x, y in [*ties, ends]:
        if (x, y) != (old, new):
            if old > start:
                yield Part(slice(start, old), slice(new - (old - start), new), True)
            yield Part(slice(old, x), slice(new, y), False)
            start = x
        old, new = x + 1, y + 1
    if ends[0] > start:
        yield Part(slice(start, ends[0]), slice(ends[1] - (ends[0] - start), ends[1]), True)


def smallest(before: Sequence[str], after: Sequence[str], work: Work) -> list[Tie] | None:
    """The ties that leave the smallest change; None when that is more than half of both, or more than ``work``."""
    size, other = len(before), len(after)
    limit = min((size + other) // 2, LARGEST)
    # Of one against one nothing is left to find: equal ends were tied before.
    if not size or not other or size == other == 1 or abs(size - other) > limit:
        return None
    # On each diagonal (old place - new place) the farthest old place that so many changes reach.
    middle = limit + 1
    reached = array("l", bytes(array("l").itemsize * (2 * limit + 3)))
    history: list[array[int]] = []
    for changes in range(limit + 1):
        history.append(reached[middle - changes - 1 : middle + changes + 2])
        for diagonal in range(-changes, changes + 1, 2):
            x = _next(reached, middle + diagonal, diagonal == -changes, diagonal == changes)
            y = x - diagonal
            begun = x
            while x < size and y < other and before[x] == after[y]:
                x, y = x + 1, y + 1
            reached[middle + diagonal] = x
            work.steps -= 1 + x - begun
            if x >= size and y >= other:
                return _traced(history, size, other)
        if work.steps < 0:
            return None
    return None


def _next(reached: "array[int]", place: int, is_first: bool, is_last: bool) -> int:
    """Where one change more leads to: one piece less of the new sequence, or one less of the old."""
    if is_first or (not is_last and reached[place - 1] < reached[place + 1]):
        return reached[place + 1]
    return reached[place - 1] + 1


def _traced(history: "list[array[int]]", x: int, y: int) -> list[Tie]:
    """The way back from the end, change by change."""
    found: list[Tie] = []
    for changes in range(len(history) - 1, -1, -1):
        reached, diagonal, middle = history[changes], x - y, changes + 1
        here = middle + diagonal
        down = diagonal == -changes or (diagonal != changes and reached[here - 1] < reached[here + 1])
        before = reached[here + 1] if down else reached[here - 1]
        begun = before if down else before + 1
        while x > begun:
            x, y = x - 1, y - 1
            found.append((x, y))
        x, y = before, before - (diagonal + 1 if down else diagonal - 1)
    found.reverse()
    return found
