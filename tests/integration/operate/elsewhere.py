"""A second place for the data: another schema on a server, another bucket in the store."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from infra.clock import new_id
from infra.objects import Store, create_bucket
from infra.s3_client import connect
from infra.settings import Settings
from tests.e2e.running import free_port


@contextlib.contextmanager
def elsewhere(settings: Settings) -> Iterator[Settings]:
    """Settings of a service that has an empty schema and an empty bucket, and does not run."""
    # A name of its own: what an earlier test left connected would be taken for a running service.
    name = f"sinpluma_{new_id()[-8:]}"
    engine = create_engine(settings.database_url)
    url = make_url(settings.database_url).set(database=name).render_as_string(hide_password=False)
    bucket = name.replace("_", "-")
    chosen = replace(settings, database_url=url, database_read_url=url, s3_bucket=bucket, port=free_port())
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    create_bucket(chosen)
    try:
        yield chosen
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name}"))
        engine.dispose()
        for key in objects_of(chosen):
            Store(chosen).remove(key)
        with contextlib.suppress(Exception):
            connect(chosen).remove_bucket(bucket)


def objects_of(settings: Settings) -> dict[str, bytes]:
    """Everything in the bucket, by key."""
    store = Store(settings)
    return {each.key: b"".join(store.read(each.key)) for each in store.under("pictures/")}


def schemas(settings: Settings) -> set[str]:
    engine = create_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            return set(connection.scalars(text("SELECT schema_name FROM information_schema.schemata")))
    finally:
        engine.dispose()


def files(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}
