"""What a scenario found: figures, and what had to hold; as a table and as JSON."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Found = int | float | str


@dataclass(frozen=True)
class Check:
    """``most``: what ``found`` may be at most."""

    what: str
    found: Found
    goal: str
    holds: bool


@dataclass
class Report:
    """``number`` is the scenario's in the list of promises."""

    number: int
    name: str
    seed: str
    figures: dict[str, Found] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def figure(self, what: str, found: Found) -> None:
        self.figures[what] = round(found, 3) if isinstance(found, float) else found

    def note(self, text: str) -> None:
        """What a reader needs to judge a figure, or to find a failure."""
        self.notes.append(text)

    def none(self, what: str, found: Sequence[Any] | int) -> None:
        """There must be none; of what there is, some are shown."""
        count = found if isinstance(found, int) else len(found)
        self.checks.append(Check(what, count, "0", count == 0))
        if count and not isinstance(found, int):
            self.note(f"{what}: {', '.join(map(str, found[:5]))}")

    def at_most(self, what: str, found: float, most: float) -> None:
        self.checks.append(Check(what, round(found, 3), f"≤ {most:g}", found <= most))

    def at_least(self, what: str, found: float, least: float) -> None:
        self.checks.append(Check(what, round(found, 3), f"≥ {least:g}", found >= least))

    def must(self, what: str, holds: bool) -> None:
        self.checks.append(Check(what, "yes" if holds else "no", "yes", holds))

    @property
    def holds(self) -> bool:
        return bool(self.checks) and all(check.holds for check in self.checks)

    def failures(self) -> str:
        """Empty when all holds."""
        failed = [f"{check.what}: {check.found}, must be {check.goal}" for check in self.checks if not check.holds]
        return "\n".join([*failed, *self.notes, f"seed {self.seed}"]) if failed else ""


@dataclass(frozen=True)
class Scenario:
    """``run(services, size, report, folder)`` does it and fills in the report; ``full`` is the promised size. One that
    ``measures_time`` needs the machine for itself."""

    number: int
    name: str
    run: Callable[..., None]
    full: Any
    short: Any
    measures_time: bool = False


def table(reports: Sequence[Report]) -> str:
    rows = [("#", "scenario", "what must hold", "found", "goal", "")]
    for report in reports:
        size = ", ".join(f"{name} {value}" for name, value in report.figures.items())
        rows.append((str(report.number), report.name, f"({report.seconds:.0f} s; {size})", "", "", ""))
        rows += [("", "", c.what, str(c.found), c.goal, "ok" if c.holds else "FAILED") for c in report.checks]
    # The long line of figures may run on; it has nothing to its right.
    widths = [max(len(row[n]) for row in rows if n != 2 or row[3]) for n in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def write_json(reports: Sequence[Report], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [{**asdict(report), "holds": report.holds} for report in reports]
    path.write_text(json.dumps(kept, indent=2, default=str) + "\n")
