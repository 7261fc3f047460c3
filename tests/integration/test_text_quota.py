"""How much text a user may have: counted as it is written, refused at the limit, given back when something goes."""

import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from api import create_app
from domain.commands.pages import EditPage, edit_page
from domain.errors import QuotaExceeded
from domain.page import Page, pages
from domain.text_room import text_bytes_of
from domain.unit_of_work import Cause, perform
from domain.user import users
from events import usage
from events.usage import RECOUNT_AFTER, text_usage
from infra.clock import now
from read_models.published import published_pages
from read_models.revisions import revisions
from tests.integration.signing_in import device
from tests.integration.test_clock import empty
from tests.integration.writing import PATIENCE, held_at, is_at
from tests.service import Author, Service
from workers import recounting
from workers.recounting import bytes_kept, recount_texts
from workers.thinning import thin_revisions

SOON = RECOUNT_AFTER + timedelta(seconds=1)
DAY = timedelta(days=1)


def limited(service: Service, most: int) -> Author:
    """A new user of an application with this QUOTA_TEXT_BYTES."""
    who = device(service)
    who.app = create_app(dataclasses.replace(service.settings, quota_text_bytes=most))
    return who.author()


def used(author: Author) -> int:
    return int(author.get("/users/me")["usage"]["text_bytes"])


def recount(service: Service, after: timedelta = SOON) -> None:
    recount_texts(service.engine, service.settings, now() + after)


def texts(engine: Engine) -> int:
    """What the drafts, published texts and revisions of everyone take."""
    with engine.connect() as connection:
        rows = [
            row
            for kept in (pages, published_pages, revisions)
            for row in connection.execute(select(kept.c.title, kept.c.content))
        ]
    return sum(len(title.encode()) + len(content.encode()) for title, content in rows)


def place_of(page: dict[str, Any]) -> str:
    return f"/notebooks/{page['notebook_id']}/pages/{page['id']}"


