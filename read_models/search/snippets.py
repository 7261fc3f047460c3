"""The piece of a page that a search result shows: where the words stand closest together, with ``<mark>`` on them."""

import html
import re
from collections.abc import Iterable, Sequence

from read_models.search.folding import fold
from read_models.search.matches import Match, Work, stretches
from read_models.search.query import Query

LENGTH = 200
MOST_ACCENTS = 32

# Units of work (see matches.py) for all snippets of a request: below a second, whatever stands in the pages.
WORK = 16_000_000
_SPACE = re.compile(r"\s+")


def snippet(text: str, query: Query, length: int = LENGTH, work: Work | None = None) -> str:
    """About ``length`` characters of ``text`` as HTML: escaped, matches in ``<mark>``, an ellipsis where it was cut.

    The best place holds the most of what was asked for, as far as ``work`` lets look; without any, it is the beginning.
    """
    chosen = _chosen(text, query, length, work or Work(WORK, 1))
    start, end = _window(text, chosen, length)
    shown = _marked(text, start, end, chosen)
    return ("…" if text[:start].strip() else "") + shown.strip() + ("…" if text[end:].strip() else "")


def _chosen(text: str, query: Query, length: int, work: Work) -> Sequence[Match]:
    """The matches of the best window. The first one that holds all that was asked for is good enough."""
    most, chosen = (0, 0), list[Match]()
    for matches in stretches(text, query, work):
        worth, first, last = _best(matches, length)
        if worth > most:
            most, chosen = worth, matches[first:last]
        if most[0] == len(query.wanted):
            break
    return chosen


def _best(matches: Sequence[Match], length: int) -> tuple[tuple[int, int], int, int]:
    """The slice of the matches that fit into one window and hold the most different pieces, then the most matches;
    before it, how many these are."""
    best, chosen = (0, 0), (0, 0)
    seen: dict[int, int] = {}
    first = 0
    for last, match in enumerate(matches):
        seen[match.piece] = seen.get(match.piece, 0) + 1
        while first < last and match.end - matches[first].start > length * 3 // 4:
            _forget(seen, matches[first].piece)
            first += 1
        worth = (len(seen), last - first + 1)
        if worth > best:
            best, chosen = worth, (first, last + 1)
    return best, *chosen


def _forget(seen: dict[int, int], piece: int) -> None:
    seen[piece] -= 1
    if not seen[piece]:
        del seen[piece]


def _window(text: str, chosen: Sequence[Match], length: int) -> tuple[int, int]:
    """Where to cut: a little before the first match, at spaces where there are some near."""
    if not chosen:
        return 0, _cut_end(text, length, length // 2)
    start = max(0, min(chosen[0].start - length // 4, len(text) - length))
    start = _cut_start(text, start, chosen[0].start)
    end = _cut_end(text, start + length, min(chosen[-1].end, start + length))
    return start, end


def _cut_start(text: str, start: int, latest: int) -> int:
    if start == 0:
        return 0
    space = _SPACE.search(text, start - 1, latest)
    return space.end() if space else _whole(text, start)


def _cut_end(text: str, end: int, earliest: int) -> int:
    if end >= len(text):
        return len(text)
    cut = max(text.rfind(space, earliest, end + 1) for space in " \n\t")
    return cut if cut > 0 else _whole(text, end)


def _whole(text: str, place: int) -> int:
    """Never between a letter and its accents, which come after it; a text can be nothing but accents, though."""
    latest = min(place + MOST_ACCENTS, len(text))
    while 0 < place < latest and not fold(text[place]):
        place += 1
    return place


def _marked(text: str, start: int, end: int, matches: Iterable[Match]) -> str:
    shown: list[str] = []
    done = start
    for match in sorted(matches):
        first, last = max(match.start, done), min(match.end, end)
        if first < last:
            shown += [_escaped(text[done:first]), "<mark>", _escaped(text[first:last]), "</mark>"]
            done = last
    return "".join([*shown, _escaped(text[done:end])])


def _escaped(text: str) -> str:
    return html.escape(_SPACE.sub(" ", text))
