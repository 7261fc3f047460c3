"""Words as the search index knows them, for text and queries alike.

The servers' own full-text tokeniser drops short words and stop words, cannot see Chinese (MariaDB has no ngram
parser), and each server differs. So it never gets to see text: words are folded here and written as ASCII terms that
it takes as they are. The first letter says what a term is:

``w`` + the word, when it is ASCII · ``u`` + four base-36 digits for each letter, when it is not ·
``b`` + eight digits for two neighbouring characters of a script without spaces, four for the last one alone.

A beginning of a word is a beginning of its term, which is what prefix search needs.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from read_models.search.folding import APOSTROPHES, PART, RUN_START, fold

# InnoDB ignores words over 84 characters; what the index puts in front of a term takes one more.
MOST_DIGITS = 80
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Part(NamedTuple):
    """A word, or a run of a script without spaces: where it stands in the original text, and its folded form."""

    start: int
    end: int
    text: str
    is_run: bool


@lru_cache(maxsize=65536)
def _folded(word: str) -> tuple[tuple[str, bool], ...]:
    """Folding may tear a word apart (½ is 1 and 2), so one word can give several; the flag says which are runs."""
    found = (match.group() for match in PART.finditer(fold(word)))
    return tuple((sys.intern(text), bool(RUN_START.match(text))) for text in found)


def parts(text: str) -> Iterator[Part]:
    """The words and runs of a text, in order."""
    for match in PART.finditer(text):
        start, end = match.span()
        # Long runs are sentences that never come again: they would only push words out of the cache.
        word = match.group()
        for folded, is_run in _folded(word) if end - start < 32 else _folded.__wrapped__(word):
            yield Part(start, end, folded, is_run)


def _joined(text: str, words: Iterable[Part]) -> Iterator[str]:
    """What apostrophes hold together, as one word: ``don't`` is also found as ``dont``, ``O’Neill`` as ``oneill``."""
    chain: list[Part] = []
    for part in (part for part in words if not part.is_run):
        if chain and not (part.start == chain[-1].end + 1 and text[chain[-1].end] in APOSTROPHES):
            yield from _as_one(chain)
            chain = []
        chain.append(part)
    yield from _as_one(chain)


def _as_one(chain: Sequence[Part]) -> Iterator[str]:
    if len(chain) > 1:
        yield "".join(part.text for part in chain)


def word_term(word: str) -> str:
    """The term of a folded word, or of the beginning of one."""
    return "w" + word[:MOST_DIGITS] if word.isascii() else letters_term(word)


def letters_term(word: str) -> str:
    """The spelt-out term, which is also where an ASCII beginning goes on when a letter beyond ASCII follows it."""
    return "u" + "".join(map(_digits, word[: MOST_DIGITS // 4]))


def run_terms(run: str) -> list[str]:
    """Two characters each, overlapping, and the last one alone: a longer run is a phrase of these."""
    digits = [_digits(character) for character in run]
    return ["b" + first + second for first, second in zip(digits, [*digits[1:], ""], strict=True)]


@lru_cache(maxsize=16384)
def _digits(character: str) -> str:
    number, digits = ord(character), ""
    for _ in range(4):
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits


class Terms(NamedTuple):
    """``sequence`` keeps the order of the text, for phrases; ``others`` are spellings that stand in no phrase."""

    sequence: list[str]
    others: list[str]


def terms(text: str) -> Terms:
    """All terms of a text; linear in its length."""
    found = list(parts(text))
    sequence: list[str] = []
    for part in found:
        if part.is_run:
            sequence += run_terms(part.text)
        else:
            sequence.append(word_term(part.text))
    return Terms(sequence, [word_term(word) for word in _joined(text, found)])