def refused(author: Author, method: str, path: str, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = author.ask(method, path, expect=403, **more).get_json()
    assert (told["title"], told["quota"]) == ("Quota exceeded", "text_bytes")
    assert "in the trash" in told["detail"]
    assert "operator" in told["detail"]
    return told


@pytest.fixture
def author(service: Service) -> Author:
    return service.author()


# --- counting ---------------------------------------------------------------------------------------------------------


def test_each_copy_of_a_text_that_is_kept_counts(service: Service, author: Author) -> None:
    notebook = author.notebook("Walks")["id"]
    bare = used(author)
    page = author.page(notebook, "Höhe", "ä" * 500)
    assert used(author) - bare == 2 * 1005, "the draft and its revision, in bytes"
    author.put(place_of(page), {"content": "b" * 100})
    assert used(author) - bare == 105 + 1005 + 105, "one draft, two revisions"
    author.put(place_of(page), {"content": "c" * 300, "autosave": True})
    author.put(place_of(page), {"content": "c" * 400, "autosave": True})
    assert used(author) - bare == 405 + 1005 + 105 + 405, "autosaves roll one revision on"
    author.put(place_of(page), {"content": "c" * 400})
    assert used(author) - bare == 405 + 1005 + 105 + 405, "what changes nothing adds nothing"
    service.drain()
    assert used(author) - bare == texts(service.engine)


def a_conflict(author: Author, page: dict[str, Any]) -> None:
    author.put(place_of(page), {"content": "Refused.\n" * 9}, headers={"If-Match": '"1-x"'}, expect=412)


def an_autosave(author: Author, page: dict[str, Any], length: int = 300) -> None:
    author.put(place_of(page), {"content": "z" * length, "autosave": True})


def a_restored_revision(author: Author, page: dict[str, Any]) -> None:
    first = author.get(f"/pages/{page['id']}/revisions")["items"][-1]["id"]
    author.post(f"/pages/{page['id']}/revisions/{first}/restore", expect=200)


def a_label(author: Author, page: dict[str, Any]) -> None:
    first = author.get(f"/pages/{page['id']}/revisions")["items"][-1]["id"]
    author.put(f"/pages/{page['id']}/revisions/{first}", {"label": "The first"})


def published(author: Author, page: dict[str, Any]) -> None:
    author.post(f"/notebooks/{page['notebook_id']}/publish", expect=200)


def a_renamed_notebook(author: Author, page: dict[str, Any]) -> None:
    author.put(f"/notebooks/{page['notebook_id']}", {"description": "Ufer " * 50, "metadata": {"a": ["b"] * 20}})


def a_new_profile(author: Author, page: dict[str, Any]) -> None:
    author.put(f"/users/{author.id}", {"bio": "Schreibt über Vögel. " * 9})


def an_autosave_that_throws_most_away(author: Author, page: dict[str, Any]) -> None:
    an_autosave(author, page, 1000)
    an_autosave(author, page, 10)


CHANGES: list[Callable[[Author, dict[str, Any]], None]] = [
    a_conflict,
    an_autosave,
    an_autosave_that_throws_most_away,
    a_restored_revision,
    a_label,
    published,
    a_renamed_notebook,
    a_new_profile,
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_change_adds_is_what_is_found_when_all_is_counted(
    service: Service, author: Author, change: Callable[[Author, dict[str, Any]], None]
) -> None:
    page = author.page(author.notebook()["id"], "Ein Tag", "Früh am Fluß.\n" * 20)
    author.put(place_of(page), {"content": "Später am Fluß.\n" * 30})
    service.drain()
    change(author, page)
    before = used(author)
    service.drain()
    assert used(author) == before, "the relay and the reactions move it and change nothing"
    with service.engine.connect() as connection:
        assert bytes_kept(connection, str(author.id)) == before


def test_the_texts_of_several_users_are_counted_in_one_round_of_the_relay(service: Service) -> None:
    several = [service.author() for _ in range(3)]
    for number, each in enumerate(several, start=1):
        each.page(each.notebook()["id"], content="x" * 1000 * number)
    before = [used(each) for each in several]
    service.relay.run_once()
    assert [used(each) for each in several] == before
    assert before == sorted(set(before))


def test_another_user_s_texts_are_not_counted(service: Service, author: Author) -> None:
    other = service.author()
    other.page(other.notebook()["id"], content="x" * 1000)
    assert author.get("/users/me")["usage"] == {"notebooks": 0, "text_bytes": 0, "picture_bytes": 0}
    assert "usage" not in author.get(f"/users/{other.id}")


# --- the limit --------------------------------------------------------------------------------------------------------


def test_at_the_limit_nothing_is_stored_and_the_refusal_says_why(service: Service) -> None:
    author = limited(service, 20_000)
    notebook = author.notebook()["id"]
    page = author.page(notebook, "P", "x" * 7_999)
    kept = used(author)
    for content in ("y" * 12_000, "z" * 16_000):
        told = refused(author, "PUT", place_of(page), json={"content": content})
        assert (told["limit"], told["used"]) == (20_000, kept)
    refused(author, "POST", f"/notebooks/{notebook}/pages", json={"title": "Q", "content": "q" * 8_000})
    stale = {"If-Match": '"0-x"'}
    refused(author, "PUT", place_of(page), json={"content": "w" * 4_000}, headers=stale)
    refused(author, "POST", f"/notebooks/{notebook}/publish")
    refused(author, "PUT", f"/notebooks/{notebook}", json={"description": "d" * 9_000})
    keyed = {"Idempotency-Key": "one"}
    refused(author, "PUT", place_of(page), json={"content": "y" * 12_000}, headers=keyed)
    service.drain()
    assert used(author) == kept
    assert author.get(f"/pages/{page['id']}/revisions")["total"] == 1
    assert author.get(f"/notebooks/{notebook}")["page_count"] == 1
    assert author.get(place_of(page))["content"] == "x" * 7_999
    author.put(place_of(page), {"content": "small"}, headers=keyed)


def test_who_is_at_the_limit_may_still_write_less(service: Service) -> None:
    author = limited(service, 21_000)
    page = author.page(author.notebook()["id"], "P", "x" * 9_999)
    refused(author, "PUT", place_of(page), json={"content": "y" * 10_001})
    author.put(place_of(page), {"content": "x" * 9_999})
    author.put(place_of(page), {"content": "x" * 4_000})
    author.delete(place_of(page), expect=204)


def test_many_at_once_never_share_the_last_room(service: Service) -> None:
    """Saves, new pages and publications of one user, while no worker runs: none of them waits for another's row, and
    yet what is accepted fits."""
    most = 60_000
    author = limited(service, most)
    notebook = author.notebook()["id"]
    made = [author.page(notebook, str(number), "x")["id"] for number in range(6)]
    headers = {"Authorization": f"Bearer {author.token}"}

    def write(number: int) -> int:
        client = author.client.application.test_client()
        content = str(number) * 2_000
        place = f"/api/v1/notebooks/{notebook}/pages"
        if number % 2:
            return client.post(place, json={"title": "New", "content": content}, headers=headers).status_code
        sent = {"content": content}
        return client.put(f"{place}/{made[number % 6]}", json=sent, headers=headers).status_code

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(write, range(1, 48)))
    assert set(answers) <= {200, 201, 403}
    assert answers.count(403) > 5
    assert most - 8_000 < used(author) <= most
    service.drain()
    assert texts(service.engine) <= most


def test_near_the_limit_the_second_waits_until_the_first_is_committed(service: Service) -> None:
    author = limited(service, 30_000)
    notebook = author.notebook()["id"]
    two = [author.page(notebook, "P", "x") for _ in range(2)]
    cause = Cause(author.id, "a-test", most_text=30_000)

    def save(engine: Engine, page: dict[str, Any]) -> Any:
        command = EditPage(notebook, page["id"], content="y" * 9_999)
        return perform(engine, cause, partial(edit_page, command))

    with held_at(service.settings, "COMMIT") as held, ThreadPoolExecutor(2) as pool:
        first = pool.submit(save, held.engine, two[0])
        assert held.begun.wait(PATIENCE)
        second = pool.submit(save, service.engine, two[1])
        while not (second.done() or is_at(service.engine, "users", "FOR UPDATE")):
            time.sleep(0.01)
        held.go_on.set()
        first.result(PATIENCE)
        with pytest.raises(QuotaExceeded):
            second.result(PATIENCE)


def test_far_from_the_limit_nobody_waits(service: Service, impatient: Engine) -> None:
    author = limited(service, 2**30)
    page = author.page(author.notebook()["id"])
    with impatient.begin() as other:
        other.execute(select(users.c.id).where(users.c.id == author.id).with_for_update())
        began = time.monotonic()
        author.put(place_of(page), {"content": "Not held up."})
        assert time.monotonic() - began < 1


def test_a_save_holds_no_row_that_the_relay_wants(service: Service, impatient: Engine, author: Author) -> None:
    """The count is read with the page, under its lock; the rows of the count are not locked."""
    page = author.page(author.notebook()["id"])
    with service.engine.begin() as saving:
        assert saving.execute(Page.locking_query(), {"key": page["id"]}).one().text_used > 0
        with impatient.begin() as other:
            usage.owe_recount(other, str(author.id))
        service.drain()


def test_no_quota_is_no_limit(service: Service) -> None:
    author = limited(service, 0)
    author.page(author.notebook()["id"], content="x" * 100_000)
    assert used(author) > 200_000, "it is counted all the same"


# --- giving back ------------------------------------------------------------------------------------------------------


def test_unpublishing_gives_the_room_of_the_snapshot_back(service: Service, author: Author) -> None:
    page = author.page(author.notebook()["id"], "P", "x" * 4_999)
    published(author, page)
    service.drain()
    author.post(f"/notebooks/{page['notebook_id']}/unpublish", expect=200)
    service.drain()
    before = used(author)
    recount(service, -SOON)
    assert used(author) == before, "not due yet"
    recount(service)
    assert before - used(author) == 5_000


def test_the_trash_counts_until_it_is_emptied(service: Service, author: Author) -> None:
    notebook = author.notebook()["id"]
    page = author.page(notebook, "P", "x" * 4_999)
    author.delete(place_of(page))
    service.drain()
    recount(service)
    assert used(author) > 10_000
    empty(service)
    service.drain()
    recount(service)
    assert used(author) < 2_000
    other = author.page(notebook, "P", "y" * 4_999)
    author.delete(f"/notebooks/{other['notebook_id']}")
    empty(service)
    service.drain()
    recount(service)
    assert used(author) == 0


def test_thinned_revisions_give_their_room_back(service: Service, author: Author) -> None:
    page = author.page(author.notebook()["id"], "P", "x" * 999)
    for number in range(5):
        author.put(place_of(page), {"content": f"{number}" * 999})
    service.drain()
    before = used(author)
    while thin_revisions(service.engine, service.settings, now() + 2 * DAY):
        pass
    left = author.get(f"/pages/{page['id']}/revisions")["total"]
    assert left < 6
    recount(service)
    assert before - used(author) == (6 - left) * 1_000


def test_a_count_that_a_save_overtakes_is_not_kept(
    service: Service, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = author.page(author.notebook()["id"], "P", "x" * 999)
    service.drain()
    with service.engine.begin() as connection:
        usage.owe_recount(connection, str(author.id))

    def overtaken(*asked: Any) -> int:
        found = bytes_kept(*asked)
        author.put(place_of(page), {"content": "y" * 9_999})
        service.drain()
        return found

    monkeypatch.setattr(recounting, "bytes_kept", overtaken)
    before = used(author)
    recount(service)
    monkeypatch.undo()
    assert used(author) == before + 9_000 + 10_000
    recount(service, 2 * SOON)
    assert used(author) == before + 9_000 + 10_000


def test_nobody_is_counted_whose_revisions_are_still_to_come(service: Service, author: Author) -> None:
    page = author.page(author.notebook()["id"], "P", "x" * 999)
    published(author, page)
    before = used(author)
    service.relay.run_once()
    recount(service)
    assert used(author) == before, "neither revision nor snapshot is there yet"
    service.drain()
    recount(service, 2 * SOON)
    assert used(author) == before


def test_who_was_there_before_texts_were_counted_is_counted_first(service: Service, author: Author) -> None:
    author.page(author.notebook()["id"], "P", "x" * 999)
    service.drain()
    before = used(author)
    with service.engine.begin() as connection:
        connection.execute(text_usage.delete())
        # As the migration leaves it.
        row = {"owner_id": author.id, "bytes": 0, "changes": 0, "recount_at": now()}
        connection.execute(insert(text_usage).values(**row))
    recount(service)
    assert used(author) == before


def test_a_count_that_is_too_low_is_never_below_nothing(service: Service, author: Author) -> None:
    author.page(author.notebook()["id"], "P", "x" * 999)
    service.drain()
    with service.engine.begin() as connection:
        connection.execute(update(text_usage).values(bytes=-5))
        assert text_bytes_of(connection, str(author.id)) == 0
