"""Words as the search index knows them, for text and queries alike.

The servers' own full-text tokeniser drops short words and stop words, cannot see Chinese (MariaDB has no ngram
parser), and each server differs. So it never gets to see text: words are folded here and written as ASCII terms that
it takes as they are. The first letter says what a term is:

``w`` + the word, when it is ASCII · ``u`` + four base-36 digits for each letter, when it is not ·
``b`` + eight digits for two neighbouring characters of a script without spaces, four for the last one alone ·
``s`` + four digits for each letter and sign of a word like ``c++``.

A beginning of a word is a beginning of its term, which is what prefix search needs.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate, chain, combinations
from typing import NamedTuple

from read_models.search.folding import APOSTROPHES, CHAIN, PART, RUN_START, SIGNED, fold

# InnoDB ignores words over 84 characters; what the index puts in front of a term takes one more.
MOST_DIGITS = 80
LONGEST_TERM = 84
# Long runs are sentences that never come again: they would only push words out of the cache.
LONGEST_KEPT = 32
# Of a longer word the rest is not looked at: its term ends before, and folding can make twenty letters of one.
LONGEST_WORD = 400
# Of all terms of a text, in characters. Nobody's mebibyte has more, but one of ligatures would.
MOST_TERMS = 6_000_000
# Of these all parts are words too; of longer ones only the whole.
LONGEST_CHAIN = 4
_APOSTROPHE = re.compile(f"[{APOSTROPHES}]")
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


def folded_word(word: str) -> tuple[tuple[str, bool], ...]:
    """What a word or run becomes, with whether it is a run."""
    if len(word) < LONGEST_KEPT:
        return _folded(word)
    return _folded.__wrapped__(word if RUN_START.match(word) else word[:LONGEST_WORD])


def parts(text: str) -> Iterator[Part]:
    """The words and runs of a text, in order."""
    for match in PART.finditer(text):
        start, end = match.span()
        for folded, is_run in folded_word(match.group()):
            yield Part(start, end, folded, is_run)


def _joined(text: str) -> Iterator[str]:
    """What apostrophes hold together, as one word: ``don't`` is also found as ``dont``, ``O’Neill’s`` as ``oneill``."""
    for held in CHAIN.findall(text):
        words = ["".join(part for part, _ in folded_word(word)) for word in _APOSTROPHE.split(held)]
        if len(words) > LONGEST_CHAIN:
            yield "".join(words)
            continue
        for first, end in combinations(range(len(words) + 1), 2):
            if end - first > 1:
                yield "".join(words[first:end])


def signed_terms(text: str) -> list[str]:
    """The terms of words with their signs, which say nothing by themselves: ``C++`` apart from ``C#`` and ``C``."""
    return list(dict.fromkeys("s" + _digits_of(fold(word)) for word in SIGNED.findall(text)))


def word_term(word: str) -> str:
    """The term of a folded word, or of the beginning of one."""
    return "w" + word[:MOST_DIGITS] if word.isascii() else letters_term(word)


def letters_term(word: str) -> str:
    """The spelt-out term, which is also where an ASCII beginning goes on when a letter beyond ASCII follows it."""
    return "u" + _digits_of(word)


def _digits_of(word: str) -> str:
    return "".join(map(_digits, word[: MOST_DIGITS // 4]))


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


class _Spelt(dict[str, list[str]]):
    """The terms of each word that turns up in a text, behind a mark. Few words of a text are new ones."""

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def __missing__(self, word: str) -> list[str]:
        pairs = folded_word(word)
        found = [run_terms(text) if is_run else [word_term(text)] for text, is_run in pairs]
        self[word] = [self._mark + term for terms in found for term in terms]
        return self[word]


def terms(text: str, mark: str = "") -> Terms:
    """All terms of a text, each behind ``mark``; linear in its length."""
    spelt = _Spelt(mark)
    sequence = list(chain.from_iterable(map(spelt.__getitem__, PART.findall(text))))
    others = [*map(word_term, _joined(text)), *signed_terms(text)]
    told = [mark + term for term in dict.fromkeys(others) if len(term) > 1]
    return Terms(list(_cut(sequence)), list(_cut(told)))


def _cut(found: list[str]) -> Iterable[str]:
    """As many as there is room for in the index."""
    if len(found) * (LONGEST_TERM + 1) <= MOST_TERMS or sum(map(len, found)) + len(found) <= MOST_TERMS:
        return found
    lengths = accumulate(len(term) + 1 for term in found)
    return (term for term, length in zip(found, lengths, strict=True) if length <= MOST_TERMS)
