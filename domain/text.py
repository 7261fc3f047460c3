"""Counting words and naming a text by its hash."""

import hashlib
import re

# Han, kana, Hangul and their kin are counted by the character: their writing has no spaces to count by.
_BY_CHARACTER = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_BY_CHARACTER}]|(?:(?![{_BY_CHARACTER}])[^\W_])+(?:['’\-](?:(?![{_BY_CHARACTER}])[^\W_])+)*")


def count_words(text: str) -> int:
    """The number of words, as a writer would count them."""
    if text.isascii():
        return len(_ASCII_WORD.findall(text))
    return len(_WORD.findall(text))


_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:['\-][A-Za-z0-9]+)*")


def sha256(text: str) -> str:
    """The SHA-256 of the text in UTF-8, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
