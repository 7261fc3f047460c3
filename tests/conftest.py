"""Real servers for the whole session, empty tables for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deploy.embedded import EmbeddedServices
from infra import objects
from infra.database import metadata, migrate, read_engine, retrying, write_engine
from infra.settings import Settings, load_settings
from tests.service import Service

# What a test may wait for at most; never what it waits for.
PATIENCE = 30.0


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServices]:
    """MariaDB or MySQL, Redis and an S3 server of this session's own."""
    with EmbeddedServices(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture(scope="session")
def settings(servers: EmbeddedServices) -> Settings:
    """The settings of a service on those servers, with the schema and the bucket made."""
    environment = {
        **servers.environ(),
        "SINPLUMA_VAR": str(servers.var),
        "LEASE_SECONDS": "0.05",
        "PASSWORD_ROUNDS": "4",
        "RATELIMIT_ENABLED": "0",
    }
    os.environ.update(environment)
    chosen = load_settings(environment)
    migrate(chosen)
    objects.create_bucket(chosen)
    return chosen


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Iterator[Engine]:
    made = write_engine(settings, pool_size=32)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def reading(settings: Settings) -> Iterator[Engine]:
    made = read_engine(settings, pool_size=8)
    yield made
    made.dispose()


@pytest.fixture
def db(engine: Engine) -> Engine:
    """The database, empty."""
    retrying(lambda: _empty(engine))
    return engine


def _empty(engine: Engine) -> None:
    with engine.begin() as connection:
        for each in metadata.sorted_tables:
            connection.execute(text(f"{_clearing(each.name)} {each.name}"))


def _clearing(name: str) -> str:
    # After a restart InnoDB may give a new row the full-text id of a deleted one, and then never find it. The service
    # deletes no such row: it leaves tombstones.
    return "TRUNCATE" if name == "search_entries" else "DELETE FROM"


@pytest.fixture
def service(db: Engine, settings: Settings) -> Service:
    """The whole service in this process, on an empty database: API, relay and reactions, driven by ``drain()``."""
    return Service(settings, db)


@pytest.fixture(scope="session")
def corpus() -> Path | None:
    """Real books, where they are present."""
    folder = Path(__file__).parent.parent.parent / "shared" / "corpus"
    return folder if folder.is_dir() else None
