"""Save a page over HTTP, with the relay and the workers busy as in production."""

import itertools
import json
from collections.abc import Iterator, Sequence

from bench.bare import BareSaves
from bench.client import Author
from bench.figures import Turn, Work
from bench.load import Plan, request
from bench.processor import seconds
from bench.prose import Prose
from bench.running import Running

CLIENTS = 8
CHARACTERS = 2500
SAVES_EACH = 300


def works(running: Running) -> Iterator[Work]:
    saves = Saves(running)
    bare = BareSaves(running.settings.database_url, saves.page_ids, running.settings.api_workers, saves.texts[0])
    processes, threads = running.settings.api_workers, CLIENTS // running.settings.api_workers
    yield Work(
        f"save a page, {CLIENTS} clients",
        f"the transaction in bare PyMySQL, {processes} processes x {threads}",
        goal=0.5,
        ours=saves.run,
        theirs=lambda: _alone(running, bare),
    )
    yield Work(
        "processor for a save with all that follows it",
        "the bare transaction's, client and server",
        goal=3.0,
        ours=lambda: _processor_of_ours(running, saves),
        theirs=lambda: _processor_of_bare(running, bare),
        is_cost=True,
    )
    bare.close()


class Saves:
    """So many clients, each at a page of its own: those at ``places`` or new ones of as many authors. No two saves of a
    page are the same, or they would be none."""

    def __init__(self, running: Running, places: Sequence[tuple[Author, str]] = ()) -> None:
        prose = Prose(seed=1)
        self._running = running
        self._numbers = itertools.count()
        self.texts = [prose.of_length(CHARACTERS) for _ in range(CLIENTS)]
        self._places = places or [_place(Author(running.port), text) for text in self.texts]
        self.page_ids = [path.rpartition("/")[2] for _, path in self._places]

    def run(self, each: int = SAVES_EACH) -> Turn:
        """``each`` client saves so many times."""
        requests = [self._requests(number, each) for number in range(CLIENTS)]
        return self._running.load(self._running.port, Plan(requests, CLIENTS * each))

    def _requests(self, number: int, times: int) -> list[bytes]:
        (author, path), text = self._places[number], self.texts[number]
        bodies = (json.dumps({"content": f"{next(self._numbers):08} {text}"}).encode() for _ in range(times))
        token = f"Bearer {author.token}"
        # Connections take turns freely, so one may send a few more than the others and begin again.
        return [request("PUT", f"/api/v1{path}", body, Authorization=token) for body in bodies]


def _place(author: Author, text: str) -> tuple[Author, str]:
    return author, author.page(author.notebook(), text)


def _alone(running: Running, bare: BareSaves) -> Turn:
    """What our saves have left to the workers is done before: the bare transactions have the machine to themselves."""
    running.settle()
    return bare.run(SAVES_EACH)


def _processor_of_ours(running: Running, saves: Saves) -> Turn:
    """Also what relay and workers do afterwards; without the client, which hardly does anything."""
    running.settle()
    before = seconds(running.pids())
    done = saves.run()
    running.settle()
    return Turn(done.count, seconds(running.pids()) - before)


def _processor_of_bare(running: Running, bare: BareSaves) -> Turn:
    before = seconds(running.pids())
    done = bare.run(SAVES_EACH)
    return Turn(done.count, seconds(running.pids()) - before + bare.processor_seconds)
