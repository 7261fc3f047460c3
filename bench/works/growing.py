"""The same requests of one author beside few pages and beside very many, and at the longest book there may be."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text
from tqdm import tqdm

from bench import copying
from bench.client import Author
from bench.figures import Turn, Work
from bench.load import Plan, request
from bench.prose import Prose
from bench.room import has_room
from bench.running import Running
from bench.works.saving import CLIENTS, Saves

FEW = 1000
SIZES = "PAGES"
DEFAULT_SIZES = "100000"
BYTES_A_PAGE = 12_000
NOTEBOOKS, PAGES_EACH, CHARACTERS = 10, 10, 300
PUBLISHED = 2
CONNECTIONS = CLIENTS
SAVES_EACH, READS, LISTS, SEARCHES = 100, 2000, 400, 300
MOST_PAGES = 5000
SAVES_BEFORE = 12_500


def works(running: Running) -> Iterator[Work]:
    """Both services run side by side, so that what disturbs one disturbs the other."""
    small = World(running, FEW)
    for size in map(int, os.environ.get(SIZES, DEFAULT_SIZES).split(",")):
        if not has_room(size * BYTES_A_PAGE, f"{size:,} pages"):
            continue
        with tempfile.TemporaryDirectory(prefix="sinpluma-bench-") as folder, Running(Path(folder)) as other:
            yield from _compared(World(other, size), small)


def _compared(large: "World", small: "World") -> Iterator[Work]:
    for world in (large, small):
        world.begin()
    for name, goal, run in (
        ("save a page", 1.3, World.save),
        ("read one's own draft", 1.3, World.read),
        ("list 20 of one's notebooks", 1.3, World.list),
        ("search in one's own pages", 3.0, World.search_own),
        ("search in what is published, a rare word", 3.0, World.search_public),
    ):
        work = cost_beside(
            f"{name} among {large.pages:,} pages", f"the same among {small.pages:,}", goal, run, large, small
        )
        yield replace(work, operation=name, pages=large.pages)
    long = LongBook(large)
    yield cost_beside(f"save a page among {MOST_PAGES:,} of a book", "the same among 10", 1.3, World.save, long, large)
    yield cost_beside(f"read a draft among {MOST_PAGES:,} of a book", "the same among 10", 1.3, World.read, long, large)


def cost_beside(
    name: str, against: str, goal: float, run: Callable[["World"], Turn], large: "World", small: "World"
) -> Work:
    return Work(name, against, goal, lambda: run(large), lambda: run(small), is_cost=True)


class World:
    """A service with so many pages of others, and an author who does the same whatever stands beside."""

    def __init__(self, running: Running, pages: int) -> None:
        self.running, self.pages = running, pages
        template = _written(running)
        self.copies = pages // (NOTEBOOKS * PAGES_EACH) - 1
        _fill(running, template.id, self.copies)

    def begin(self) -> None:
        """Sign in those who will ask. A token lasts a quarter of an hour, and to make a million pages takes longer."""
        self._saves = Saves(self.running)
        self._author = _written(self.running)
        notebook_id = self._author.get("/notebooks")["items"][0]["id"]
        pages_of_one = self._author.get(f"/notebooks/{notebook_id}")["pages"]
        self._drafts = [self._asked(f"/notebooks/{notebook_id}/pages/{each['id']}") for each in pages_of_one]
        self.running.settle()

    def save(self) -> Turn:
        self.running.settle()
        return self._saves.run(SAVES_EACH)

    def read(self) -> Turn:
        return self._load([self._drafts] * CONNECTIONS, READS)

    def list(self) -> Turn:
        return self._load([[self._asked("/notebooks?per_page=20")]] * CONNECTIONS, LISTS)

    def search_own(self) -> Turn:
        word = copying.own_word(self._author.id)
        return self._load([[self._asked(f"/search?scope=mine&q={word}")]] * CONNECTIONS, SEARCHES)

    def search_public(self) -> Turn:
        words = (copying.word_of(1 + number % self.copies) for number in range(SEARCHES))
        asked = [self._asked(f"/search?scope=public&q={word}") for word in words]
        return self._load([asked[number::CONNECTIONS] for number in range(CONNECTIONS)], SEARCHES)

    def _asked(self, path: str) -> bytes:
        return request("GET", f"/api/v1{path}", Authorization=f"Bearer {self._author.token}")

    def _load(self, requests: Sequence[Sequence[bytes]], times: int) -> Turn:
        return self.running.load(self.running.port, Plan(requests, times))


class LongBook(World):
    """The same in a book that is as long as one may be, at pages that were saved very often."""

    def __init__(self, world: World) -> None:
        self.running, self.pages = world.running, world.pages
        self._author = author = Author(self.running.port)
        notebook_id = author.notebook()
        places = [author.page(notebook_id, "A heron stood still.") for _ in range(CLIENTS)]
        self.running.settle()
        ids = [path.rpartition("/")[2] for path in places]
        with self.running.writing.connect() as connection:
            first = world.copies + 1
            copying.lengthen(connection, notebook_id, ids[0], first, MOST_PAGES - CLIENTS)
            for number, page_id in enumerate(ids):
                copying.revise(connection, page_id, first + MOST_PAGES + number * SAVES_BEFORE, SAVES_BEFORE)
        self._saves = Saves(self.running, [(author, path) for path in places])
        self._drafts = [self._asked(path) for path in places]


def _written(running: Running) -> Author:
    """An author with a shelf of notebooks, some of them published, and in all pages a word that nobody else writes."""
    author, prose = Author(running.port), Prose(seed=7)
    for number in range(NOTEBOOKS):
        notebook_id = author.notebook()
        for _ in range(PAGES_EACH):
            author.page(notebook_id, f"{prose.of_length(CHARACTERS)} {copying.own_word(author.id)}")
        if number < PUBLISHED:
            author.post(f"/notebooks/{notebook_id}/publish")
    running.settle()
    return author


def _fill(running: Running, author_id: str, copies: int) -> None:
    told = f"{copies:,} authors made ahead"
    with running.writing.connect() as connection, tqdm(total=copies, desc=told, file=sys.stderr) as bar:
        # To sort all terms at once is much faster than to sort each into what is there.
        connection.execute(text("ALTER TABLE search_entries DROP INDEX ft_search_entries_terms"))
        copying.copy(connection, author_id, 1, copies, lambda done: bar.update(done - bar.n))
        columns = "title_terms, body_terms"
        connection.execute(text(f"ALTER TABLE search_entries ADD FULLTEXT ft_search_entries_terms ({columns})"))
        for table in copying.OF_OWNER:
            connection.execute(text(f"ANALYZE TABLE {table.name}")).all()
