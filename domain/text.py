"""Counting words and naming a text by its hash."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from infra.markdown import seen

# Han and kana are counted by the character: their writing has no spaces to count by. Half-width kana are the same ones.
_KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9d"
_BY_CHARACTER = rf"{_KANA}\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Accents and vowel signs that are characters of their own; for Python they end a word, for a reader they don't. Those
# beyond 0xFFFF are left out: with them `re` tests a list of ranges one by one, and counting takes twenty times as long.
_ACCENTS = "".join(each for each in map(chr, range(0x300, 0x10000)) if unicodedata.category(each).startswith("M"))
# Soft hyphen, non-joiner, joiner, marks of direction, word joiner; and the voice marks of half-width kana.
_MARKS = f"{_ACCENTS}\u00ad\u200c-\u200f\u2060\uff9e\uff9f"
_LETTER = rf"[^\W_{_BY_CHARACTER}\uff9e\uff9f]"
# Possessive, since nothing that was taken has to be given back: a tenth faster.
_LETTERS = rf"{_LETTER}++(?:[{_MARKS}]++{_LETTER}*+)*+"
# Apostrophes, hyphens, the Catalan and the Hebrew dots, and the dot of 3.14, e.g. and example.org; in numbers more.
_JOINT = r"['’‘ʼ＇\-‐‑\u058a\u05be\u05f3\u05f4·‧.]|(?<=\d)[,:٫٬](?=\d)"
_WORD = rf"[{_BY_CHARACTER}][{_MARKS}]*+|{_LETTERS}(?:(?:{_JOINT}){_LETTERS})*+"
# Addresses are one word each. Every repeat that can fail is bounded, so that no text is gone over again and again.
_ADDRESS = (
    rf"(?<!{_LETTER})(?:[A-Za-z][A-Za-z0-9+.\-]{{1,20}}://|www\.(?=\w))[^\s<>\"“”«»、。，；：！？「」『』（）《》【】]+"
    rf"|(?<!{_LETTER}){_LETTER}[\w.+%\-]{{0,63}}@\w[\w\-]{{0,62}}(?:\.\w[\w\-]{{0,62}})+"
)
# A word, or an address, as it stands in a text.
WORD = re.compile(f"{_ADDRESS}|{_WORD}")

_PLAIN_WORD = re.compile(_WORD)
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:(?:['\-.]|(?<=[0-9])[,:](?=[0-9]))[A-Za-z0-9]+)*")


def count_words(markdown: str) -> int:
    """The number of words that a reader of the Markdown text reads, as a writer would count them."""
    return words_in(seen(markdown))


def words_in(text: str) -> int:
    """The number of words of a text that is shown as it stands."""
    if not text.isascii():
        # Both normal forms have the same words; composed, there are fewer characters to look at.
        text = unicodedata.normalize("NFC", text)
    word = _ASCII_WORD if text.isascii() else _PLAIN_WORD
    if "://" in text or "@" in text or "www." in text:
        word = WORD
    return len(word.findall(text))


def keeps_half(old: str, new: str) -> bool:
    """Whether at least half of the old text, by characters, is still in the new one.

    Nearly always the two begin and end alike. Where they don't, pairs of neighbouring words are looked for, wherever
    they went: single words are much the same in any two texts of a language.
    """
    if len(new) * 2 < len(old):
        return False
    begin = _alike(old, new)
    end = _alike(old[: begin - len(old) - 1 : -1], new[: begin - len(new) - 1 : -1])
    if (begin + end) * 2 >= len(old):
        return True
    before, after = Counter(_pairs(old)), Counter(_pairs(new))
    kept = sum(len(pair[1]) * count for pair, count in (before & after).items())
    return kept * 2 >= sum(len(pair[1]) * count for pair, count in before.items()) > 0


def _alike(one: str, other: str) -> int:
    """How many characters both begin with, halving what is unknown: comparing whole slices is what is fast."""
    known, unknown = 0, min(len(one), len(other))
    while known < unknown:
        middle = (known + unknown + 1) // 2
        if one[known:middle] == other[known:middle]:
            known = middle
        else:
            unknown = middle - 1
    return known


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    return pairwise(_PLAIN_WORD.findall(text))


def sha256(text: str) -> str:
    """The SHA-256 of the text in UTF-8, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
