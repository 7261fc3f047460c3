"""A database that has no room left: writes are refused, and nobody takes that for a fault of what they asked."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, select, text

from events.deliveries import deliveries
from infra.database_errors import FULL
from infra.settings import Settings
from tests.integration.test_reactions import deliver
from tests.integration.writing import a_page
from tests.service import Service
from workers.reaction import Reactor
from workers.reaction_table import REACTIONS


@pytest.fixture(params=sorted(FULL))
def fill(db: Engine, request: pytest.FixtureRequest) -> Iterator[Callable[[str], None]]:
    """From the call on the server says of this table that it can't write there, until the trigger is gone."""

    def fill(table: str) -> None:
        signal = f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {request.param}, MESSAGE_TEXT = 'full'"
        with db.begin() as connection:
            connection.execute(text(f"CREATE TRIGGER no_room BEFORE INSERT ON {table} FOR EACH ROW {signal}"))

    yield fill
    with db.begin() as connection:
        connection.execute(text("DROP TRIGGER IF EXISTS no_room"))


def test_a_write_without_room_is_refused_and_comes_true_when_there_is(
    service: Service, fill: Callable[[str], None]
) -> None:
    author = service.author()
    notebook = author.notebook()["id"]
    fill("events")
    key = {"Idempotency-Key": "once"}
    page = {"title": "A page"}
    answer = author.ask("POST", f"/notebooks/{notebook}/pages", json=page, headers=key, expect=503)
    assert answer.headers["Retry-After"]
    with service.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER no_room"))
    author.post(f"/notebooks/{notebook}/pages", page, headers=key)
    assert author.get(f"/notebooks/{notebook}")["page_count"] == 1


def test_a_reaction_without_room_counts_no_failure(db: Engine, settings: Settings, fill: Callable[[str], None]) -> None:
    a_page(db)
    ids = deliver(db)
    fill("page_views")
    reactor = Reactor(db, settings, "update-views", REACTIONS["update-views"])
    for _ in range(settings.delivery_max_attempts):
        with pytest.raises(Exception, match="full"):
            reactor.handle(ids)
    with db.connect() as connection:
        owed = connection.execute(select(deliveries).where(deliveries.c.reaction == "update-views")).all()
    assert [(row.attempts, row.state) for row in owed] == [(0, "pending")] * len(ids)
