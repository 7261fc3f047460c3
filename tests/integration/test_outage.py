"""What still works while a part is down, and that it comes back by itself."""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest
from sqlalchemy import Engine, text

from deploy.embedded import EmbeddedServices
from infra.database import REQUEST_SECONDS
from infra.objects import REQUEST_SECONDS as STORE_SECONDS
from tests.conftest import PATIENCE
from tests.integration.drawing import photograph
from tests.integration.test_clock import empty
from tests.integration.writing import in_threads
from tests.service import Author, Service

# The contract's word for every answer without MySQL.
AT_MOST = 5.0


@pytest.fixture
def no_database(service: Service, servers: EmbeddedServices) -> Iterator[EmbeddedServices]:
    yield from can_be_taken(servers, "database")


@pytest.fixture
def no_redis(service: Service, servers: EmbeddedServices) -> Iterator[EmbeddedServices]:
    yield from can_be_taken(servers, "redis")


@pytest.fixture
def no_store(service: Service, servers: EmbeddedServices) -> Iterator[EmbeddedServices]:
    yield from can_be_taken(servers, "objects")


def can_be_taken(servers: EmbeddedServices, name: str) -> Iterator[EmbeddedServices]:
    yield servers
    if name in servers.processes:
        servers.kill(name, SIGCONT)
    else:
        servers.start_one(name)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def status(someone: Author, method: str, path: str, **more: Any) -> int:
    """What is answered, in time."""
    headers = {"Authorization": f"Bearer {someone.token}"} if someone.token else {}
    with within(AT_MOST):
        return someone.client.open(f"/api/v1{path}", method=method, headers=headers, **more).status_code


def comes_back(answers: Callable[[], int]) -> None:
    """Without anybody's help, soon after what it needs is back."""
    deadline = time.monotonic() + PATIENCE
    while answers() >= 500:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def published(author: Author) -> str:
    """The path of a page that readers see."""
    notebook = author.notebook("Walks")["id"]
    page = author.page(notebook, content="The heron stood still.")["id"]
    author.post(f"/notebooks/{notebook}/publish", expect=200)
    return f"/notebooks/{notebook}/pages/{page}"


def test_without_mysql_cached_publications_are_read_and_the_rest_is_refused(
    service: Service, no_database: EmbeddedServices
) -> None:
    author, reader = service.author(), service.anyone()
    page = published(author)
    notebook = page.split("/pages/")[0]
    assert reader.get(page)
    assert reader.get(notebook)
    no_database.stop_one("database")
    # Another process, which has nothing of its own: what it knows, Redis has told it.
    other = Service(service.settings, service.engine, wipe=False).anyone()
    for someone in (reader, other):
        began = time.monotonic()
        assert someone.get(page)["content"] == "The heron stood still."
        assert someone.get(notebook)["owner"]["username"] == author.name
        refused = author.ask("PUT", page, json={"content": "lost?"}, expect=503)
        assert refused.headers["Retry-After"]
        assert someone.get("/search?q=heron", expect=503)["status"] == 503
        assert time.monotonic() - began < 4 * AT_MOST
    no_database.start_one("database")
    comes_back(lambda: status(author, "GET", page))
    assert author.put(page, {"content": "The heron flew."})["version"] == 2


def test_what_is_written_after_a_restart_of_mysql_is_found_whatever_was_erased_before(
    service: Service, no_database: EmbeddedServices
) -> None:
    author = service.author()
    notebook = author.notebook()["id"]
    for _ in range(3):
        author.delete(f"/notebooks/{notebook}/pages/{author.page(notebook, content='A stork.')['id']}")
    service.drain()
    empty(service)
    service.drain()
    no_database.stop_one("database")
    no_database.start_one("database")
    comes_back(lambda: status(author, "GET", f"/notebooks/{notebook}"))
    for _ in range(3):
        author.page(notebook, content="One heron.")
    service.drain()
    assert author.get("/search?scope=mine&q=heron")["total"] == 3


def test_without_mysql_nothing_withdrawn_is_read(service: Service, no_database: EmbeddedServices) -> None:
    author, reader = service.author(), service.anyone()
    page = published(author)
    reader.get(page)
    author.post(f"{page.split('/pages/')[0]}/unpublish", expect=200)
    no_database.stop_one("database")
    assert reader.ask("GET", page, expect=404)
    reader.get("/notebooks/0123456789abcdef0123456789abcdef", expect=503)


