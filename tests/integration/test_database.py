"""What SQLAlchemy and the driver are told of the server."""

import os
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from infra.database import write_engine
from infra.settings import Settings
from workers import reaction
from workers.reaction_table import REACTIONS

TLS = "ssl_disabled"


def told(url: str, settings: Settings) -> dict[str, object]:
    """The driver's arguments for a connection to this URL."""
    engine = write_engine(replace(settings, database_url=url))
    seen: dict[str, object] = {}

    class Seen(Exception):
        pass

    def connect(*_: object, **arguments: object) -> None:
        seen.update(arguments)
        raise Seen

    engine.dialect.connect = connect  # type: ignore[method-assign, assignment]
    with pytest.raises(Seen):
        engine.connect()
    return seen


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_on_this_machine_no_certificates_are_read(settings: Settings, host: str) -> None:
    assert told(f"mysql+pymysql://me:secret@{host}:3306/notes?charset=utf8mb4", settings)[TLS] is True


@pytest.mark.parametrize("place", ["db.example.org/notes", "127.0.0.1/notes?ssl_verify_cert=true"])
def test_elsewhere_and_where_it_is_asked_for_tls_is_not_switched_off(settings: Settings, place: str) -> None:
    assert TLS not in told(f"mysql+pymysql://me:secret@{place}", settings)


def test_a_fork_gets_no_connection_of_its_parent(settings: Settings) -> None:
    reaction.prepare()
    _, engine = reaction._resources()
    with engine.connect() as connection:
        number = connection.scalar(text("SELECT CONNECTION_ID()"))
    child = os.fork()
    if child == 0:
        with engine.connect() as connection:
            os._exit(connection.scalar(text("SELECT CONNECTION_ID()")) == number)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT CONNECTION_ID()")) == number


def test_a_worker_waits_longer_for_a_row_than_a_request_and_less_than_its_event_may_take(
    settings: Settings, db: Engine
) -> None:
    _, working = reaction._resources()
    waits = []
    for engine in (db, working):
        with engine.connect() as connection:
            waits.append(connection.scalar(text("SELECT @@innodb_lock_wait_timeout")))
    assert waits[0] < waits[1] < min(each.patience(1) for each in REACTIONS.values())


def test_a_worker_starts_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    away: Engine = write_engine(replace(settings, database_url="mysql+pymysql://me:secret@127.0.0.1:1/notes"))
    monkeypatch.setattr(reaction, "_resources", lambda: (settings, away))
    reaction.prepare()
