"""What a request may cost in processor time, for texts made to cost much: twenty times a fixed work, JSON included."""

import gc
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.test_conflicts import Desk
from tests.service import Service

pytestmark = pytest.mark.alone

# Times of the fixed work below. It takes a tenth of a second where the dearest comparison takes a bit under two.
MOST = 20
MEBIBYTE = 2**20


def lines(count: int, line: Callable[[int], str]) -> str:
    return "\n".join(line(number) for number in range(count))[:MEBIBYTE]


def shuffled(seed: int, text: str) -> str:
    chosen = text.split("\n")
    random.Random(seed).shuffle(chosen)
    return "\n".join(chosen)


def every_other(text: str, mark: str, of: int = 2) -> str:
    return "\n".join(line if number % of else f"{line}{mark}" for number, line in enumerate(text.split("\n")))


NUMBERED = lines(95_000, "{:x}".format)
LONG = lines(170_000, "{:x}".format)
WORDS = lines(80_000, lambda number: f"w{number} x{number % 7} y")


def seconds_of(work: Callable[[], Any]) -> tuple[float, Any]:
    """Of this process's processor time, and what came of it."""
    began = time.process_time()
    done = work()
    return time.process_time() - began, done


def cost(work: Callable[[], Any]) -> tuple[float, Any]:
    """In times of a fixed work, so that a slow machine makes nothing dear; and what came of it."""
    # The collector would go over all that a thousand tests have left in this process; the service's own has none of it.
    gc.collect()
    gc.freeze()
    yardstick = min(seconds_of(lambda: sum(number % 7 for number in range(3_600_000)))[0] for _ in range(3))
    seconds, done = seconds_of(work)
    return seconds / yardstick, done


@pytest.mark.parametrize(
    ("base", "theirs", "mine", "is_merged"),
    [
        pytest.param(NUMBERED, shuffled(1, NUMBERED), shuffled(2, NUMBERED), False, id="shuffled in two ways"),
        pytest.param(NUMBERED, every_other(NUMBERED, "m"), every_other(NUMBERED, "t", 3), False, id="every other line"),
        pytest.param("a\nb\n" * 47_000, "b\na\n" * 47_000, "a\n" + "b\na\nb\n" * 31_000, None, id="two lines for ever"),
        pytest.param("x" * MEBIBYTE, "y" * MEBIBYTE, "z" * MEBIBYTE, False, id="a single line"),
        pytest.param(NUMBERED, NUMBERED + "\nmore", f"first\n{NUMBERED}", True, id="long, with two small changes"),
    ],
)
def test_a_conflict_costs_little_and_keeps_the_refused_text(
    service: Service, base: str, theirs: str, mine: str, is_merged: bool | None
) -> None:
    desk = Desk(service, base)
    stale = desk.read()
    desk.save(stale, content=theirs)
    times, refused = cost(lambda: desk.save(stale, 412, content=mine))
    assert times < MOST
    if is_merged is not None:
        assert (refused["merged"] is not None) == is_merged
    kept = desk.author.get(f"/pages/{desk.page['id']}/revisions/{refused['conflict_revision_id']}")
    assert kept["content"] == mine


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(LONG, every_other(LONG, "m")[:MEBIBYTE], id="every other of many short lines"),
        pytest.param(WORDS, WORDS.replace(" x", " z"), id="a word in each line"),
        pytest.param(NUMBERED, shuffled(3, NUMBERED), id="shuffled lines"),
    ],
)
def test_a_comparison_costs_little_and_is_exact(service: Service, old: str, new: str) -> None:
    desk = Desk(service, old)
    desk.save(None, content=new)
    first = desk.author.get(f"/pages/{desk.page['id']}/revisions")["items"][-1]["id"]
    times, found = cost(lambda: desk.author.get(f"/pages/{desk.page['id']}/revisions/{first}/diff"))
    assert times < MOST
    sides = ["".join(each["text"] for each in found["hunks"] if each["op"] != other) for other in ("insert", "delete")]
    assert sides == [old, new]
