"""The mix of queries by which search is measured, and the pages that they are asked of: both the same in every run."""

from collections.abc import Iterator
from typing import NamedTuple

from bench.prose import CHINESE, SPANISH, Prose

WORDS = 200
# Of ten pages eight are in English, or in something as regular, one is in Spanish and one in Chinese.
ENGLISH_OF_TEN = 8


class Asked(NamedTuple):
    """``likes`` are what LIKE has to find, all of them, for the same."""

    kind: str
    query: str
    likes: tuple[str, ...]


class Library:
    def __init__(self) -> None:
        self._english = Prose(seed=11, words=150_000)
        self._spanish = Prose(seed=12, words=20_000, syllables=SPANISH)
        self._chinese = Prose(seed=13, words=20_000, syllables=CHINESE, space="")
        # Before the first text: what a query names must not depend on how many pages there are.
        self.phrases = [self._english.text(4).lower().strip(".") for _ in range(3)]

    def texts(self, count: int) -> Iterator[str]:
        """Each phrase stands in every thousandth."""
        for number in range(count):
            place = number % 10
            prose = self._english if place < ENGLISH_OF_TEN else self._spanish if place == 8 else self._chinese
            phrase = self.phrases[number // 1000 % 3] if number % 1000 == 0 else ""
            yield f"{prose.text(WORDS)} {phrase}"

    def queries(self) -> list[Asked]:
        """Forty. Words are named by their rank: the first are the commonest."""
        english, spanish, chinese = _long(self._english, 6), _long(self._spanish, 4), _long(self._chinese, 2)
        twos = ((4, 9), (20, 50), (100, 3000), (300, 20_000), (1, 50_000), (1000, 2000))
        pairs = [f"{english[first]} {english[second]}" for first, second in ((1, 2), (3, 40), (10, 200))]
        return [
            *(_of_words("rare", english[rank]) for rank in range(40_000, 64_000, 2_000)),
            *(_of_words("common", english[rank]) for rank in (1, 3, 8, 20, 60, 150)),
            *(_of_words("two words", english[first], english[second]) for first, second in twos),
            *(Asked("phrase", f'"{phrase}"', (phrase,)) for phrase in (*self.phrases, *pairs)),
            *(Asked("prefix", f"{english[rank][:6]}*", (english[rank][:6],)) for rank in (700, 5_000, 40_000)),
            *(_of_words("Spanish", spanish[rank]) for rank in (3, 500, 8_000)),
            *(_of_words("Chinese", chinese[rank]) for rank in (40, 700, 3_000, 8_000)),
        ]


def _long(prose: Prose, characters: int) -> list[str]:
    """Its words that are long enough to be one word only: short ones are drawn again and again."""
    return list(dict.fromkeys(word for word in prose.words if len(word) >= characters))


def _of_words(kind: str, *words: str) -> Asked:
    return Asked(kind, " ".join(words), words)
