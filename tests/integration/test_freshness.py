"""Read your own writes, and nobody reads what was taken away: over two applications, with every worker stopped."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, update

from domain.commands.pages import EditPage, edit_page
from domain.unit_of_work import Cause, UnitOfWork, perform
from events import log
from infra.settings import Settings
from read_models import freshness
from tests.integration.writing import PATIENCE, in_threads, repeated_in_background
from tests.service import Author, Service


@pytest.fixture
def other(service: Service, settings: Settings, db: Engine) -> Service:
    """A second application on the same servers, as a second process or host is."""
    return Service(settings, db, wipe=False)


def at(service: Service, author: Author) -> Author:
    """The same user, who asks another application."""
    return Author(service.client(), author.name, author.token, author.id)


def test_a_page_is_never_older_than_its_last_acknowledged_save(service: Service, other: Service) -> None:
    author = service.author()
    elsewhere = at(other, author)
    notebook = author.notebook("Walks")
    place = f"/notebooks/{notebook['id']}/pages/{author.page(notebook['id'])['id']}"
    for number in range(500):
        if number % 100 == 0:
            # The views now hold a page that is older than all that follows.
            service.drain()
        writer, reader = (author, elsewhere) if number % 2 else (elsewhere, author)
        saved = writer.put(place, {"content": f"Step {number}, in words."})
        assert reader.get(place) == saved
        assert writer.get(place) == saved


def test_the_notebook_and_the_list_are_never_older_than_the_last_acknowledged_write(
    service: Service, other: Service
) -> None:
    author = service.author()
    elsewhere = at(other, author)
    place = f"/notebooks/{author.notebook('Walks')['id']}"
    pages = [author.page(place.removeprefix("/notebooks/"), f"Page {number}") for number in range(3)]
    for number in range(40):
        writer, reader = (author, elsewhere) if number % 2 else (elsewhere, author)
        saved = writer.put(f"{place}/pages/{pages[number % 3]['id']}", {"content": "word " * number})
        alone = reader.get(place)
        assert [page for page in alone["pages"] if page["id"] == saved["id"]] == [entry(saved)]
        (listed,) = reader.get("/notebooks")["items"]
        assert listed == {name: value for name, value in alone.items() if name != "pages"}
        assert (listed["updated_at"], listed["word_count"]) == (saved["updated_at"], word_count(alone))


def entry(page: dict[str, Any]) -> dict[str, Any]:
    """A page as its notebook lists it."""
    return {name: page[name] for name in ("id", "title", "order", "version", "word_count", "updated_at")}


def word_count(notebook: dict[str, Any]) -> int:
    return sum(page["word_count"] for page in notebook["pages"])


def test_every_kind_of_change_is_seen_at_once_elsewhere(service: Service, other: Service) -> None:
    author = service.author()
    elsewhere = at(other, author)
    notebook = author.notebook("Walks")
    place = f"/notebooks/{notebook['id']}"
    first, second = author.page(notebook["id"], "First"), author.page(notebook["id"], "Second")

    def titles() -> list[str]:
        return [page["title"] for page in elsewhere.get(place)["pages"]]

    assert titles() == ["First", "Second"]
    author.put(f"{place}/pages/order", {"page_ids": [second["id"], first["id"]]})
    assert titles() == ["Second", "First"]
    assert elsewhere.get(f"{place}/pages/{second['id']}")["order"] == 1
    author.delete(f"{place}/pages/{second['id']}")
    assert titles() == ["First"]
    elsewhere.get(f"{place}/pages/{second['id']}", expect=404)
    author.post(f"{place}/pages/{second['id']}/restore", expect=200)
    assert titles() == ["First", "Second"]
    assert elsewhere.get(f"{place}/pages/{second['id']}")["order"] == 2
    author.put(place, {"title": "Rambles"})
    assert [each["title"] for each in elsewhere.get("/notebooks")["items"]] == ["Rambles"]
    author.post(f"{place}/publish", expect=200)
    assert elsewhere.get(place)["status"] == "published"
    assert [each["title"] for each in elsewhere.get("/notebooks?public=true")["items"]] == ["Rambles"]
    author.delete(place)
    elsewhere.get(place, expect=404)
    assert elsewhere.get("/notebooks")["items"] == elsewhere.get("/notebooks?public=true")["items"] == []
    assert [each["title"] for each in elsewhere.get("/notebooks?trashed=true")["items"]] == ["Rambles"]
    author.post(f"{place}/restore", expect=200)
    assert elsewhere.get(place)["status"] == "draft"
    assert [each["title"] for each in elsewhere.get("/notebooks")["items"]] == ["Rambles"]


def test_a_save_that_began_first_and_ended_last_is_seen_too(service: Service, db: Engine) -> None:
    """Its time is earlier than what the notebook shows already, so no time may decide whether a view has changed."""
    author = service.author()
    notebook = author.notebook("Walks")
    place = f"/notebooks/{notebook['id']}"
    slow, quick = author.page(notebook["id"], "Slow"), author.page(notebook["id"], "Quick")
    begun, go_on = threading.Event(), threading.Event()

    def work(uow: UnitOfWork) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)
        edit_page(EditPage(notebook["id"], slow["id"], title="Slow and steady"), uow)

    saving = threading.Thread(target=perform, args=(db, Cause(author.id, "slow"), work))
    saving.start()
    assert begun.wait(PATIENCE)
    author.put(f"{place}/pages/{quick['id']}", {"title": "Quick and done"})
    assert [page["title"] for page in author.get(place)["pages"]] == ["Slow", "Quick and done"]
    go_on.set()
    saving.join(PATIENCE)
    assert [page["title"] for page in author.get(place)["pages"]] == ["Slow and steady", "Quick and done"]


def test_what_was_made_fresh_on_the_spot_is_what_the_workers_make_later(service: Service) -> None:
    author = service.author()
    notebook = author.notebook("Walks")
    place = f"/notebooks/{notebook['id']}"
    page = author.page(notebook["id"], content="one")
    author.post(f"{place}/publish", expect=200)
    author.put(f"{place}/pages/{page['id']}", {"content": "one two"})
    asked = (place, "/notebooks", "/notebooks?public=true", f"{place}/pages/{page['id']}?view=published")
    before = [author.get(path) for path in asked]
    service.drain()
    assert [author.get(path) for path in asked] == before


def test_readers_of_their_own_notebook_do_not_disturb_each_other_or_the_workers(
    service: Service, other: Service
) -> None:
    author = service.author()
    notebook = author.notebook("Walks")
    place = f"/notebooks/{notebook['id']}"
    pages = [author.page(notebook["id"], f"Page {number}") for number in range(4)]

    def write_and_read(page: dict[str, Any]) -> None:
        mine = at(other if page["order"] % 2 else service, author)
        for number in range(15):
            saved = mine.put(f"{place}/pages/{page['id']}", {"content": f"text {number}"})
            seen = mine.get(place)["pages"][page["order"] - 1]
            assert (seen["id"], seen["version"]) == (saved["id"], saved["version"])

    with repeated_in_background(service.relay.run_once):
        in_threads(write_and_read, pages)
    service.drain()
    assert [page["version"] for page in author.get(place)["pages"]] == [16] * 4


def test_one_damaged_event_does_not_cost_its_author_all_reads(service: Service, db: Engine) -> None:
    author = service.author()
    damaged, healthy = author.notebook("Damaged"), author.notebook("Healthy")
    author.get("/notebooks")
    author.put(f"/notebooks/{damaged['id']}", {"title": "Never to be read"})
    author.put(f"/notebooks/{healthy['id']}", {"title": "Healthy as ever"})
    with db.begin() as connection:
        bad = (log.events.c.aggregate_id == damaged["id"], log.events.c.version == 2)
        connection.execute(update(log.events).where(*bad).values(payload="{"))
    assert {each["title"] for each in author.get("/notebooks")["items"]} == {"Damaged", "Healthy as ever"}


@pytest.fixture
def loads(service: Service) -> Iterator[list[int]]:
    """How many events each catching-up transaction loads at once."""
    counts: list[int] = []
    writing = service.app.extensions["sinpluma"].writing

    def hear(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if "events.payload" in statement and "events.id IN" in statement:
            counts.append(len(parameters))

    event.listen(writing, "before_cursor_execute", hear)
    yield counts
    event.remove(writing, "before_cursor_execute", hear)


def test_catching_up_loads_no_more_bytes_at_once_than_it_may(
    service: Service, loads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    author = service.author()
    notebook = author.notebook("Walks")
    for number in range(12):
        author.page(notebook["id"], f"Page {number}", "x" * 10_000)
    author.get("/notebooks")
    assert max(loads) >= 12, "small texts go together"
    loads.clear()
    monkeypatch.setattr(freshness, "MOST_BYTES_AT_ONCE", 50_000)
    assert author.get(f"/notebooks/{notebook['id']}")["page_count"] == 12
    assert sum(loads) >= 12
    assert max(loads) < 12


class Poll:
    """A reader who asks for the same things again and again, and notes what came of each question."""

    def __init__(self, client: FlaskClient, paths: Sequence[str], wanted: str) -> None:
        self._client = client
        self._paths = itertools.cycle(paths)
        self._wanted = wanted
        self._stop = threading.Event()
        self._asking = threading.Thread(target=self._ask_on)
        self._asked = 0
        # The number of the question, its path, and whether the answer held what is wanted.
        self._answers: list[tuple[int, str, bool]] = []

    def __enter__(self) -> "Poll":
        self._asking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._asking.join(PATIENCE)

    def _ask_on(self) -> None:
        while not self._stop.is_set():
            # Counted before it is asked: whatever has a higher number than this was asked later.
            self._asked += 1
            number, path = self._asked, next(self._paths)
            answer = self._client.get(path)
            self._answers.append((number, path, answer.status_code == 200 and self._wanted in answer.text))

    def now(self) -> int:
        return self._asked

    def since(self, number: int, count: int) -> list[tuple[str, bool]]:
        """The first ``count`` answers and more to what was asked after ``number``."""
        pause = threading.Event()
        while len(found := [(path, held) for asked, path, held in self._answers if asked > number]) < count:
            assert self._asking.is_alive()
            pause.wait(0.001)
        return found


TAKE_AWAY: dict[str, Callable[[Author, str, str], object]] = {
    "unpublish": lambda author, place, page: author.post(f"{place}/unpublish", expect=200),
    "trash the notebook": lambda author, place, page: author.delete(place),
    "trash the page": lambda author, place, page: author.delete(f"{place}/pages/{page}"),
}


@pytest.mark.parametrize(("how", "rounds"), [("unpublish", 50), ("trash the notebook", 5), ("trash the page", 5)])
def test_what_was_taken_from_readers_is_never_served_again(
    service: Service, other: Service, how: str, rounds: int
) -> None:
    author = service.author()
    for number in range(rounds):
        notebook = author.notebook(f"Walks {number}")
        place, page = f"/notebooks/{notebook['id']}", author.page(notebook["id"])["id"]
        author.post(f"{place}/publish", expect=200)
        paths = [f"/api/v1{place}", f"/api/v1{place}/pages/{page}"]
        if how != "trash the page":
            paths += ["/api/v1/notebooks?public=true", f"/api/v1/search?q=words&notebook_id={notebook['id']}"]
            service.drain()
        wanted = page if how == "trash the page" else notebook["id"]
        with Poll(service.client(), paths, wanted) as near, Poll(other.client(), paths, wanted) as far:
            before = [poll.since(0, len(paths)) for poll in (near, far)]
            TAKE_AWAY[how](author, place, page)
            acknowledged = [poll.now() for poll in (near, far)]
            after = [poll.since(since, 2 * len(paths)) for poll, since in zip((near, far), acknowledged, strict=True)]
        assert all(held for answers in before for _, held in answers[: len(paths)])
        assert [path for answers in after for path, held in answers if held] == []
