"""From turns to what is told of them."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, cast

import pytest
from PIL import Image

from bench import __main__ as main
from bench import room, works
from bench.__main__ import ROWS
from bench.figures import Gauge, Turn, Work, measure, table
from bench.mix import Library
from bench.pictures import draw
from bench.profiling import told


def test_what_fails_as_an_interrupted_row_is_cleared_away_does_not_hide_the_interruption() -> None:
    def row(_: Any) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            raise RuntimeError("a connection in the middle of an answer")

    before = signal.signal(signal.SIGINT, main._interrupt), signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(main.Interrupted):
            main._done(cast(Any, None), row)
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)


def work(ours: Turn, theirs: Turn, goal: float, is_cost: bool = False) -> Work:
    return Work("a work", "something plain", goal, lambda: ours, lambda: theirs, is_cost=is_cost)


def test_a_rate_is_better_the_higher_it_is_and_a_cost_the_lower() -> None:
    fast, slow = Turn(100, 1.0), Turn(100, 2.0)
    assert (measure(work(fast, slow, 2), 3).ratio, measure(work(fast, slow, 2.1), 3).is_met) == (2.0, False)
    assert (measure(work(fast, slow, 0.5, is_cost=True), 3).ratio, measure(work(slow, fast, 1.9, True), 3).is_met) == (
        0.5,
        False,
    )


def test_a_gauge_has_a_least_or_a_most() -> None:
    readings = iter([3.0, 1.0, 2.0])
    assert measure(Gauge("search", "LIKE", 2.0, "x", lambda: next(readings), at_most=False), 3).is_met
    assert not measure(Gauge("lag", "-", 99.0, "ms", lambda: 100.0), 3).is_met


def test_what_is_waited_for_is_told_in_milliseconds() -> None:
    turn = Turn(100, 1.0, tuple(number / 1000 for number in range(1, 101)))
    figure = measure(work(turn, Turn(1, 1.0), 1), 3)
    assert [int(each) for each in figure.latencies] == [50, 95, 99]
    assert measure(work(Turn(1, 1.0), turn, 1), 3).latencies == ()
    assert "95" in table([figure])


def test_pictures_are_drawn_of_what_there_is(tmp_path: Path) -> None:
    waited = measure(work(Turn(100, 1.0, (0.01,) * 100), Turn(1, 1.0), 1), 3)
    rest = measure(Gauge("memory", "-", 400.0, "MB", lambda: 0.0), 3)
    grown = measure(replace(work(Turn(1, 2.0), Turn(1, 1.0), 1.3, is_cost=True), operation="save", pages=10_000), 3)
    paths = draw([waited, rest, grown], tmp_path)
    assert [path.name for path in paths] == ["bench-goals.png", "bench-latencies.png", "bench-growth.png"]
    for path in paths:
        with Image.open(path) as picture:
            picture.load()
    assert [path.name for path in draw([rest], tmp_path)] == ["bench-goals.png"]
    assert draw([], tmp_path) == []


def test_every_work_can_be_asked_for() -> None:
    assert {module for row in ROWS.values() for module in row} == {each.name for each in iter_modules(works.__path__)}


def test_a_work_without_room_is_left_out_and_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert not room.has_room(10**18, "a million pages")
    told_of = capsys.readouterr().err
    assert "left out: a million pages" in told_of
    assert "TMPDIR" in told_of
    assert room.has_room(-room.BYTES_OF_SERVERS, "nothing")


def test_the_mix_is_forty_queries_and_the_same_in_every_run() -> None:
    mix, again = Library(), Library()
    assert len(mix.queries()) == len({each.query for each in mix.queries()}) == 40
    assert mix.queries() == again.queries()
    assert list(mix.texts(10)) == list(again.texts(10))
    assert mix.phrases[0] in next(again.texts(1))


def test_a_profile_is_told_by_parts() -> None:
    lines = told({"a save": {"PyMySQL": 0.75, "ours: api": 0.25}, "a draft": {"ours: api": 1.0}}).split("\n")
    assert [line.split() for line in lines[1:]] == [["PyMySQL", "75%", "0%"], ["ours:", "api", "25%", "100%"]]