def test_while_mysql_hangs_requests_are_refused_at_once_and_cached_ones_are_read(
    service: Service, no_database: EmbeddedServices
) -> None:
    author, reader = service.author(), service.anyone()
    page = published(author)
    reader.get(page)
    # More than there are connections: some stand in the pool's queue.
    threads = [Author(service.client(), author.name, author.token, author.id) for _ in range(16)]
    no_database.kill("database", SIGSTOP)
    assert set(in_threads(lambda one: status(one, "PUT", page, json={"title": "lost?"}), threads)) == {503}
    # Known to hang: nobody waits for it any more, however many there are.
    for _ in range(3):
        with within(REQUEST_SECONDS):
            refused = in_threads(lambda one: status(one, "PUT", page, json={"title": "lost?"}), threads)
            assert set(refused) == {503}
            assert reader.get(page)["title"] == "A page"
            assert service.client().get("/healthz").status_code == 200
    no_database.kill("database", SIGCONT)
    comes_back(lambda: status(author, "GET", page))
    assert author.put(page, {"title": "The heron"})["version"] == 2


def test_a_connection_that_the_server_closed_is_no_reason_to_refuse_anybody(service: Service) -> None:
    author = service.author()
    page = published(author)
    # Of ours too, some may have died with a server of another test.
    service.engine.dispose()
    with service.engine.connect() as connection:
        mine = connection.scalar(text("SELECT CONNECTION_ID()"))
        for (number,) in connection.execute(text("SELECT id FROM information_schema.processlist")).all():
            if number != mine:
                connection.execute(text(f"KILL {number}"))
    for number in range(3):
        author.put(page, {"title": f"take {number}"})


def test_without_redis_everything_is_written_and_read(service: Service, no_redis: EmbeddedServices) -> None:
    author, reader = service.author(), service.anyone()
    page = published(author)
    no_redis.stop_one("redis")
    for number in range(5):
        saved = author.put(page, {"content": f"take {number}"})
        assert author.get(page) == saved
        assert reader.get(page)["content"] == "The heron stood still."
    author.post(f"{page.split('/pages/')[0]}/publish", expect=200)
    assert reader.get(page)["content"] == "take 4"
    no_redis.start_one("redis")
    service.drain()
    assert reader.get("/search?q=take")["total"] == 1


def test_while_redis_hangs_nobody_waits_a_second_for_it_and_what_was_revoked_stays_so(
    service: Service, no_redis: EmbeddedServices
) -> None:
    # With limits, which ask Redis too.
    limited = Service(replace(service.settings, ratelimit_enabled=True), service.engine, wipe=False)
    author, gone, reader = limited.author(), limited.author(), limited.anyone()
    page = published(author)
    gone.post("/auth/logout", expect=204)
    other = Service(limited.settings, service.engine, wipe=False)
    no_redis.kill("redis", SIGSTOP)
    for process in (limited, other):
        mine = Author(process.client(), author.name, author.token, author.id)
        for number in range(5):
            # One waits 250 ms in vain; the rest is for a busy machine.
            for ask in (
                lambda mine=mine, number=number: mine.put(page, {"content": f"take {number}"}),
                lambda: reader.get(page),
                lambda mine=mine: mine.post(f"{page.split('/pages/')[0]}/publish", expect=200),
            ):
                with within(1.5):
                    ask()
        Author(process.client(), gone.name, gone.token, gone.id).get("/users/me", expect=401)
    service.redis.close()
    no_redis.kill("redis", SIGCONT)
    service.redis.flushall()
    service.drain()
    assert reader.get(page)["content"] == "take 4"
    gone.get("/users/me", expect=401)


@pytest.mark.parametrize("way", ["gone", "hung"])
def test_without_the_object_store_uploads_are_refused_in_time_and_the_rest_works(
    service: Service, db: Engine, no_store: EmbeddedServices, way: str
) -> None:
    author = service.author()
    page = published(author)
    if way == "hung":
        no_store.kill("objects", SIGSTOP)
    else:
        no_store.stop_one("objects")
    assert upload(author) == 503
    # No longer asked: two that waited for it would take longer than this.
    with within(2 * STORE_SECONDS):
        assert [upload(author) for _ in range(3)].count(503) == 3
        author.put(page, {"content": "The heron flew."})
    assert author.get("/uploads/images")["total"] == 0
    if way == "hung":
        no_store.kill("objects", SIGCONT)
    else:
        no_store.start_one("objects")
    comes_back(lambda: upload(author))
    assert author.get("/uploads/images")["total"] == 1


def upload(author: Author) -> int:
    return status(author, "POST", "/uploads/images", data={"file": (io.BytesIO(photograph()), "boat.jpg")})
