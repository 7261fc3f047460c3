"""Uploads, links and unlinks against a sweep that never rests, each killed before and after every step it takes."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image
from sqlalchemy import func, select

from deploy.embedded import EmbeddedServices
from domain.commands.sweeping import orphan_objects
from domain.picture import object_key, pictures, reservations
from infra import crash
from infra.clock import now, secret_id
from tests.chaos.galleries import Galleries, Wall
from tests.chaos.journal import Journal
from tests.chaos.report import Report, Scenario
from tests.chaos.system import System, until
from workers import stock
from workers.sweep import Sweep

SWEEPER = "sweeper"
# Where each step ends: of an upload, of making its sizes, of the sweep. Who takes them is killed there.
STEPS = {
    "api": ("upload cleaned", "upload reserved", "upload stored", "upload kept"),
    "worker-make-thumbnails": ("thumbnail stored",),
    SWEEPER: ("sweep given up", "sweep orphan removed", "sweep marked", "sweep buried", "sweep cleared"),
}
# What is seldom passed is not waited for twice.
RARE = ("sweep given up", "sweep orphan removed")
# So that uploads are given up while they are still under way, too.
LONGEST_UPLOAD = "2"
HURRIED = {"ORPHAN_GRACE_SECONDS": "1", "AUTOSAVE_REVISION_SECONDS": "86400"}
CONVERGED_WITHIN = 120.0
LATER = timedelta(seconds=40)


@dataclass(frozen=True)
class Size:
    """``wishes``: uploads, links and unlinks together. ``kills``: at each step."""

    wishes: int
    clients: int
    kills: int
    at_most_seconds: float


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    with System(services, **HURRIED) as system:
        wall = Wall(system.engine, system.settings)
        _empty(wall)
        start_sweeper(system)
        journal = Journal(folder / "journal.jsonl")
        with Galleries(system.port, journal, report.seed, size.clients, size.wishes, wall) as galleries:
            killed = Killing(system, galleries, wall, folder, report.seed, size).at_each_step()
            galleries.may_end.set()
            galleries.wait(size.at_most_seconds)
        system.wait_until_ready()
        report.at_most("seconds to converge", system.settle(2 * CONVERGED_WITHIN), CONVERGED_WITHIN)
        system.processes.stop(SWEEPER, "clock")
        _tell_sweeps(report, system, killed)
        _sweep_to_the_end(system)
        _check(report, wall, galleries)


def _empty(wall: Wall) -> None:
    for each in list(wall.store.under("")):
        wall.store.remove(each.key)


@dataclass(frozen=True)
class Killing:
    """Each process that dies does so at a pass of its own choice."""

    system: System
    galleries: Galleries
    wall: Wall
    folder: Path
    seed: str
    size: Size

    def at_each_step(self) -> int:
        """How many died, spread over the wishes. The programs die independently of each other."""
        with ThreadPoolExecutor(len(STEPS)) as pool:
            return sum(pool.map(self._kill, STEPS))

    def _kill(self, program: str) -> int:
        dice = Random(f"{self.seed}/{program}")
        steps = STEPS[program] * self.size.kills
        for number, step in enumerate(steps):
            sent = self.size.wishes * number // (len(steps) + 1)
            self._until(lambda sent=sent: self.galleries.journal.sent >= sent, f"{sent} wishes")  # type: ignore[misc]
            self._kill_at(step, program, f"{number}", 1 if step in RARE else dice.randint(1, 3))
        return len(steps)

    def _kill_at(self, step: str, program: str, round_: str, number: int) -> None:
        passes = self.folder / f"{round_}-{step.replace(' ', '-')}"
        if step == "sweep orphan removed":
            self.wall.leave(secret_id())
        wish: dict[str, Any] = {crash.VARIABLE: f"{step}:{number}:{passes}"}
        # Not asked to end, which it would do in its own time: killed once more.
        self.system.processes.signal(program)
        self.system.processes.stop(program)
        if program == SWEEPER:
            start_sweeper(self.system, **wish)
        else:
            self.system.start(program, **wish)
        self._until(lambda: passes.exists() and passes.stat().st_size >= number, f"{step} to be passed")

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        """Or until nobody works any more."""
        until(lambda: self.galleries.failed() or condition(), self.size.at_most_seconds, what)


def start_sweeper(system: System, **environment: str) -> None:
    system.processes.start(SWEEPER, "-m", "tests.chaos.sweeper", LONGEST_UPLOAD, **environment)


def _tell_sweeps(report: Report, system: System, killed: int) -> None:
    removed: Counter[str] = Counter()
    runs = refused = 0
    with open(system.processes.log(SWEEPER)) as log:
        for line in log:
            # A killed one may have been cut off within a line.
            told = json.loads(line) if line.startswith("{") and line.endswith("}\n") else {}
            runs += "removed" in told
            refused += "refused" in told
            removed.update(told.get("removed", {}))
    report.figure("kills", killed)
    report.figure("sweeps", runs)
    report.figure("refused sweeps", refused)
    for what, count in sorted(removed.items()):
        report.figure(f"swept: {what}", count)
    report.at_least("pictures swept while uploads went on", removed["picture"], 1)


def _sweep_to_the_end(system: System) -> None:
    """When everything's grace is over, and no upload can be under way."""
    for _ in range(20):
        if not Sweep(system.engine, system.settings, now() + LATER).run():
            return
    raise AssertionError("the sweep finds something to remove each time")


def _check(report: Report, wall: Wall, galleries: Galleries) -> None:
    drawn, shown = galleries.pixels(), galleries.shown()
    live = _live(wall)
    there = Counter(each.key.split("/")[1] for each in wall.store.under(stock.PREFIX))
    report.figure("uploads", len(drawn))
    report.figure("linked at the end", len(shown))
    report.figure("swept before their link", sum(each.came_too_late for each in galleries.galleries))
    report.none("acknowledged without its object", galleries.all("bare"))
    report.none("taken while linked", [*galleries.all("taken"), *sorted(shown - live.keys())])
    report.none("originals with another hash", [each for each in live if _hash(wall, each) != live[each]])
    report.none("originals of another picture", [each for each in live if _pixels(wall, each) != drawn.get(each)])
    report.none("unused pictures left", sorted(live.keys() - shown))
    report.none("objects left without a row", sorted(there.keys() - live.keys()))
    report.none("reservations, tombstones and memories left", _leftovers(wall))


def _live(wall: Wall) -> dict[str, str]:
    query = select(pictures.c.id, pictures.c.sha256).where(pictures.c.removed_at.is_(None))
    with wall.engine.connect() as connection:
        return {row.id: row.sha256 for row in connection.execute(query)}


def _original(wall: Wall, picture_id: str) -> bytes:
    return b"".join(wall.store.read(object_key(picture_id, "original")))


def _hash(wall: Wall, picture_id: str) -> str:
    return hashlib.sha256(_original(wall, picture_id)).hexdigest()


def _pixels(wall: Wall, picture_id: str) -> bytes:
    return Image.open(io.BytesIO(_original(wall, picture_id))).tobytes()


def _leftovers(wall: Wall) -> int:
    buried = select(func.count()).select_from(pictures).where(pictures.c.removed_at.is_not(None))
    others = [select(func.count()).select_from(each) for each in (reservations, orphan_objects)]
    with wall.engine.connect() as connection:
        return sum(connection.scalar(query) or 0 for query in (buried, *others))


SCENARIO = Scenario(
    10,
    "sweeping",
    run,
    full=Size(wishes=5_000, clients=4, kills=10, at_most_seconds=3600.0),
    short=Size(wishes=100, clients=3, kills=1, at_most_seconds=120.0),
)
