"""A crash at each named point: the next process finds what the dead one left, and brings it to its end."""

import ast
import contextlib
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, func, select

from deploy.embedded import EmbeddedServices
from domain.erasure import erasures
from domain.picture import object_key, pictures
from infra import broker, objects
from infra.database import write_engine
from infra.migrating import migrate
from infra.settings import CHECKOUT, Settings, load_settings
from tests.chaos import checker, life
from tests.chaos.journal import Operation, read
from tests.chaos.report import Report, Scenario
from tests.emptying import emptied

ROOMS = ("infra", "events", "domain", "read_models", "workers", "api")
FIRST_GUESS = 3
# Those of the sweep are in a scenario of its own.
NOT_HERE = "sweep "
LIFE_SECONDS = 60


@dataclass(frozen=True)
class Size:
    runs: int


def points() -> list[str]:
    """The names of all points, as the sources have them."""
    found = set[str]()
    for path in (path for room in ROOMS for path in (CHECKOUT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "crash.point":
                found |= {str(each.value) for each in node.args if isinstance(each, ast.Constant)}
    return sorted(name for name in found if not name.startswith(NOT_HERE))


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    # Forked from a process that has loaded everything and opened nothing: cheap, and nothing is inherited.
    context = get_context("forkserver")
    context.set_forkserver_preload([life.__name__])
    trial = Trial(services, context, report.seed, folder)
    with contextlib.closing(trial):
        for point in points():
            for number in range(size.runs):
                trial.run(point, number)
    report.figure("points", len(points()))
    report.figure("runs", sum(trial.died.values()))
    report.at_least("points", len(points()), 12)
    report.none("points never reached", [point for point in points() if trial.died[point] < size.runs])
    for what, wrong in trial.found.items():
        report.none(what, wrong)


class Trial:
    """Many lives on the same servers, with empty tables for each."""

    def __init__(self, services: EmbeddedServices, context: Any, seed: str, folder: Path) -> None:
        of_servers = services.environ()
        more = {"RATELIMIT_ENABLED": "0", "PASSWORD_ROUNDS": "4", "LEASE_SECONDS": "0.01", "TRASH_DAYS": "0"}
        self._environment = of_servers | {"DATABASE_READ_URL": of_servers["DATABASE_URL"]} | more
        self._settings: Settings = load_settings(self._environment)
        migrate(self._settings)
        objects.create_bucket(self._settings)
        self._engine: Engine = write_engine(self._settings, pool_size=2)
        self._redis = broker.connect(self._settings)
        self._store = objects.Store(self._settings)
        self._context = context
        self._seed = seed
        self._folder = folder
        self._passes: Counter[str] = Counter()
        self.died: Counter[str] = Counter()
        self.found: dict[str, list[str]] = {}

    def close(self) -> None:
        self._engine.dispose()
        self._redis.close()

    def run(self, point: str, number: int) -> None:
        """One life that ends at the point, and the healing one."""
        seed = f"{self._seed}/{point}/{number}"
        nth = Random(seed).randint(1, self._passes[point] or FIRST_GUESS)
        journal = self._folder / "journal.jsonl"
        if not self._dies(point, nth, seed, journal) and not self._dies(point, 1, seed, journal):
            return
        self.died[point] += 1
        status = self._live(life.heal, seed, journal)
        wrong = self._wrong(read(journal)) | {"lives that could not heal": [f"exit {status}"] if status else []}
        for what, which in wrong.items():
            self.found.setdefault(what, []).extend(f"{seed}#{nth}: {each}" for each in which)

    def _dies(self, point: str, nth: int, seed: str, journal: Path) -> bool:
        self._begin_anew(journal)
        passes = self._folder / "passes"
        passes.unlink(missing_ok=True)
        status = self._live(life.live, f"{point}:{nth}:{passes}", seed, journal)
        if status not in (0, -signal.SIGKILL):
            self.found.setdefault("lives that ended otherwise", []).append(f"{seed}#{nth}: exit {status}")
        if status == 0 and passes.exists():
            self._passes[point] = passes.stat().st_size
        return status == -signal.SIGKILL

    def _begin_anew(self, journal: Path) -> None:
        emptied(self._engine)
        self._redis.flushall()
        journal.unlink(missing_ok=True)

    def _live(self, target: Any, *arguments: Any) -> int | None:
        process = self._context.Process(target=target, args=(self._environment, *arguments))
        process.start()
        process.join(LIFE_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            return None
        return int(process.exitcode)

    def _wrong(self, operations: dict[str, Operation]) -> dict[str, list[str]]:
        # What was thrown away leaves no effects: the log has forgotten it, and the rebuild must have too.
        doomed = {key for key, operation in operations.items() if operation.kind == "doomed"}
        kept = {key: operation for key, operation in operations.items() if key not in doomed}
        by_key = {key: there for key, there in checker.events_by_key(self._engine).items() if key not in doomed}
        for key in [key for key, there in by_key.items() if all(event.type == "page.purged" for event in there)]:
            del by_key[key]
        wrong = checker.findings(self._engine, kept, by_key)
        return wrong | {"left pending": list(self._left()), "pictures without their objects": list(self._bare())}

    def _left(self) -> Iterator[str]:
        with self._engine.connect() as connection:
            for each in (life.outbox, life.deliveries, erasures):
                if count := connection.scalar(select(func.count()).select_from(each)):
                    yield f"{count} in {each.name}"

    def _bare(self) -> Iterator[str]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(pictures.c.id, pictures.c.status, pictures.c.thumbnails)).all()
        for row in rows:
            names = {"original", *(each.stored_as for each in row.thumbnails)}
            if row.status != "ready" or not all(self._store.has(object_key(row.id, name)) for name in names):
                yield f"picture {row.id} is {row.status}"


SCENARIO = Scenario(2, "crash_points", run, full=Size(runs=50), short=Size(runs=1))
