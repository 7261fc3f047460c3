"""Builders for tests that stand on the write side itself, below HTTP: commands on a real database."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine, Table, event, select, text

from domain.commands.notebooks import CreateNotebook, create_notebook
from domain.commands.pages import CreatePage, EditPage, create_page, edit_page
from domain.notebook import Notebook
from domain.page import Page
from domain.unit_of_work import Cause, UnitOfWork, perform
from events import log
from infra.database import metadata, write_engine
from infra.identity import identity
from infra.settings import Settings

AUTHOR = "a" * 32
CAUSE = Cause(AUTHOR, "a-test")
PATIENCE = 30.0
# All but the one that only says which database this is.
TABLES = [each for each in metadata.sorted_tables if each is not identity]

Result = TypeVar("Result")
Item = TypeVar("Item")


def do(engine: Engine, handler: Callable[[Any, UnitOfWork], Result], command: object, actor_id: str = AUTHOR) -> Result:
    """Carry out one command, as the API does."""
    return perform(engine, Cause(actor_id, "a-test"), lambda uow: handler(command, uow))


def a_notebook(engine: Engine, title: str = "A notebook", owner_id: str = AUTHOR) -> Notebook:
    return do(engine, create_notebook, CreateNotebook(title, "", {}), owner_id)


def a_page(engine: Engine, notebook: Notebook | None = None, content: str = "Some words.") -> Page:
    notebook = notebook or a_notebook(engine)
    return do(engine, create_page, CreatePage(notebook.id, "A page", content), notebook.owner_id)


def save(engine: Engine, page: Page, content: str, **more: Any) -> Any:
    return do(engine, edit_page, EditPage(page.notebook_id, page.id, content=content, **more), page.owner_id)


def versions(engine: Engine, aggregate_id: str) -> list[int]:
    """The versions that the log holds of an aggregate."""
    with engine.connect() as connection:
        query = select(log.events.c.version).where(log.events.c.aggregate_id == aggregate_id)
        return sorted(connection.scalars(query))


def event_ids(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(log.events.c.id).order_by(log.events.c.id)))


def dump(engine: Engine, tables: Iterable[Table] | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of these tables (by default: of all that commands write) as the server stores it, in one order."""
    with engine.connect() as connection:
        return {
            each.name: sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {each.name}"))), key=repr)
            for each in (TABLES if tables is None else tables)
        }


def is_at(engine: Engine, *words: str) -> bool:
    """Whether the server is at a statement with all these words: hardly ever, but where it waits for a lock."""
    with engine.connect() as connection:
        query = text("SELECT info FROM information_schema.processlist WHERE command IN ('Query', 'Execute')")
        running = [info for info in connection.scalars(query) if info and "processlist" not in info]
    return any(all(word in info for word in words) for info in running)


class Held:
    """Connections that stop at one point, until they are let go on."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        assert self.go_on.wait(PATIENCE)


@contextmanager
def held_at(settings: Settings, point: str) -> Iterator[Held]:
    """An engine whose transactions stop before the statement that begins like this, or before COMMIT."""
    engine = write_engine(settings, pool_size=1)
    held = Held(engine)
    event.listen(engine, "commit", lambda _: held() if point == "COMMIT" else None)
    event.listen(engine, "before_cursor_execute", lambda _, __, said, *___: held() if said.startswith(point) else None)
    try:
        yield held
    finally:
        held.go_on.set()
        engine.dispose()


def in_threads(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """The results of ``work`` on each item, all begun at the same moment."""
    ready = threading.Barrier(len(items), timeout=PATIENCE)

    def at_once(item: Item) -> Result:
        ready.wait()
        return work(item)

    with ThreadPoolExecutor(len(items)) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(at_once, item) for item in items]]


@contextmanager
def repeated_in_background(step: Callable[[], object]) -> Iterator[None]:
    """Repeat ``step`` in a thread of its own; its first error ends it and is raised at the end."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            step()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(loop)
        try:
            yield
        finally:
            stop.set()
        running.result(PATIENCE)
