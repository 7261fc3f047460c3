"""What still works while a part is down, and that it comes back by itself."""

import time
from collections.abc import Iterator

import pytest

from deploy.embedded import EmbeddedServices
from tests.service import Author, Service

# The contract's word for every answer without MySQL.
AT_MOST = 5.0


@pytest.fixture
def no_database(service: Service, servers: EmbeddedServices) -> Iterator[EmbeddedServices]:
    yield servers
    if "database" not in servers.processes:
        servers.start_one("database")


@pytest.fixture
def no_redis(service: Service, servers: EmbeddedServices) -> Iterator[EmbeddedServices]:
    yield servers
    if "redis" not in servers.processes:
        servers.start_one("redis")


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
    assert author.put(page, {"content": "The heron flew."})["version"] == 2


def test_without_mysql_nothing_withdrawn_is_read(service: Service, no_database: EmbeddedServices) -> None:
    author, reader = service.author(), service.anyone()
    page = published(author)
    reader.get(page)
    author.post(f"{page.split('/pages/')[0]}/unpublish", expect=200)
    no_database.stop_one("database")
    assert reader.ask("GET", page, expect=404)
    reader.get("/notebooks/0123456789abcdef0123456789abcdef", expect=503)


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
