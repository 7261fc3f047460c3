"""The schema: what makes it, and that it is what the code takes it for."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Engine, Integer, MetaData, Table, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from infra.migrating import LOCK, MigrationBusy, MigrationFailed, migrate, migration_engine, reached
from infra.settings import CHECKOUT, Settings
from migrations.tables import all_tables
from operate.database_check import check_database, head_revision
from tests.integration.operate.elsewhere import elsewhere

AN_HOUR = 3600.0


def differences(engine: Engine, tables: MetaData) -> list[Any]:
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": _is_other_default, "include_name": _is_ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables))


def _is_other_default(_: object, __: object, ___: object, found: str | None, ____: object, wanted: str | None) -> bool:
    # The server tells of an empty text with its quotes, SQLAlchemy of the same without.
    return (found or "").strip("'") != (wanted or "").strip("'")


def _is_ours(name: str | None, kind: str, _: object) -> bool:
    return kind != "table" or name != "alembic_version"


def test_the_migrations_make_what_the_models_say(engine: Engine) -> None:
    assert differences(engine, all_tables()) == []


def test_what_no_migration_makes_would_be_told(engine: Engine) -> None:
    changed = MetaData()
    for table in all_tables().sorted_tables:
        table.to_metadata(changed)
    changed.tables["pages"].append_column(Column("colour", Integer))
    Table("margins", changed, Column("id", Integer, primary_key=True))
    changed.remove(changed.tables["orphan_objects"])
    told = {
        (found[0], found[1].name if found[0].endswith("_table") else found[3].name)
        for found in differences(engine, changed)
        if found[0] in ("add_table", "remove_table", "add_column")
    }
    assert told == {("add_table", "margins"), ("remove_table", "orphan_objects"), ("add_column", "colour")}


def test_a_step_may_take_the_time_that_a_large_table_takes(settings: Settings) -> None:
    patience = []

    def note(_: object, __: object, ___: object, options: dict[str, Any]) -> None:
        patience.append((options["read_timeout"], options["write_timeout"]))

    event.listen(Engine, "do_connect", note)
    try:
        migrate(settings)
    finally:
        event.remove(Engine, "do_connect", note)
    assert patience
    assert all(min(each) > AN_HOUR for each in patience), patience


def test_a_step_that_the_server_refuses_is_told_and_the_next_try_goes_on(settings: Settings) -> None:
    with elsewhere(settings) as other:
        migrate(other, "0012")
        run(other, "RENAME TABLE identity TO elsewhere")
        with pytest.raises(MigrationFailed, match=r"the step after 0012 failed: .*identity.*run\.py migrate"):
            migrate(other)
        assert reached(other) == "0012"
        run(other, "RENAME TABLE elsewhere TO identity")
        migrate(other)
        assert reached(other) == head_revision()


def run(settings: Settings, *statements: str) -> None:
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_code_whose_update_was_taken_back_goes_on_with_the_newer_schema(settings: Settings) -> None:
    with elsewhere(settings) as other:
        migrate(other)
        assert check_database(other) is False
        run(other, "UPDATE alembic_version SET version_num = '9999'")
        assert check_database(other) is True
        told = migrate_by_hand(other)
        assert (told.returncode, told.stdout.strip()) == (
            0,
            "the schema is newer than this code, and works with it: nothing to do",
        )
        run(other, "UPDATE identity SET works_from = '9998'")
        told = migrate_by_hand(other)
        assert (told.returncode, "9999, which this version" in told.stderr) == (1, True)


def migrate_by_hand(settings: Settings) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"DATABASE_URL": settings.database_url}
    command = [sys.executable, "run.py", "migrate"]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True)


def test_who_does_not_get_the_turn_migrates_nothing(settings: Settings, engine: Engine) -> None:
    with engine.connect() as other:
        other.execute(text("SELECT GET_LOCK(:name, 0)"), {"name": LOCK})
        with pytest.raises(MigrationBusy, match="another host"):
            migrate(settings, turn_seconds=0)
        other.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": LOCK})
    migrate(settings, turn_seconds=0)


class Interrupted(Exception):
    """As Ctrl-C, a full disk or a lost connection ends a migration."""


@contextmanager
def interrupted_at(done: set[str]) -> Iterator[None]:
    """Behind the first change of the schema that is not in ``done``, which then is."""

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement.lstrip().startswith(("CREATE", "ALTER", "DROP")) and statement not in done:
            done.add(statement)
            raise Interrupted

    event.listen(Engine, "after_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", note)


def test_a_migration_that_is_interrupted_again_and_again_comes_to_its_end(settings: Settings) -> None:
    done: set[str] = set()
    with elsewhere(settings) as scratch:
        while True:
            try:
                with interrupted_at(done):
                    migrate(scratch)
                break
            except Interrupted:
                continue
        assert len(done) > 50
        engine = create_engine(scratch.database_url)
        with engine.connect() as connection:
            models = connection.scalars(text("SELECT model FROM rebuilds")).all()
            assert len(models) == len(set(models)) == 4
            assert connection.scalar(text("SELECT COUNT(*) FROM identity")) == 1
        assert differences(engine, all_tables()) == []
        engine.dispose()


def test_a_migration_that_fails_for_another_reason_is_not_taken_for_done(settings: Settings) -> None:
    engine = migration_engine(settings)
    with engine.connect() as connection, pytest.raises(DBAPIError, match="1072"):
        connection.execute(text("ALTER TABLE pages ADD INDEX ix_colour (colour)"))
    engine.dispose()
