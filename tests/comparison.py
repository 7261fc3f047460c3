"""Whether the read models are what the log says: rebuilt beside the live ones, and held against them byte by byte."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.sql import Select

from infra.database import BACKGROUND_SECONDS, retrying
from read_models.model import Model
from read_models.rebuilding.rebuild import fill
from read_models.rebuilding.shadow import Shadow
from read_models.search.index import search_entries
from workers.reaction_table import MODELS

PREFIX = "compared_"


@dataclass(frozen=True)
class Difference:
    """A row that only one of the two has, or that is not the same in both."""

    table: str
    key: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        return f"{self.table} {' '.join(self.key)}: {self.what}"


def differences(engine: Engine, models: Iterable[Model] = tuple(MODELS.values())) -> list[Difference]:
    """What would be different if the read models were rebuilt from the log now; empty when they are byte-equal.

    For a quiet system: while anything is pending, what is not handled yet differs, and so does what is parked. From a
    test, with nothing owed any more: ``assert differences(engine) == []``, where ``engine`` is a ``write_engine``. It
    changes no row, only makes and drops tables whose names begin with ``compared_``; one caller at a time.
    """
    return [difference for model in models for difference in _of_model(engine, model)]


def _of_model(engine: Engine, model: Model) -> list[Difference]:
    shadow = Shadow(engine, model, PREFIX)
    with engine.connect() as connection:
        shadow.create(connection)
    try:
        for _ in fill(shadow):
            pass
        return [each for table in model.tables for each in _of_table(engine, shadow.engine, table)]
    finally:
        with engine.connect() as connection:
            shadow.drop(connection)


def _of_table(live: Engine, rebuilt: Engine, table: Table) -> Iterator[Difference]:
    ours, theirs = _digests_on(live, table), _digests_on(rebuilt, table)
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key):
            what = "not in the log" if key not in theirs else "not live" if key not in ours else "not the same"
            yield Difference(table.name, key, what)


def _digests_on(engine: Engine, table: Table) -> dict[tuple[str, ...], bytes]:
    def read() -> dict[tuple[str, ...], bytes]:
        with engine.connect() as connection:
            return _digests(connection, table)

    return retrying(read, BACKGROUND_SECONDS)


def _digests(connection: Connection, table: Table) -> dict[tuple[str, ...], bytes]:
    """By key, a digest of each row as the server stores it."""
    width = len(table.primary_key)
    rows = connection.execution_options(stream_results=True).execute(_stored(table))
    return {tuple(map(str, row[:width])): hashlib.sha256(repr(tuple(row)).encode()).digest() for row in rows}


def _stored(table: Table) -> Select[tuple[object, ...]]:
    """The key first, then a digest of each column as the server has it.

    Of the search index that is what can be found. The version there is a guard that counts with the notebook's as it
    was at the page's last refresh, and what is gone leaves a mark only where it had been: both differ with the moment.
    """
    keys = list(table.primary_key)
    others = [each for each in table.columns if not each.primary_key]
    if table is search_entries:
        others.remove(table.c.version)
    query = select(*keys, *(func.sha2(each, 256) for each in others))
    return query.where(table.c.title_terms != "") if table is search_entries else query
