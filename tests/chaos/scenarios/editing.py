"""Many clients save the same pages at once: versions without gaps, no update lost, and no view that ever goes back."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sqlalchemy import Engine, Table, select

from deploy.embedded import EmbeddedServices
from read_models.notebook_view import notebook_views
from read_models.page_view import page_views
from read_models.published import published_notebooks
from read_models.search.index import search_entries
from tests.chaos import checker
from tests.chaos.client import Client
from tests.chaos.journal import Journal
from tests.chaos.report import Report, Scenario
from tests.chaos.system import ALL, WORKERS, System
from tests.chaos.watching import repeated
from tests.chaos.writers import Author

WATCHED = (page_views, notebook_views, search_entries, published_notebooks)
# Pages that are saved at the same time; with more clients than pages each has several.
AT_ONCE = 4
PAGES_A_NOTEBOOK = 20
SETTLE_SECONDS = 300.0


@dataclass(frozen=True)
class Size:
    pages: int
    edits: int
    clients: int


class Watch:
    """Looks at the versions in the views over and over; ``back``: what was seen at a lower one than before."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: dict[tuple[str, ...], int] = {}
        self.looks = 0
        self.back: list[str] = []

    def look(self) -> None:
        for table in WATCHED:
            for key, version in _versions(self._engine, table):
                if version < self._seen.get(key, 0):
                    self.back.append(f"{' '.join(key)} from {self._seen[key]} to {version}")
                self._seen[key] = version
        self.looks += 1


def _versions(engine: Engine, table: Table) -> Iterator[tuple[tuple[str, ...], int]]:
    with engine.connect() as connection:
        for *key, version in connection.execute(select(*table.primary_key, table.c.version)):
            yield (table.name, *key), version
        connection.rollback()


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    twins = [f"{name}#2" for name in WORKERS]
    with System(services, (*ALL, "relay#2", *twins)) as system:
        journal = Journal(folder / "journal.jsonl")
        owner = _owner(system, journal, report.seed, size.pages)
        editors = [_editor(owner, number, system.port, journal, report.seed) for number in range(size.clients)]
        watch = Watch(system.engine)
        with repeated(watch.look, pause=0.1):
            _edit(editors, owner.pages, size)
            report.figure("seconds to settle", system.settle(SETTLE_SECONDS))
        report.figure("pages", size.pages)
        report.figure("edits of each", size.edits)
        report.figure("clients", size.clients)
        report.figure("looks at the views", watch.looks)
        report.none("views that went back", watch.back)
        checker.check(report, system, journal, [owner], stale_reads=sum(each.stale_reads for each in editors))


def _owner(system: System, journal: Journal, seed: str, pages: int) -> Author:
    owner = Author("owner", Client(system.port), journal, Random(seed))
    owner.sign_up(notebooks=-(-pages // PAGES_A_NOTEBOOK), pages=pages)
    return owner


def _editor(owner: Author, number: int, port: int, journal: Journal, seed: str) -> Author:
    """The owner at another desk."""
    editor = Author(f"editor{number}", Client(port), journal, Random(f"{seed}/{number}"))
    editor.email = owner.email
    editor.client.token = owner.client.token
    editor.versions = dict.fromkeys(owner.versions, 1)
    return editor


def _edit(editors: Sequence[Author], pages: Sequence[tuple[str, str]], size: Size) -> None:
    for start in range(0, len(pages), AT_ONCE):
        some = list(pages[start : start + AT_ONCE])
        left = Turns(size.edits * len(some))
        with ThreadPoolExecutor(len(editors)) as pool:
            list(pool.map(lambda editor, some=some, left=left: _take_turns(editor, some, left), editors))


class Turns:
    """So many edits, shared out to who comes."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._lock = threading.Lock()

    def take(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0


def _take_turns(editor: Author, pages: list[tuple[str, str]], turns: Turns) -> None:
    editor.pages = pages
    while turns.take():
        editor.dice.choices((editor.save, editor.save_on_what_was_read), (2, 1))[0]()
        if editor.dice.random() < 0.1:
            editor.read()


SCENARIO = Scenario(
    4,
    "editing",
    run,
    full=Size(pages=200, edits=250, clients=16),
    short=Size(pages=4, edits=50, clients=8),
)
