"""A text that the database does not take at once is refused clearly, and is no outage."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from api import create_app
from deploy.embedded import EmbeddedServices
from events.deliveries import deliveries
from events.subscriptions import CUT_REVISIONS
from infra.database import write_engine
from infra.packets import shortage
from tests.integration.operate.root import variable
from tests.service import Author, Service
from workers.reaction import Reactor
from workers.reaction_table import REACTIONS

LARGE = "x" * 1_000_000


@pytest.fixture
def author(service: Service) -> Author:
    return service.author()


@pytest.fixture
def little(service: Service, author: Author, servers: EmbeddedServices) -> Iterator[None]:
    """New connections may send 1 MiB at once."""
    with variable(servers, "max_allowed_packet", 1024 * 1024):
        yield


def test_a_page_that_is_too_large_is_refused_and_nothing_else(
    service: Service, author: Author, servers: EmbeddedServices
) -> None:
    notebook = author.notebook()
    page = author.page(notebook["id"])
    assert shortage(service.settings.database_url) is None
    with variable(servers, "max_allowed_packet", 1024 * 1024):
        assert "max_allowed_packet is 1048576" in str(shortage(service.settings.database_url))
        client = create_app(service.settings).test_client()
        there = Author(client, author.name, author.token, author.id)
        # Quotes are escaped twice.
        refused = there.put(f"/notebooks/{notebook['id']}/pages/{page['id']}", {"content": '"' * 600_000}, expect=413)
        assert "does not take anything this large" in refused["detail"]
        assert there.get(f"/notebooks/{notebook['id']}/pages/{page['id']}")["version"] == 1
        assert there.put(f"/notebooks/{notebook['id']}/pages/{page['id']}", {"content": "short"})["version"] == 2
        assert client.get("/readyz").get_json()["checks"]["database"] == "ok"


def test_an_event_that_is_too_large_is_parked_and_the_others_pass(
    service: Service, author: Author, servers: EmbeddedServices
) -> None:
    notebook = author.notebook()
    large, small = author.page(notebook["id"], content='"' * 600_000), author.page(notebook["id"])
    service.relay.run_once()
    with service.engine.connect() as connection:
        owed = list(connection.scalars(text("SELECT event_id FROM deliveries WHERE reaction = 'cut-revisions'")))
    with variable(servers, "max_allowed_packet", 1024 * 1024):
        engine = write_engine(service.settings, pool_size=1)
        reactor = Reactor(engine, service.settings, CUT_REVISIONS, REACTIONS[CUT_REVISIONS])
        reactor.handle(owed)
        for _ in range(service.settings.delivery_max_attempts):
            for event_id in owed:
                reactor.handle_again(event_id)
        engine.dispose()
    with service.engine.connect() as connection:
        mine = deliveries.c.reaction == CUT_REVISIONS
        left = connection.execute(deliveries.select().where(mine)).all()
        revisions = set(connection.scalars(text("SELECT page_id FROM revisions")))
    assert [(each.aggregate_id, each.state) for each in left] == [(large["id"], "parked")]
    assert "TooLarge" in left[0].error
    assert small["id"] in revisions
