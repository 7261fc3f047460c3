"""Alembic's entry: one revision at a time, against the database of the settings it is given."""

from alembic import context
from sqlalchemy import TypeDecorator, text

from infra.database import metadata, write_engine

# Longer than any migration: two hosts that start at once take turns.
LOCK_SECONDS = 600


def run() -> None:
    settings = context.config.attributes["settings"]
    engine = write_engine(settings, pool_size=1)
    with engine.connect() as connection:
        connection.execute(text("SELECT GET_LOCK('sinpluma-migrate', :seconds)"), {"seconds": LOCK_SECONDS})
        context.configure(
            connection=connection, target_metadata=metadata, transactional_ddl=False, render_item=_plain_type
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
        connection.execute(text("SELECT RELEASE_LOCK('sinpluma-migrate')"))
        connection.rollback()
    engine.dispose()


def _plain_type(kind: str, item: object, _: object) -> str | bool:
    """A migration stands for ever, so it names the server's types and none of ours, which may change."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"mysql.{item.impl!r}"
    return False


run()
