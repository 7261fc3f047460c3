"""Whether a text is in a good mood, by VADER's lexicon of English words, emoticons and emoji."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

# VADER is made for a sentence or two. On more its score runs into 1 or -1, and its time grows with the square: for a
# text of 5,000 emoji ten seconds.
LONGEST_PIECE = 300
# As its authors recommend.
NEUTRAL_BELOW = 0.05

_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*|[.!?。！？\n]+")

Label = Literal["positive", "neutral", "negative"]


@dataclass(frozen=True)
class Judgement:
    """``score`` is from -1, as bad as can be, to 1."""

    sentence: str
    label: Label
    score: float


def judge(sentence: str) -> Judgement:
    """One judgement over the whole text: the mean over its pieces, each counting by its length."""
    pieces = list(_pieces(sentence))
    total = sum(len(piece) * _score(piece) for piece in pieces)
    score = round(total / max(sum(map(len, pieces)), 1), 4)
    return Judgement(sentence, _label(score), score)


def _label(score: float) -> Label:
    if abs(score) < NEUTRAL_BELOW:
        return "neutral"
    return "positive" if score > 0 else "negative"


def _pieces(text: str) -> Iterator[str]:
    """A short text as it is; of a longer one its sentences, and what is too long for a sentence in parts."""
    if len(text) <= LONGEST_PIECE:
        yield text
        return
    for sentence in _SENTENCE.findall(text):
        yield from (sentence[start : start + LONGEST_PIECE] for start in range(0, len(sentence), LONGEST_PIECE))


def _score(piece: str) -> float:
    score: float = _analyzer().polarity_scores(piece)["compound"]
    return score


@cache
def _analyzer() -> Any:
    return SentimentIntensityAnalyzer()
