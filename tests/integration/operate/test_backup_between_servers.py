"""MariaDB's backup on MySQL, and that one's back on MariaDB: the same rows, byte for byte. It runs where both are."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy.embedded import EmbeddedServices
from deploy.embedded.server import find
from infra.database import write_engine
from infra.migrating import migrate
from infra.settings import CHECKOUT, Settings
from operate.backup import restoring, writing
from tests.comparison import differences
from tests.integration.operate.elsewhere import elsewhere
from tests.integration.operate.test_backup import RECORD, a_life
from tests.integration.writing import dump
from tests.service import Service

MYSQL = CHECKOUT / ".mysql" / "mysqld"


@pytest.fixture
def other_kind(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """An empty schema on the kind of server that the session does not use."""
    uses_mysql = "MariaDB" not in version(settings)
    program = find("mariadbd") if uses_mysql else str(MYSQL) if MYSQL.exists() else None
    if program is None:
        pytest.skip("there is only one kind of server here; deploy/mysql.sh brings MySQL")
    monkeypatch.setitem(os.environ, "SINPLUMA_DATABASE_SERVER", program)
    with EmbeddedServices(tmp_path_factory.mktemp("other"), names=("database",)) as running:
        url = running.environ()["DATABASE_URL"]
        with elsewhere(replace(settings, database_url=url, database_read_url=url)) as chosen:
            yield chosen


def version(settings: Settings) -> str:
    engine = write_engine(settings, pool_size=1)
    try:
        with engine.connect() as connection:
            return str(connection.scalar(text("SELECT VERSION()")))
    finally:
        engine.dispose()


def test_a_backup_goes_to_the_other_server_and_back(
    service: Service, settings: Settings, other_kind: Settings, tmp_path: Path
) -> None:
    a_life(service)
    record = dump(service.engine, RECORD)
    writing.back_up(settings, tmp_path / "there", with_secrets=False)
    # The session has one Redis, which bears the mark of whoever came last.
    restoring.restore(other_kind, restoring.opened(tmp_path / "there"), force=False, take_over=True)
    there = write_engine(other_kind, pool_size=2)
    assert ("MariaDB" in version(other_kind)) != ("MariaDB" in version(settings))
    assert dump(there, RECORD) == record
    assert differences(there) == []
    there.dispose()
    writing.back_up(other_kind, tmp_path / "back", with_secrets=False)
    with elsewhere(settings) as home:
        restoring.restore(home, restoring.opened(tmp_path / "back"), force=False, take_over=True)
        back = write_engine(home, pool_size=2)
        assert dump(back, RECORD) == record
        assert differences(back) == []
        # The restored schema goes on as any other.
        migrate(home)
        back.dispose()
