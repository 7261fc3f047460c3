"""The same request twice is one effect and one answer: the receipt is part of the change."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from domain import receipts
from domain.errors import Conflict
from domain.page import pages
from domain.receipts import Claim
from infra.clock import now
from tests.chaos.system import until
from tests.integration.writing import PATIENCE, in_threads, versions
from tests.service import Author, Service

table = receipts.receipts


def keyed(key: str = "a-key") -> dict[str, str]:
    return {"Idempotency-Key": key}


def stored(db: Engine) -> list[Any]:
    with db.connect() as connection:
        return list(connection.execute(select(table)))


def test_a_repeated_request_gets_the_first_answer_word_for_word(service: Service) -> None:
    author = service.author()
    first = author.ask("POST", "/notebooks", expect=201, json={"title": "Walks"}, headers=keyed())
    for _ in range(3):
        again = author.ask("POST", "/notebooks", expect=201, json={"title": "Walks"}, headers=keyed())
        assert again.get_data() == first.get_data()
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (again.headers["Location"], again.headers["ETag"]) == (first.headers["Location"], first.headers["ETag"])
        assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert "Idempotency-Replayed" not in first.headers
    assert author.get("/notebooks")["total"] == 1


def test_a_replay_shows_what_was_answered_then_and_not_what_is_true_now(service: Service) -> None:
    author = service.author()
    notebook = author.notebook("Walks")
    place = f"/notebooks/{notebook['id']}/pages/{author.page(notebook['id'])['id']}"
    first = author.put(place, {"content": "first"}, headers=keyed())
    author.put(place, {"content": "second"})
    assert author.put(place, {"content": "first"}, headers=keyed()) == first
    assert author.get(place)["content"] == "second"


def test_every_method_that_changes_something_can_be_repeated(service: Service, db: Engine) -> None:
    author = service.author()
    notebook = author.post("/notebooks", {"title": "Walks"}, headers=keyed("1"))
    place = f"/notebooks/{notebook['id']}"
    page = author.post(f"{place}/pages", {"title": "One"}, headers=keyed("2"))
    steps: list[tuple[str, str, Any, int]] = [
        ("POST", "/notebooks", {"title": "Walks"}, 201),
        ("POST", f"{place}/pages", {"title": "One"}, 201),
        ("PUT", f"{place}/pages/{page['id']}", {"content": "words"}, 200),
        ("PUT", place, {"title": "Rambles"}, 200),
        ("POST", f"{place}/publish", None, 200),
        ("POST", f"{place}/unpublish", None, 200),
        ("DELETE", f"{place}/pages/{page['id']}", None, 204),
        ("POST", f"{place}/pages/{page['id']}/restore", None, 200),
        ("DELETE", place, None, 204),
        ("POST", f"{place}/restore", None, 200),
    ]
    for number, (method, path, body, status) in enumerate(steps, start=1):
        answers = [author.ask(method, path, expect=status, json=body, headers=keyed(str(number))) for _ in range(2)]
        assert answers[0].get_data() == answers[1].get_data()
        assert answers[1].headers["Idempotency-Replayed"] == "true", (method, path)
    assert versions(db, notebook["id"]) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert versions(db, page["id"]) == [1, 2]


def test_the_same_key_with_another_body_is_refused(service: Service) -> None:
    author = service.author()
    author.post("/notebooks", {"title": "Walks"}, headers=keyed())
    for other in ({"title": "Rambles"}, {"title": "Walks", "description": ""}, {}):
        refused = author.post("/notebooks", other, expect=422, headers=keyed())
        assert refused["errors"]
    assert author.get("/notebooks")["total"] == 1


def test_the_same_body_means_the_same_bytes(service: Service) -> None:
    author = service.author()
    sent: dict[str, Any] = {"content_type": "application/json", "headers": keyed()}
    author.ask("POST", "/notebooks", expect=201, data=b'{"title": "Walks"}', **sent)
    author.ask("POST", "/notebooks", expect=201, data=b'{"title": "Walks"}', **sent)
    author.ask("POST", "/notebooks", expect=422, data=b'{"title":"Walks"}', **sent)


def test_the_same_key_for_another_request_is_refused(service: Service) -> None:
    author = service.author()
    notebook = author.post("/notebooks", {"title": "Walks"}, headers=keyed())
    place = f"/notebooks/{notebook['id']}"
    author.put(place, {"title": "Walks"}, expect=422, headers=keyed())
    author.post(f"{place}/pages", {"title": "Walks"}, expect=422, headers=keyed())
    assert author.get(place) == notebook


def test_a_key_belongs_to_its_user(service: Service) -> None:
    one, other = service.author(), service.author()
    mine = one.post("/notebooks", {"title": "Walks"}, headers=keyed())
    theirs = other.post("/notebooks", {"title": "Walks"}, headers=keyed())
    assert (mine["id"] != theirs["id"], theirs["owner"]["id"]) == (True, other.id)


def test_a_version_in_the_path_or_none_is_the_same_request(service: Service) -> None:
    author = service.author()
    first = author.post("/notebooks", {"title": "Walks"}, headers=keyed())
    headers = keyed() | {"Authorization": f"Bearer {author.token}"}
    again = author.client.post("/api/notebooks", json={"title": "Walks"}, headers=headers)
    assert (again.status_code, again.get_json()) == (201, first)


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_1_to_255_characters(service: Service, key: str) -> None:
    author = service.author()
    refused = author.post("/notebooks", {"title": "Walks"}, expect=422, headers=keyed(key))
    assert "Idempotency-Key" in refused["errors"]
    author.post("/notebooks", {"title": "Walks"}, headers=keyed("x" * 255))


def test_keys_that_differ_in_case_or_spaces_are_different(service: Service) -> None:
    author = service.author()
    for key in ("key", "KEY", "k\u00e9y", "k-e-y"):
        author.post("/notebooks", {"title": "Walks"}, headers=keyed(key))
    assert author.get("/notebooks")["total"] == 4


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/notebooks", {"title": ""}, 422),
        ("PUT", f"/notebooks/{'f' * 32}", {"title": "Walks"}, 404),
        ("POST", "/notebooks", None, 415),
    ],
)
def test_what_was_refused_leaves_no_receipt_and_the_key_is_free(
    service: Service, db: Engine, method: str, path: str, body: Any, status: int
) -> None:
    author = service.author()
    author.ask(method, path, expect=status, json=body, headers=keyed())
    assert stored(db) == []
    author.post("/notebooks", {"title": "Walks"}, headers=keyed())


def test_a_refusal_by_the_domain_leaves_no_receipt_either(service: Service, db: Engine) -> None:
    author = service.author()
    notebook = author.notebook("Walks")
    for _ in range(2):
        author.post(f"/notebooks/{notebook['id']}/restore", expect=409, headers=keyed())
    assert stored(db) == []


def test_while_the_first_is_in_progress_the_second_is_told_so_and_later_replays(service: Service, db: Engine) -> None:
    author = service.author()
    notebook = author.notebook("Walks")
    page = author.page(notebook["id"])
    place = f"/notebooks/{notebook['id']}/pages/{page['id']}"
    answers: list[Any] = []

    def save(expect: int) -> Any:
        mine = Author(service.client(), author.name, author.token, author.id)
        return mine.put(place, {"content": "once"}, expect=expect, headers=keyed())

    with db.connect() as holder:
        holder.execute(select(pages).where(pages.c.id == page["id"]).with_for_update())
        first = threading.Thread(target=lambda: answers.append(save(200)))
        first.start()
        until(lambda: is_in_progress(db, str(author.id)), PATIENCE, "the first request to begin", pause=0.002)
        save(409)
        holder.rollback()
    first.join(PATIENCE)
    assert [save(200)] == answers
    assert versions(db, page["id"]) == [1, 2]


def is_in_progress(db: Engine, holder: str) -> bool:
    """Whether another transaction holds the receipt."""
    with db.connect() as connection:
        try:
            return receipts.earlier(connection, Claim(holder, "a-key", "PUT", "")) is not None
        except Conflict:
            return True


def test_of_many_who_come_at_once_with_one_key_one_has_an_effect(service: Service, db: Engine) -> None:
    author = service.author()
    clients = [Author(service.client(), author.name, author.token, author.id) for _ in range(8)]
    for number in range(10):

        def ask(someone: Author, title: str = f"Walk {number}") -> Any:
            headers = keyed(title) | {"Authorization": f"Bearer {someone.token}"}
            return someone.client.post("/api/v1/notebooks", json={"title": title}, headers=headers)

        answers = in_threads(ask, clients)
        assert {answer.status_code for answer in answers} <= {201, 409}
        made = [answer for answer in answers if answer.status_code == 201]
        assert len({answer.get_data() for answer in made}) == 1
        assert [answer.headers.get("Idempotency-Replayed") for answer in made].count(None) == 1
    assert author.get("/notebooks")["total"] == 10
    assert len(stored(db)) == 10


def test_a_receipt_is_kept_for_a_day_and_more_and_then_purged(service: Service, db: Engine) -> None:
    author = service.author()
    author.post("/notebooks", {"title": "Walks"}, headers=keyed("old"))
    author.post("/notebooks", {"title": "Walks"}, headers=keyed("new"))
    with db.begin() as connection:
        old = table.c.key == "old"
        connection.execute(update(table).where(old).values(created_at=now() - receipts.KEEP - timedelta(minutes=1)))
        new = table.c.key == "new"
        connection.execute(update(table).where(new).values(created_at=now() - timedelta(hours=24)))
        assert receipts.purge(connection, now() - receipts.KEEP, limit=100) == 1
    assert [row.key for row in stored(db)] == ["new"]
