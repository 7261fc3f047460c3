"""A worker dies or stands still while its child works on; the child comes back late, when others have gone on.

The child is stopped in the middle of a job. Its worker is killed, or stopped, or left alone and its connection to the
database cut, as a server does that has waited long enough. Another worker does what it can meanwhile, from newer saves
or from the same ones. Then the child goes on.
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Any

from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import OperationalError

from deploy.embedded import EmbeddedServices
from events.deliveries import deliveries
from events.log import outbox
from events.subscriptions import CUT_REVISIONS, INDEX_SEARCH, TRACK_REFERENCES, UPDATE_VIEWS
from infra import crash
from tests.chaos import checker
from tests.chaos.client import Client
from tests.chaos.journal import Journal
from tests.chaos.processes import send, state_of
from tests.chaos.report import Report, Scenario
from tests.chaos.scenarios.editing import Watch
from tests.chaos.sockets import sockets_of
from tests.chaos.system import System, until
from tests.chaos.watching import repeated
from tests.chaos.writers import Author

# Before its effect the child holds nothing but its deliveries, so newer saves overtake it. After it, it holds rows that
# others want, and its connection is cut: else the others would only wait for it.
POINTS = {"reaction begun": "overtaken", "reaction applied": "cut off", "reaction done": "cut off"}
FATES = ("killed", "stopped", "alive")
REACTIONS = (UPDATE_VIEWS, CUT_REVISIONS, INDEX_SEARCH, TRACK_REFERENCES)
PATIENCE = 60.0
SETTLE_SECONDS = 120.0
UNKNOWN_THREAD = 1094


@dataclass(frozen=True)
class Size:
    rounds: int


@dataclass(frozen=True)
class Round:
    number: int
    reaction: str
    point: str
    fate: str


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    dice = Random(report.seed)
    every = list(product(REACTIONS, POINTS, FATES))
    dice.shuffle(every)
    # First the one that only the version guard stands against.
    every.insert(0, every.pop(every.index((UPDATE_VIEWS, "reaction begun", "killed"))))
    with System(services) as system:
        journal = Journal(folder / "journal.jsonl")
        author = Author("author", Client(system.port), journal, dice)
        author.sign_up(notebooks=1, pages=1)
        watch = Watch(system.engine)
        with repeated(watch.look):
            for number in range(size.rounds):
                _play(Round(number, *every[number % len(every)]), system, author, folder)
            report.figure("seconds to settle", system.settle(SETTLE_SECONDS))
        report.figure("rounds", size.rounds)
        report.none("views that went back", watch.back)
        checker.check(report, system, journal, [author])


def _play(this: Round, system: System, author: Author, folder: Path) -> None:
    system.settle(SETTLE_SECONDS)
    name, passes = f"worker-{this.reaction}", folder / f"passes-{this.number}"
    system.processes.stop(name)
    dying: dict[str, Any] = {crash.VARIABLE: f"{this.point}:1:{passes}:stop"}
    system.start(name, **dying)
    author.save()
    child = until(lambda: _stopped_child(system, name), PATIENCE, f"{name} to begin")
    worker = system.processes.pid(name)
    assert worker
    if this.fate == "killed":
        send(worker, SIGKILL)
    elif this.fate == "stopped":
        send(worker, SIGSTOP)
        system.start(f"{name}#2")
    else:
        system.start(f"{name}#2")
    _let_others_go_on(this, system, author, child)
    send(child, SIGCONT)
    send(worker, SIGCONT)
    system.processes.stop(f"{name}#2")


def _stopped_child(system: System, name: str) -> int | None:
    return next((pid for pid in system.processes.children(name) if state_of(pid) == "T"), None)


def _let_others_go_on(this: Round, system: System, author: Author, child: int) -> None:
    author.save()
    if POINTS[this.point] == "overtaken" and this.reaction == UPDATE_VIEWS:
        # A read brings the view up to date at once. What takes longer than a batch may take would have the child broken
        # off instead of refused.
        author.client.ask("GET", "/notebooks")
    elif POINTS[this.point] == "overtaken":
        held = _newest_held(system, this.reaction)
        until(lambda: _owed_after(system, this.reaction, held) == 0, PATIENCE, "the newer save to overtake")
    else:
        _cut_off(system, child)
        # As if the half minute were over after which the relay sends it again.
        system.redis.flushall()
        until(lambda: _owed_after(system, this.reaction, 0) == 0, PATIENCE, "the same work to be done again")


def _newest_held(system: System, reaction: str) -> int:
    """The version that the child has in its hands; the save after it is the one newer."""
    columns = deliveries.c
    query = select(func.min(columns.version)).where(columns.reaction == reaction, columns.type.like("page.%"))
    with system.engine.connect() as connection:
        return connection.scalar(query) or 0


def _owed_after(system: System, reaction: str, version: int) -> int:
    columns = deliveries.c
    owed = select(func.count()).where(
        columns.reaction == reaction, columns.type.like("page.%"), columns.version > version
    )
    waiting = select(func.count()).select_from(outbox)
    with system.engine.connect() as connection:
        return (connection.scalar(owed) or 0) + (connection.scalar(waiting) or 0)


def _cut_off(system: System, child: int) -> None:
    """Let the server end what the child has open there."""
    port = make_url(system.settings.database_url).port
    hosts = [f"127.0.0.1:{each.local}" for each in sockets_of(child) if each.remote == port]
    with system.engine.connect() as connection:
        rows = connection.execute(text("SELECT id, host FROM information_schema.processlist")).all()
        for row in rows:
            if row.host in hosts:
                try:
                    connection.execute(text(f"KILL {int(row.id)}"))
                except OperationalError as error:
                    # What the server listed a moment ago may have ended by itself.
                    if error.orig is None or error.orig.args[0] != UNKNOWN_THREAD:
                        raise


SCENARIO = Scenario(6, "late_writer", run, full=Size(rounds=72), short=Size(rounds=2))
