"""Expand, then contract: while hosts are updated one after the other, the code before runs on the schema after."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from infra.identity import works_from
from infra.migrating import migrate
from infra.settings import CHECKOUT, Settings
from tests.integration.operate.elsewhere import elsewhere

# Before the first release nobody had to be updated.
FIRST_HELD = "0010"


class Column(NamedTuple):
    type: str
    nullable: bool
    has_default: bool


class Shape(NamedTuple):
    """What statements depend on: columns by table and name, and what must be unique."""

    columns: dict[tuple[str, str], Column]
    unique: set[tuple[str, tuple[str, ...]]]


def shape(engine: Engine) -> Shape:
    looked = inspect(engine)
    columns, unique = {}, set()
    for table in looked.get_table_names():
        for each in looked.get_columns(table):
            default = each["default"] is not None or bool(each.get("computed")) or each.get("autoincrement") is True
            columns[table, each["name"]] = Column(str(each["type"]), bool(each["nullable"]), default)
        found = [index["column_names"] for index in looked.get_indexes(table) if index["unique"]]
        unique |= {(table, tuple(str(name) for name in names)) for names in found}
    return Shape(columns, unique)


def breaks(before: Shape, after: Shape) -> list[str]:
    """What code that knows only ``before`` can't do on ``after``."""
    tables = {table for table, _ in before.columns}
    gone = [f"{table}.{name} is gone" for table, name in before.columns if (table, name) not in after.columns]
    new = {key: column for key, column in after.columns.items() if key not in before.columns and key[0] in tables}
    owed = [f"{t}.{n} has no default" for (t, n), each in new.items() if not (each.nullable or each.has_default)]
    changed = [
        f"{table}.{name} is {after.columns[table, name].type}, was {column.type}"
        for (table, name), column in before.columns.items()
        if (table, name) in after.columns
        and after.columns[table, name] != column
        and _is_narrower(column, after.columns[table, name])
    ]
    stricter = [f"{table} {names} must be unique" for table, names in after.unique - before.unique if table in tables]
    return [*gone, *owed, *changed, *stricter]


def _is_narrower(before: Column, after: Column) -> bool:
    if before.nullable and not after.nullable:
        return True
    lengths = [int("".join(filter(str.isdigit, each.type)) or 0) for each in (before, after)]
    return before.type.split("(")[0] != after.type.split("(")[0] or lengths[1] < lengths[0]


def revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(CHECKOUT / "migrations"))
    return [script.revision for script in reversed(list(ScriptDirectory.from_config(config).walk_revisions()))]


def test_each_migration_leaves_the_code_before_all_that_it_needs(settings: Settings) -> None:
    with elsewhere(settings) as empty:
        engine = create_engine(empty.database_url)
        found: dict[str, list[str]] = {}
        before = None
        for revision in revisions():
            if revision >= FIRST_HELD and before is None:
                before = shape(engine)
            migrate(empty, revision)
            if revision >= FIRST_HELD:
                assert before is not None
                after, floor = shape(engine), floor_of(engine)
                # What older code can't do without may go once the schema says so: that code does not start any more.
                found[revision] = breaks(before, after) if floor <= FIRST_HELD else []
                before = after
        engine.dispose()
    assert {revision: told for revision, told in found.items() if told} == {}


def floor_of(engine: Engine) -> str:
    with engine.connect() as connection:
        return works_from(connection) or FIRST_HELD


@pytest.fixture
def scratch(settings: Settings) -> Iterator[Engine]:
    with elsewhere(settings) as empty:
        engine = create_engine(empty.database_url)
        with engine.connect() as connection:
            connection.execute(text("CREATE TABLE a (id INT PRIMARY KEY, word VARCHAR(20), old INT)"))
        yield engine
        engine.dispose()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DROP COLUMN old", ["a.old is gone"]),
        ("CHANGE old new INT", ["a.old is gone"]),
        ("ADD COLUMN new INT NOT NULL", ["a.new has no default"]),
        ("ADD UNIQUE (word)", ["a ('word',) must be unique"]),
        ("MODIFY word VARCHAR(10)", ["a.word is VARCHAR(10), was VARCHAR(20)"]),
        ("MODIFY word VARCHAR(40), ADD COLUMN new INT, ADD COLUMN newer INT NOT NULL DEFAULT 0", []),
    ],
)
def test_what_would_break_the_code_before_is_seen(scratch: Engine, change: str, told: list[Any]) -> None:
    before = shape(scratch)
    with scratch.connect() as connection:
        connection.execute(text(f"ALTER TABLE a {change}"))
    assert [each.split(" COLLATE")[0] for each in breaks(before, shape(scratch))] == told
