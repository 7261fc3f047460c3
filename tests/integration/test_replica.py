"""A replica lags; readers never notice, and what was taken from them it can't bring back."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select, update

from api import create_app
from deploy.embedded import EmbeddedServices
from events import log
from infra.database import write_engine
from infra.migrating import migrate
from infra.settings import Settings
from read_models.published import published_pages
from read_models.search.index import search_entries
from tests.service import Author, Service

NOWHERE = "mysql+pymysql://nobody:nothing@127.0.0.1:1/nowhere"


@pytest.fixture(scope="module")
def late(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings with a replica: a server of its own, to which nothing comes unless a test brings it."""
    with EmbeddedServices(tmp_path_factory.mktemp("replica"), names=("database",)) as servers:
        url = servers.environ()["DATABASE_URL"]
        migrate(dataclasses.replace(settings, database_url=url))
        yield dataclasses.replace(settings, database_read_url=url)


@pytest.fixture
def replica(late: Settings) -> Iterator[Engine]:
    engine = write_engine(dataclasses.replace(late, database_url=late.database_read_url))
    yield engine
    with engine.begin() as connection:
        for table in (log.events, published_pages, search_entries):
            connection.execute(table.delete())
    engine.dispose()


def replicate(service: Service, replica: Engine) -> None:
    """Bring the log there, as replication does sooner or later."""
    with service.engine.connect() as here, replica.begin() as there:
        there.execute(log.events.delete())
        there.execute(insert(log.events), [dict(row) for row in here.execute(select(log.events)).mappings()])


def reader(settings: Settings) -> Author:
    return Author(create_app(settings).test_client(), "anyone", None, None)


@pytest.fixture
def published(service: Service) -> tuple[Author, str, str]:
    """An author, and the ways to a published notebook and its page."""
    author = service.author()
    notebook = author.notebook()
    page = author.page(notebook["id"], content="A heron stands.")
    place = f"/notebooks/{notebook['id']}"
    author.post(f"{place}/publish", expect=200)
    return author, place, f"{place}/pages/{page['id']}"


Published = tuple[Author, str, str]


@pytest.mark.parametrize("how", ["empty", "away"])
def test_a_replica_that_has_nothing_costs_no_reader_anything(
    service: Service, late: Settings, published: Published, how: str
) -> None:
    author, place, page = published
    settings = dataclasses.replace(late, database_read_url=NOWHERE) if how == "away" else late
    for _ in range(4):
        service.redis.flushall()
        elsewhere = reader(settings)
        assert elsewhere.get(page)["content"] == "A heron stands."
        assert [each["version"] for each in elsewhere.get(place)["pages"]] == [1]
        author.put(page, {"title": f"Another {_}"})


def test_published_texts_are_read_from_the_replica(
    service: Service, late: Settings, replica: Engine, published: Published
) -> None:
    _, place, page = published
    service.drain()
    replicate(service, replica)
    service.redis.flushall()
    with service.engine.begin() as connection:
        # Were it asked, the primary would have another one.
        connection.execute(update(published_pages).values(content="read on the primary", title="read on the primary"))
    elsewhere = reader(late)
    assert elsewhere.get(page)["content"] == "A heron stands."
    assert [each["title"] for each in elsewhere.get(place)["pages"]] == ["A page"]


def test_a_new_publication_is_seen_at_once_however_late_the_replica_is(
    service: Service, late: Settings, replica: Engine, published: Published
) -> None:
    author, place, page = published
    replicate(service, replica)
    elsewhere = reader(late)
    assert elsewhere.get(page)["content"] == "A heron stands."
    author.put(page, {"content": "It flew."})
    author.post(f"{place}/publish", expect=200)
    assert elsewhere.get(page)["content"] == "It flew."
    assert [each["version"] for each in elsewhere.get(place)["pages"]] == [2]


def test_what_was_taken_from_readers_does_not_come_back_from_the_replica(
    service: Service, late: Settings, replica: Engine, published: Published
) -> None:
    author, place, page = published
    service.drain()
    replicate(service, replica)
    with service.engine.connect() as here, replica.begin() as there:
        for table in (published_pages, search_entries):
            rows = [dict(row) for row in here.execute(select(table)).mappings()]
            there.execute(insert(table), rows)
        assert there.scalar(select(func.count()).select_from(search_entries))
    author.post(f"{place}/unpublish", expect=200)
    service.drain()
    service.redis.flushall()
    elsewhere = reader(late)
    for path in (place, page):
        elsewhere.get(path, expect=404)
    found: dict[str, Any] = elsewhere.get("/search?q=heron")
    assert (found["items"], found["total"]) == ([], 0)
    assert elsewhere.get("/notebooks?public=true")["total"] == 0
