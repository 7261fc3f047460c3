"""Text that is long and varied enough to be somebody's page, the same in every run."""

import itertools
import random

SYLLABLES = [consonant + vowel for consonant in "bcdfglmnpr" for vowel in "aeiou"]


class Prose:
    """Words by a falling frequency, as in any language: few are common, most are rare."""

    def __init__(self, seed: int, words: int = 8000) -> None:
        self._random = random.Random(seed)
        self._words = ["".join(self._random.choices(SYLLABLES, k=self._random.randint(1, 4))) for _ in range(words)]
        self._cumulative = list(itertools.accumulate(1 / rank for rank in range(1, words + 1)))

    def text(self, words: int) -> str:
        chosen = self._random.choices(self._words, cum_weights=self._cumulative, k=words)
        sentences = (" ".join(chosen[start : start + 12]).capitalize() for start in range(0, words, 12))
        return ". ".join(sentences) + "."

    def of_length(self, characters: int) -> str:
        return self.text(characters)[:characters]
