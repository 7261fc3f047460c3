"""What is told of what waits, without reading all of it."""

import pytest
from sqlalchemy import Connection, Engine, func, select, text

from events import deliveries, log, outstanding
from events.subscriptions import INDEX_SEARCH
from read_models.rebuilding import rebuild
from read_models.rebuilding.rebuild import Rebuild
from read_models.search.refresh import MODEL
from tests.integration.writing import a_page, save
from workers.reaction_table import SUBSCRIPTIONS

SAVES = 60


def rows_read(connection: Connection) -> int:
    """Rows that the server has read for this connection; not of the table in memory that this very question reads."""
    counters = connection.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
    return sum(int(value) for name, value in counters if "rnd" not in name)


def write(db: Engine) -> None:
    page = a_page(db)
    for number in range(SAVES):
        save(db, page, f"Words {number}")


def test_what_waits_is_counted_wherever_it_is_and_read_no_further_than_the_cap(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(db)
    with db.connect() as connection:
        oldest = connection.scalar(select(func.min(log.outbox.c.occurred_at)))
        # A page, its saves and its notebook, which the index does not hear of once it is handed out.
        assert outstanding.backlog(connection, INDEX_SEARCH) == (SAVES + 3, oldest)
        while deliveries.fan_out(connection, SUBSCRIPTIONS, 20):
            pass
        connection.commit()
        found, since = outstanding.backlog(connection, INDEX_SEARCH)
        assert (found, since is not None and since > oldest) == (SAVES + 1, True)
        monkeypatch.setattr(outstanding, "MOST_COUNTED", 5)
        before = rows_read(connection)
        assert outstanding.backlog(connection, INDEX_SEARCH) == (5, since)
        assert rows_read(connection) - before < SAVES / 2


def test_a_log_is_not_read_to_tell_how_long_it_is(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    write(db)
    assert Rebuild(db, MODEL).size() == SAVES + 1
    monkeypatch.setattr(rebuild, "MOST_COUNTED", 5)
    assert Rebuild(db, MODEL).size() is None
    with db.connect() as connection:
        before = rows_read(connection)
        assert log.count(connection, MODEL.event_names, most=5) == 5
        assert rows_read(connection) - before < SAVES / 2
