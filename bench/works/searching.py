"""A fixed mix of forty queries over 100,000 pages, beside LIKE on the same rows and beside the bare full-text query."""

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from statistics import median, quantiles
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.mysql import match
from tqdm import tqdm

from bench.figures import Gauge
from bench.mix import Asked, Library
from bench.room import has_room
from bench.running import Running
from read_models.search.hits import search
from read_models.search.index import ANYWHERE, Entry, put, search_entries
from read_models.search.query import parse_query
from read_models.search.rights import Audience

PAGES = 100_000
BYTES_A_PAGE = 12_000
AT_ONCE = 500
TIMES = 3
MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
columns = search_entries.c


def works(running: Running) -> Iterator[Gauge]:
    if not has_room(PAGES * BYTES_A_PAGE, f"search in {PAGES:,} pages"):
        return
    library = Library()
    queries = library.queries()
    with running.writing.connect() as connection:
        _index(connection, library)
    mix = Mix(running, queries)
    against = f"LIKE on the same {PAGES:,} rows"
    yield mix.gauge("a search for a rare word, the median", against, 100, lambda run: median(run.of_kind("rare")))
    yield mix.gauge("a search, the median of the mix", against, 30, lambda run: median(run.ratios()))
    yield mix.gauge("a search, the worst of the mix", against, 5, lambda run: min(run.ratios()))
    bare = "the bare full-text query"
    yield mix.gauge("a search, p95 of the mix", bare, 2, Run.beside_bare, at_most=True)


def _index(connection: Connection, library: Library) -> None:
    connection.execute(text("ALTER TABLE search_entries DROP INDEX ft_search_entries_terms"))
    entries = map(_entry, itertools.count(1), library.texts(PAGES))
    with tqdm(total=PAGES, desc="pages indexed ahead", file=sys.stderr) as bar:
        while some := list(itertools.islice(entries, AT_ONCE)):
            put(connection, some)
            connection.commit()
            bar.update(len(some))
    columns = "title_terms, body_terms"
    connection.execute(text(f"ALTER TABLE search_entries ADD FULLTEXT ft_search_entries_terms ({columns})"))
    connection.execute(text("ANALYZE TABLE search_entries")).all()


def _entry(number: int, body: str) -> Entry:
    place = f"{number:032x}"
    return Entry(
        scope="published",
        page_id=place,
        notebook_id=place,
        author_id=place,
        notebook_title="A notebook",
        title=body[:30],
        body=body,
        version=1,
        updated_at=MOMENT,
    )


class Timed(NamedTuple):
    asked: Asked
    ours: float
    like: float
    bare: float


class Run(list[Timed]):
    """Each query of the mix once, beside what it is held against: seconds."""

    def ratios(self) -> list[float]:
        return [each.like / each.ours for each in self]

    def of_kind(self, kind: str) -> list[float]:
        return [each.like / each.ours for each in self if each.asked.kind == kind]

    def beside_bare(self) -> float:
        return _p95([each.ours for each in self]) / _p95([each.bare for each in self])


def _p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[18]


class Mix:
    """All gauges read the same runs."""

    def __init__(self, running: Running, queries: list[Asked]) -> None:
        self._running = running
        self._queries = queries
        self._runs: list[Run] = []

    def gauge(self, name: str, about: str, goal: float, read: Callable[[Run], float], at_most: bool = False) -> Gauge:
        numbers = itertools.count()
        return Gauge(name, about, goal, "x", lambda: read(self._run(next(numbers))), at_most)

    def _run(self, number: int) -> Run:
        while len(self._runs) <= number:
            with self._running.reading.connect() as connection:
                # It reads every row, and so brings them into memory for all that follows.
                _like(connection, self._queries[0])
                self._runs.append(Run(_timed(connection, asked) for asked in self._queries))
            _tell(self._runs[-1])
        return self._runs[number]


def _timed(connection: Connection, asked: Asked) -> Timed:
    ours = (_seconds(lambda: search(connection, parse_query(asked.query), Audience())) for _ in range(TIMES))
    # The other two once each: they take seconds, of which chance is no large part.
    bare, like = _seconds(lambda: _bare(connection, asked)), _seconds(lambda: _like(connection, asked))
    return Timed(asked, median(ours), like, bare)


def _seconds(ask: Callable[[], Any]) -> float:
    began = time.monotonic()
    ask()
    return time.monotonic() - began


def _like(connection: Connection, asked: Asked) -> None:
    found = (columns.body.like(f"%{each}%") for each in asked.likes)
    connection.scalar(select(func.count()).select_from(search_entries).where(columns.scope == "published", *found))


def _bare(connection: Connection, asked: Asked) -> None:
    """The best twenty and how many there are, as a manual would have it."""
    words = parse_query(asked.query).boolean(ANYWHERE["published"])
    found = match(columns.title_terms, columns.body_terms, against=words).in_boolean_mode()
    best = select(columns.page_id, columns.title, found.label("score")).where(found).order_by(found.desc()).limit(20)
    connection.execute(best).all()
    connection.scalar(select(func.count()).select_from(search_entries).where(found))


def _tell(run: Run) -> None:
    for each in sorted(run, key=lambda each: each.like / each.ours):
        told = f"{1000 * each.ours:8.1f} ms, LIKE {1000 * each.like:8.1f} ms, bare {1000 * each.bare:8.1f} ms"
        print(f"  {each.asked.kind:10} {told}  {each.asked.query}", file=sys.stderr)
