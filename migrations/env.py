"""Alembic's entry: one revision at a time, against the database of the settings it is given."""

from alembic import context
from sqlalchemy import TypeDecorator

from infra.migrating import migration_engine, our_turn
from migrations.tables import all_tables


def run() -> None:
    given = context.config.attributes
    engine = migration_engine(given["settings"])
    try:
        with engine.connect() as connection, our_turn(connection, given["turn_seconds"]):
            context.configure(
                connection=connection, target_metadata=all_tables(), transactional_ddl=False, render_item=_plain_type
            )
            with context.begin_transaction():
                context.run_migrations()
            connection.commit()
    finally:
        engine.dispose()


def _plain_type(kind: str, item: object, _: object) -> str | bool:
    """A migration stands for ever, so it names the server's types and none of ours, which may change."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"mysql.{item.impl!r}"
    return False


run()
