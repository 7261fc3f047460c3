"""Text that is long and varied enough to be somebody's page, the same in every run."""

import itertools
import random
from collections.abc import Sequence

SYLLABLES = [consonant + vowel for consonant in "bcdfglmnpr" for vowel in "aeiou"]
SPANISH = [consonant + vowel for consonant in ("b", "c", "ñ", "ll", "rr", "t") for vowel in "aeoáéíóúü"]
# Of a script without spaces: no text, but the same number of characters as somebody uses who reads the paper.
CHINESE = [chr(number) for number in range(0x4E00, 0x4E00 + 3 * 2500, 3)]


class Prose:
    """Words by a falling frequency, as in any language: few are common, most are rare. ``words`` are in that order."""

    def __init__(self, seed: int, words: int = 8000, syllables: Sequence[str] = SYLLABLES, space: str = " ") -> None:
        self._random = random.Random(seed)
        self._space = space
        self.words = ["".join(self._random.choices(syllables, k=self._random.randint(1, 4))) for _ in range(words)]
        self._cumulative = list(itertools.accumulate(1 / rank for rank in range(1, words + 1)))

    def text(self, words: int) -> str:
        chosen = self._random.choices(self.words, cum_weights=self._cumulative, k=words)
        sentences = (self._space.join(chosen[start : start + 12]).capitalize() for start in range(0, words, 12))
        return ". ".join(sentences) + "."

    def of_length(self, characters: int) -> str:
        return self.text(characters)[:characters]
