"""Counting words and naming a text by its hash."""

import hashlib
import re
import unicodedata

# Han, kana, Hangul and their kin are counted by the character: their writing has no spaces to count by.
_KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
_BY_CHARACTER = rf"{_KANA}\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
# Accents and vowel signs that are characters of their own; for Python they end a word, for a reader they don't. Those
# beyond 0xFFFF are left out: with them `re` tests a list of ranges one by one, and counting takes twenty times as long.
_MARKS = "".join(each for each in map(chr, range(0x300, 0x10000)) if unicodedata.category(each).startswith("M"))
_LETTERS = rf"[^\W_{_BY_CHARACTER}]+(?:[{_MARKS}]+[^\W_{_BY_CHARACTER}]*)*"
WORD = re.compile(rf"[{_BY_CHARACTER}]|{_LETTERS}(?:['’\-]{_LETTERS})*")


def count_words(text: str) -> int:
    """The number of words, as a writer would count them."""
    if text.isascii():
        return len(_ASCII_WORD.findall(text))
    return len(WORD.findall(text))


_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:['\-][A-Za-z0-9]+)*")


def sha256(text: str) -> str:
    """The SHA-256 of the text in UTF-8, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
