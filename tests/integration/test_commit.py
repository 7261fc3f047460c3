"""A connection that is lost in COMMIT: done or not done, and never both or neither."""

import io
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from deploy.embedded import EmbeddedServices
from infra.database_errors import RETRYABLE
from tests.integration.drawing import photograph
from tests.integration.writing import dump, versions
from tests.service import Author, Service
from tests.wire import Fate, Wire, arrives_late, is_refused, never_arrives, passes, reply_is_lost

CUT_COMMITS = 40
AT_MOST = 5.0


@pytest.fixture
def wire(servers: EmbeddedServices) -> Iterator[Wire]:
    with Wire(servers.environ()["DATABASE_URL"]) as wire:
        yield wire


@pytest.fixture
def wired(service: Service, wire: Wire) -> Service:
    """The service, with a wire to its database that a test may cut."""
    return Service(replace(service.settings, database_url=wire.url), service.engine)


def one_after_the_other(*fates: Fate) -> Iterator[Fate]:
    yield from fates
    while True:
        yield passes


def set_fates(wire: Wire, *fates: Fate) -> None:
    left = one_after_the_other(*fates)
    lock = threading.Lock()

    def next_fate() -> Fate:
        with lock:
            return next(left)

    wire.at_commit = next_fate


def a_place(author: Author) -> str:
    notebook = author.notebook()["id"]
    return f"/notebooks/{notebook}/pages/{author.page(notebook)['id']}"


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


@pytest.mark.parametrize("fate", [reply_is_lost, never_arrives, arrives_late(0.3)], ids=["done", "undone", "late"])
def test_a_lost_commit_is_settled_by_its_receipt_and_answered_at_once(
    wired: Service, db: Engine, wire: Wire, fate: Fate
) -> None:
    author = wired.author()
    place = a_place(author)
    set_fates(wire, fate)
    began = time.monotonic()
    answer = author.ask("PUT", place, expect=200, json={"content": "Once."}, headers=keyed("k"))
    assert time.monotonic() - began < AT_MOST
    assert "Idempotency-Replayed" not in answer.headers, "to its client it is the first answer"
    assert answer.get_json()["version"] == 2
    assert author.put(place, {"content": "Once."}, headers=keyed("k")) == answer.get_json()
    assert versions(db, place.rsplit("/", 1)[1]) == [1, 2]


def test_a_commit_that_stays_open_is_told_as_unknown_in_time_and_settled_by_the_next_request(
    wired: Service, db: Engine, wire: Wire
) -> None:
    author = wired.author()
    place = a_place(author)
    set_fates(wire, arrives_late(4.0))
    began = time.monotonic()
    unknown = author.ask("PUT", place, expect=503, json={"content": "Once."}, headers=keyed("k"))
    assert time.monotonic() - began < AT_MOST
    assert unknown.headers["Retry-After"]
    assert "same Idempotency-Key" in unknown.get_json()["detail"]
    while (answer := ask_again(author, place)).status_code == 409:
        assert time.monotonic() - began < 6 * AT_MOST
    assert (answer.status_code, answer.get_json()["version"]) == (200, 2)
    assert versions(db, place.rsplit("/", 1)[1]) == [1, 2]


def ask_again(author: Author, place: str) -> TestResponse:
    headers = keyed("k") | {"Authorization": f"Bearer {author.token}"}
    return author.client.put(f"/api/v1{place}", json={"content": "Once."}, headers=headers)


@pytest.mark.parametrize("fate", [reply_is_lost, never_arrives], ids=["done", "undone"])
def test_without_a_key_a_lost_commit_is_503_that_says_how_to_find_out(
    wired: Service, db: Engine, wire: Wire, fate: Fate
) -> None:
    author = wired.author()
    place = a_place(author)
    set_fates(wire, fate)
    unknown = author.ask("PUT", place, expect=503, json={"content": "Once."})
    assert unknown.headers["Retry-After"]
    assert "content_sha256" in unknown.get_json()["detail"]
    assert author.get(place)["version"] == (2 if fate is reply_is_lost else 1)


def test_a_commit_whose_replies_are_lost_again_and_again_is_one_effect_for_each_key(
    wired: Service, db: Engine, wire: Wire
) -> None:
    author = wired.author()
    notebook = author.notebook()["id"]
    chance = random.Random(7)
    for number in range(CUT_COMMITS):
        # The first COMMIT of each request, and often one of those that settle it or of the client's repeats.
        fates = [reply_is_lost, *chance.choices((passes, reply_is_lost, never_arrives), k=2)]
        set_fates(wire, *fates)
        statuses = Counter(new_page(author, notebook, number) for _ in range(3))
        assert statuses[201], statuses
        assert set(statuses) <= {201, 503}
    wire.at_commit = lambda: passes
    wired.drain()
    assert author.get(f"/notebooks/{notebook}")["page_count"] == CUT_COMMITS


def new_page(author: Author, notebook: str, number: int) -> int:
    headers = keyed(f"page {number}") | {"Authorization": f"Bearer {author.token}"}
    path = f"/api/v1/notebooks/{notebook}/pages"
    return author.client.post(path, json={"title": f"Page {number}"}, headers=headers).status_code


@pytest.mark.parametrize("number", sorted(RETRYABLE))
def test_a_commit_that_the_server_refuses_is_run_again_with_or_without_a_key(
    wired: Service, db: Engine, wire: Wire, number: int
) -> None:
    author = wired.author()
    place = a_place(author)
    keys = [keyed("k"), {}] if number != 1047 else [keyed("k")]
    for version, headers in enumerate(keys, start=2):
        set_fates(wire, is_refused(number), is_refused(number))
        assert author.put(place, {"content": f"Take {version}."}, headers=headers)["version"] == version


def test_a_refused_transaction_leaves_nothing(wired: Service, db: Engine, wire: Wire) -> None:
    author = wired.author()
    place = a_place(author)
    before = dump(db)
    wire.at_commit = lambda: is_refused(3101)
    author.ask("PUT", place, expect=503, json={"content": "Never."}, headers=keyed("k"))
    wire.at_commit = lambda: passes
    assert dump(db) == before


def test_a_picture_whose_commit_was_lost_keeps_its_object(wired: Service, db: Engine, wire: Wire) -> None:
    """It must not be taken for a repeated upload, whose bytes are superfluous."""
    author = wired.author()
    # After the look for an earlier answer and the reservation.
    set_fates(wire, passes, passes, reply_is_lost)
    file = {"file": (io.BytesIO(photograph()), "boat.jpg"), "alt": "A boat"}
    made = author.ask("POST", "/uploads/images", expect=201, data=file, headers=keyed("k")).get_json()
    assert author.ask("GET", f"/media/{made['id']}/original", expect=200).data
