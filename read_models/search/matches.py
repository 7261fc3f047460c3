"""Where the words of a query stand in a text: found in the folded text, told in places of the original.

A page may be long and made for it, and a query asks for many words of many pages. So a text is looked at stretch by
stretch until one holds all that was asked for, or until the work that one request may cause is done.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import NamedTuple

from read_models.search.folding import APOSTROPHES, fold, goes_on, is_word
from read_models.search.query import Atom, Piece, Query
from read_models.search.words import parts

# Nothing folds to this (it is no character), so it can stand for all that does not fold to one character.
_UNEVEN = "\ufffe"

# What is looked at in one go, at least, and twice; and where a word has to end.
STRETCH, LEAST, OVERLAP, NEAR = 8000, 400, 200, 60
# Of one piece in one stretch: enough to choose the best from.
MOST_PLACES = 200
# What a character costs, before each piece of the query makes it one unit dearer. Folding word by word is slow.
EVEN, UNEVEN = 4, 100
_SPACE = re.compile(r"\s+")


class Match(NamedTuple):
    """Where a piece of the query stands in the original text, and which."""

    start: int
    end: int
    piece: int


class Folded(NamedTuple):
    """A folded text; ``places`` are those of its characters, and of its end, in the original."""

    text: str
    places: Sequence[int]


class _Evenly(dict[int, str]):
    """A table for ``str.translate``, filled as characters turn up: each becomes exactly one."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        plain = "'" if character in APOSTROPHES else fold(character) if is_word(character) else character
        self[code] = plain if len(plain) == 1 else _UNEVEN
        return self[code]


_EVENLY = _Evenly()


class Work:
    """What may be spent on all results of a request, handed out in even shares; what one leaves is for the others."""

    def __init__(self, units: int, results: int) -> None:
        self._left, self._results = units, results

    def share(self) -> int:
        """The units for the next result."""
        share = self._left // max(self._results, 1)
        self._results -= 1
        return share

    def spend(self, units: int) -> None:
        self._left -= units


def stretches(text: str, query: Query, work: Work) -> Iterator[list[Match]]:
    """All places of all wanted pieces in one stretch of the text after the other, in order. In each stretch only the
    first places of a piece are told, where it has very many."""
    left, start = work.share(), 0
    # Looking for a piece that stands nowhere costs as well.
    price = EVEN + len(query.wanted)
    while start < len(text) and left > 0:
        end = _end(text, start, min(STRETCH, max(left // price, LEAST)))
        even = text[start:end].translate(_EVENLY)
        if _UNEVEN in even:
            price = UNEVEN + len(query.wanted)
            end = _end(text, start, min(STRETCH, max(left // price, LEAST)))
            yield _find(_unevenly(text[start:end]), query, start)
        else:
            yield _find(Folded(even, range(len(even) + 1)), query, start)
        left -= price * (end - start)
        work.spend(price * (end - start))
        # A little is looked at twice, for phrases that go on behind the end.
        start = end if end == len(text) else max(_end(text, end - OVERLAP, 0), start + 1)


def _end(text: str, start: int, length: int) -> int:
    """A place between two words, if there is one near."""
    end = start + length
    if end >= len(text):
        return len(text)
    space = _SPACE.search(text, end, end + NEAR)
    return space.end() if space else end


def _find(folded: Folded, query: Query, start: int) -> list[Match]:
    found = [match for number, piece in enumerate(query.wanted) for match in _places(folded, piece, number)]
    places = folded.places
    return sorted(Match(start + places[first], start + places[end], number) for first, end, number in found)


def _unevenly(text: str) -> Folded:
    """Word by word, because letters can fold to two or none, and with their accents to another one."""
    shown, places, done = [], [], 0
    for part in parts(text):
        if part.start < done:
            # Folding tore this word apart (½ is 1 and 2): the second half stands nowhere by itself.
            continue
        gap, word = text[done : part.start].translate(_EVENLY), text[part.start : part.end]
        shown += [gap, part.text]
        places += [*range(done, part.start), *_origins(part.start, word, part.text)]
        done = part.end
    return Folded("".join([*shown, text[done:]]), [*places, *range(done, len(text) + 1)])


def _origins(start: int, word: str, folded: str) -> Sequence[int]:
    if len(word) == len(folded):
        return range(start, start + len(word))
    places = [start + place for place, character in enumerate(word) for _ in fold(character)]
    # Where letters fold differently together than alone, a part of the word would be marked at the wrong place.
    return places if len(places) == len(folded) else [start] * len(folded)


def _places(folded: Folded, piece: Piece, number: int) -> list[tuple[int, int, int]]:
    exact = [(*span, number) for span in islice(_spans(folded.text, piece, _pattern(piece.atoms)), MOST_PLACES)]
    if exact or len(piece.atoms) > 1 or piece.atoms[0].is_run or "'" not in folded.text:
        return exact
    apart = _spans(folded.text, piece, _apart(piece.atoms[0].text))
    return [(*span, number) for span in islice(apart, MOST_PLACES)]


def _spans(text: str, piece: Piece, pattern: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where the pattern stands between word boundaries. A run has none, nor has the end of a prefix."""
    first, last = piece.atoms[0], piece.atoms[-1]
    for start, end in (match.span() for match in pattern.finditer(text)):
        begins = first.is_run or start == 0 or not goes_on(text, start - 1)
        ends = last.is_run or last.is_prefix or not goes_on(text, end)
        if begins and ends:
            yield start, end


@lru_cache(maxsize=256)
def _pattern(atoms: tuple[Atom, ...]) -> re.Pattern[str]:
    """Between two words stands something that is neither; a run of a script without spaces needs no gap."""
    pairs = pairwise(atoms)
    gaps = [r"[\W_]*" if one.is_run or other.is_run else r"[\W_]+" for one, other in pairs]
    return re.compile("".join(re.escape(atom.text) + gap for atom, gap in zip(atoms, [*gaps, ""], strict=True)))


@lru_cache(maxsize=256)
def _apart(word: str) -> re.Pattern[str]:
    """``dont`` as it stands in ``don't``."""
    return re.compile("'?".join(map(re.escape, word)))
