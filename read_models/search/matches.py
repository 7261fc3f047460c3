"""Where the words of a query stand in a text: found in the folded text, told in places of the original."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from read_models.search.folding import APOSTROPHES, fold, goes_on, is_word
from read_models.search.query import Atom, Piece, Query
from read_models.search.words import parts

# Nothing folds to this (it is no character), so it can stand for all that does not fold to one character.
_UNEVEN = "\ufffe"


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


def find(text: str, query: Query) -> list[Match]:
    """All places of all wanted pieces, in order; linear in the text."""
    folded = _folded(text)
    found = [match for number, piece in enumerate(query.wanted) for match in _places(folded, piece, number)]
    return sorted(Match(folded.places[start], folded.places[end], number) for start, end, number in found)


def _folded(text: str) -> Folded:
    even = text.translate(_EVENLY)
    return _unevenly(text) if _UNEVEN in even else Folded(even, range(len(even) + 1))


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
    exact = [(*span, number) for span in _spans(folded.text, piece, _pattern(piece.atoms))]
    if exact or len(piece.atoms) > 1 or piece.atoms[0].is_run or "'" not in folded.text:
        return exact
    return [(*span, number) for span in _spans(folded.text, piece, _apart(piece.atoms[0].text))]


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
