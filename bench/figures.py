"""From turns to a ratio: rounds, medians, spread, and the table."""

import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

# A figure that moves more than this between rounds says more about the machine's other work than about ours.
MOST_SPREAD = 0.15


@dataclass(frozen=True)
class Turn:
    """So much was done in so long; ``latencies``, in seconds, where each was waited for by itself."""

    count: int
    seconds: float
    latencies: tuple[float, ...] = ()


@dataclass(frozen=True)
class Work:
    """``ours`` and ``theirs`` do a bounded amount of the same work, one time each a turn."""

    name: str
    against: str
    goal: float
    ours: Callable[[], Turn]
    theirs: Callable[[], Turn]
    # More and shorter turns let a disturbance from outside fall on both sides alike.
    turns: int = 2
    # A cost and not a rate: the ratio is what one of ours takes to what one of theirs takes, and should be small.
    is_cost: bool = False
    # Of what is done among growing numbers of pages: the same operation has one name, and is measured at each number.
    operation: str = ""
    pages: int = 0


@dataclass(frozen=True)
class Gauge:
    """``read`` answers one reading, which should be at most ``goal``, or at least that much."""

    name: str
    about: str
    goal: float
    unit: str
    read: Callable[[], float]
    at_most: bool = True


@dataclass(frozen=True)
class Figure:
    """A measured work; rates are per second, ``ratios`` one a round. Of a gauge, ``ratios`` are its readings in
    ``unit`` and there are no rates. ``latencies`` are ours in milliseconds: the median, and what 95 and 99 of 100 stay
    below; none where nobody waits for each by itself. ``operation``, ``pages``: see ``Work``."""

    name: str
    against: str
    goal: float
    ours: float | None
    theirs: float | None
    ratios: tuple[float, ...]
    unit: str = "x"
    at_most: bool = False
    latencies: tuple[float, ...] = ()
    operation: str = ""
    pages: int = 0

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def spread(self) -> float:
        return (max(self.ratios) - min(self.ratios)) / self.ratio if self.ratio else 0.0

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal

    @property
    def is_quotable(self) -> bool:
        return self.spread <= MOST_SPREAD


def measure(work: Work | Gauge, rounds: int) -> Figure:
    if isinstance(work, Gauge):
        readings = tuple(work.read() for _ in range(max(rounds, 3)))
        return Figure(work.name, work.about, work.goal, None, None, readings, work.unit, work.at_most)
    work.ours(), work.theirs()
    latencies: list[float] = []
    pairs = [_round(work, latencies) for _ in range(max(rounds, 3))]
    return Figure(
        work.name,
        work.against,
        work.goal,
        median(ours for ours, _ in pairs),
        median(theirs for _, theirs in pairs),
        tuple(theirs / ours if work.is_cost else ours / theirs for ours, theirs in pairs),
        at_most=work.is_cost,
        latencies=_percentiles(latencies),
        operation=work.operation,
        pages=work.pages,
    )


def _round(work: Work, latencies: list[float]) -> tuple[float, float]:
    """Both rates, from turns in the order A B B A, so that a steady drift cancels out. Ours add to ``latencies``."""
    ours: list[Turn] = []
    theirs: list[Turn] = []
    for turn in range(work.turns):
        sides = [(ours, work.ours), (theirs, work.theirs)]
        for done, side in sides if turn % 2 == 0 else reversed(sides):
            done.append(side())
    latencies.extend(each for turn in ours for each in turn.latencies)
    return _rate(ours), _rate(theirs)


def _percentiles(latencies: Sequence[float]) -> tuple[float, ...]:
    if len(latencies) < 100:
        return ()
    cuts = quantiles(latencies, n=100)
    return tuple(round(1000 * cuts[each - 1], 3) for each in (50, 95, 99))


def _rate(turns: Sequence[Turn]) -> float:
    return sum(turn.count for turn in turns) / sum(turn.seconds for turn in turns)


HEADINGS = ("work", "measured against", "ours/s", "theirs/s", "p50", "p95", "p99 ms", "value", "spread", "goal", "met?")


def table(figures: Sequence[Figure]) -> str:
    rows = [HEADINGS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _row(figure: Figure) -> tuple[str, ...]:
    met = "yes" if figure.is_met else "NO"
    doubt = "" if figure.is_quotable else f" (spread over {MOST_SPREAD:.0%}: not to be quoted)"
    value = f"{figure.ratio:.2f} {figure.unit}", f"{figure.spread:.0%}"
    latencies = [f"{each:.1f}" for each in figure.latencies] or ["", "", ""]
    goal = f"{'<=' if figure.at_most else '>='} {figure.goal:g} {figure.unit}"
    return (
        figure.name,
        figure.against,
        _told(figure.ours),
        _told(figure.theirs),
        *latencies,
        *value,
        goal,
        met + doubt,
    )


def _told(rate: float | None) -> str:
    if rate is None:
        return "-"
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def write_json(figures: Sequence[Figure], profiles: dict[str, dict[str, float]], target: Path) -> None:
    rows = [_asdict(figure) for figure in figures]
    about = {"at": datetime.now(UTC).isoformat(), "machine": platform.platform(), "python": platform.python_version()}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({**about, "figures": rows, "profiles": profiles}, indent=2) + "\n")


def _asdict(figure: Figure) -> dict[str, object]:
    told = {name: getattr(figure, name) for name in ("ratio", "spread", "is_met", "is_quotable")}
    return asdict(figure) | told
