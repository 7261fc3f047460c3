"""A database as it was before anyone used it."""

from sqlalchemy import Engine, text

from infra.database import metadata, retrying
from infra.identity import identity


def emptied(engine: Engine) -> None:
    """Empty all tables of the service that hold anything."""
    retrying(lambda: _empty(engine))


def _empty(engine: Engine) -> None:
    # It stays the database that has marked the bucket.
    names = [each.name for each in metadata.sorted_tables if each is not identity]
    with engine.begin() as connection:
        held = connection.execute(text("SELECT " + ", ".join(f"EXISTS (SELECT 1 FROM {name})" for name in names))).one()
        for name, is_used in zip(names, held, strict=True):
            if is_used:
                connection.execute(text(f"{_clearing(name)} {name}"))


def _clearing(name: str) -> str:
    # After a restart InnoDB may give a new row the full-text id of a deleted one, and then never find it
    # (read_models/search/index.py). To truncate all the others would take much longer.
    return "TRUNCATE" if name == "search_entries" else "DELETE FROM"
