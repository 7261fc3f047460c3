"""From committed events to nothing pending: the relay and all reactions, beside one empty RQ job for each event."""

import itertools
import time
from collections.abc import Iterator

from redis import Redis

from bench.figures import Turn, Work
from bench.prose import Prose
from bench.running import Running
from domain.commands import accounts, notebooks, pages
from domain.notebook import Notebook
from domain.page import Page
from domain.unit_of_work import Cause, UnitOfWork, perform
from domain.user import User
from events.subscriptions import REACTIONS
from infra import broker
from infra.clock import new_id

AUTHORS = 10
PAGES_EACH = 40
WORDS = 300
EDITS = 3
# Each author's part: a notebook, its pages (two events each), and edits of all of them.
EVENTS = AUTHORS * (1 + PAGES_EACH * (2 + EDITS))
JOBS = 150
NOTHING = "bench.nothing.nothing"
POLL_SECONDS = 0.01
MOST_SECONDS = 120


def works(running: Running) -> Iterator[Work]:
    reactions, jobs = Reactions(running), EmptyJobs(running)
    yield Work(
        "events through all reactions",
        f"an empty RQ job for each, {len(REACTIONS)} workers",
        goal=10,
        ours=reactions.run,
        theirs=jobs.run,
        turns=1,
    )


class Reactions:
    def __init__(self, running: Running) -> None:
        self._running = running
        self._prose = Prose(seed=4)
        self._names = itertools.count(1)
        perform(running.writing, Cause(None, "bench"), self._register)

    def _register(self, uow: UnitOfWork) -> None:
        self._authors: list[User] = [
            accounts.register(accounts.Register(f"writer{n}", f"writer{n}@example.org", "-"), uow)
            for n in range(AUTHORS)
        ]

    def run(self) -> Turn:
        """The relay waits until all is committed, so that what is measured is its whole way from there."""
        self._running.settle()
        self._running.pause("relay")
        for author in self._authors:
            self._write(author)
        assert self._running.pending() == EVENTS
        self._running.resume("relay")
        began = time.monotonic()
        self._running.settle(POLL_SECONDS)
        return Turn(EVENTS, time.monotonic() - began)

    def _write(self, author: User) -> None:
        cause = Cause(author.id, "bench")
        notebook, made = perform(self._running.writing, cause, self._create)
        for _ in range(EDITS):
            perform(self._running.writing, cause, lambda uow: self._edit(uow, notebook, made))

    def _create(self, uow: UnitOfWork) -> tuple[Notebook, list[Page]]:
        notebook = notebooks.create_notebook(notebooks.CreateNotebook("A notebook", "", {}), uow)
        made = []
        for _ in range(PAGES_EACH):
            page = Page.create(new_id(), notebook.id, notebook.owner_id, "A page", self._prose.text(WORDS), uow.now)
            page.order = notebook.add_page(page.id, None, uow.now)
            uow.add(page)
            made.append(page)
        return notebook, made

    def _edit(self, uow: UnitOfWork, notebook: Notebook, made: list[Page]) -> None:
        for page in made:
            pages.edit_page(pages.EditPage(notebook.id, page.id, content=self._prose.text(WORDS)), uow)


class EmptyJobs:
    """As many workers as there are reactions, of the same class and started the same way, each with a queue."""

    def __init__(self, running: Running) -> None:
        self._redis: Redis = broker.connect(running.settings)
        self._queues = [broker.queue(self._redis, f"bench-{number}") for number in range(len(REACTIONS))]
        for queue in self._queues:
            running.start_plain_worker(queue.name)

    def run(self) -> Turn:
        began = time.monotonic()
        queues = itertools.islice(itertools.cycle(self._queues), JOBS)
        keys = [queue.enqueue(NOTHING, result_ttl=0).key for queue in queues]
        # A job that is done is deleted.
        while self._redis.exists(*keys):
            if time.monotonic() > began + MOST_SECONDS:
                raise TimeoutError("the empty jobs never came to an end")
            time.sleep(POLL_SECONDS)
        return Turn(JOBS, time.monotonic() - began)
