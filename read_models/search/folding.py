"""Letters: which of them make words, in which scripts, and what is left of them without case and accents."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

APOSTROPHES = "'’‘ʼʻ＇`´"
# Letters that stand for others to most readers, yet have no decomposition in Unicode; and Arabic's tatweel, which only
# makes a word longer.
_LOOKALIKES = str.maketrans(
    {
        **{
            "ø": "o",
            "đ": "d",
            "ð": "d",
            "ł": "l",
            "ħ": "h",
            "ŧ": "t",
            "ı": "i",
            "ŋ": "n",
            "æ": "ae",
            "œ": "oe",
            "þ": "th",
        },
        **{"ى": "ي", "ی": "ي", "ک": "ك", "ـ": ""},
    }
)

# Han, kana, bopomofo, Hangul, Thai, Lao, Myanmar, Khmer: written without spaces, or (Korean) inflected by gluing.
_SPACELESS = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1100, 0x11FF), (0x1780, 0x17FF), (0x2E80, 0x2FDF), (0x3005, 0x3007)),
    *((0x3021, 0x3029), (0x3031, 0x3035), (0x3041, 0x3096), (0x3099, 0x309A), (0x309D, 0x309F), (0x30A1, 0x30FA)),
    *((0x30FC, 0x30FF), (0x3105, 0x318E), (0x31A0, 0x31BF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF)),
    *((0xA9E0, 0xA9FE), (0xAA60, 0xAA7F), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0xFF66, 0xFFDC), (0x20000, 0x3FFFF)),
)
# Emoji and other signs that people look for. They are words, and stand side by side like letters of such a script.
_EMOJI = (
    *((0x231A, 0x231B), (0x2328, 0x2328), (0x23CF, 0x23CF), (0x23E9, 0x23FA), (0x25AA, 0x25AB), (0x25B6, 0x25B6)),
    *((0x25C0, 0x25C0), (0x25FB, 0x25FE), (0x2600, 0x2767), (0x2794, 0x27BF), (0x2934, 0x2935), (0x2B05, 0x2B07)),
    *((0x2B1B, 0x2B1C), (0x2B50, 0x2B50), (0x2B55, 0x2B55), (0x1F000, 0x1F0FF), (0x1F18E, 0x1F19A)),
    *((0x1F1E6, 0x1F1FF), (0x1F300, 0x1FAFF)),
)
_SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
# Soft hyphen, zero-width space, non-joiner, joiner, word joiner, byte order mark: invisible, so never part of a word.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"


def _characters(codes: Iterable[int]) -> str:
    """The inside of a character class for the given code points, as ranges."""
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return _inside(ranges)


def _inside(ranges: Iterable[Sequence[int]]) -> str:
    return "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in ranges)


def _is_letter(code: int) -> bool:
    return unicodedata.category(chr(code))[0] in "LM"


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


# From here on, all of them are letters, or not assigned yet; before, punctuation and digits stand in between.
_ONLY_LETTERS = 0x3400
_RUN = _characters(
    code for first, last in _SPACELESS if first < _ONLY_LETTERS for code in range(first, last + 1) if _is_letter(code)
) + _inside(each for each in _SPACELESS if each[0] >= _ONLY_LETTERS)
_SIGN = _inside(_EMOJI)
# No mark stands above U+1FFFF but the variation selectors, which end at U+E01EF.
_MARK = _INVISIBLE + _characters(c for c in (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)) if _is_mark(chr(c)))
_LETTER = rf"[^\W_ʼʻ{_RUN}]"
_WORD = rf"{_LETTER}++(?:[{_MARK}]++{_LETTER}*+)*+"
# A run of a script without spaces, or a word.
PART = re.compile(rf"{_WORD}|[{_RUN}{_SIGN}][{_RUN}{_SIGN}{_MARK}]*")
RUN_START = re.compile(f"[{_RUN}{_SIGN}]")
# Words that apostrophes hold together, and words that signs are a part of: ``C++``, ``C#``, ``.NET``. Neither is looked
# for in the middle of a word, or a long one would be gone over again from each of its letters.
CHAIN = re.compile(rf"(?<!{_LETTER})(?<![{_MARK}]){_WORD}(?:[{APOSTROPHES}]{_WORD})+")
SIGNED = re.compile(rf"(?<![\w.+#@{_MARK}])(?:[.#@]{_WORD}[+#]*|{_WORD}[+#]+)(?!\w)")
_GOES_ON = re.compile(f"{_LETTER}|[{_MARK}]")


def fold(text: str) -> str:
    """The text without case, accents, compatibility forms and invisible characters: ``Señora`` is ``senora``."""
    if text.isascii():
        return text.lower()
    kept = "".join(_plain(character) for character in unicodedata.normalize("NFKD", text) if not _is_accent(character))
    folded = kept.casefold().translate(_LOOKALIKES)
    # Case folding may decompose (ΐ), hence once more; NFC puts the parts of Hangul and kana together again.
    return unicodedata.normalize("NFC", "".join(c for c in folded if not _is_accent(c)))


def is_word(character: str) -> bool:
    """Whether the character can be part of a word."""
    return character.isalnum() or _is_mark(character) or character in _INVISIBLE or character in _SKIN_TONES


def goes_on(text: str, place: int) -> bool:
    """Whether at this place stands a part of a word of a script with spaces."""
    return _GOES_ON.match(text, place) is not None


@lru_cache(maxsize=4096)
def _is_accent(character: str) -> bool:
    """Marks that a reader may leave out. Kana voicing (8), viramas (9) and the vowel and tone signs of Thai, Lao and
    Tibetan (103-132) combine too, but without them it would be another word."""
    if character in _INVISIBLE or character in _SKIN_TONES:
        return True
    combining = unicodedata.combining(character)
    if combining:
        return combining not in (8, 9) and not 103 <= combining <= 132
    return _is_mark(character) and (
        unicodedata.category(character) == "Me" or "VARIATION" in unicodedata.name(character, "")
    )


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """Digits of every script as ASCII digits."""
    return str(unicodedata.decimal(character, character))
