"""Real servers for the whole session, empty tables for each test."""

import gc
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from deploy import embedded
from deploy.embedded import EmbeddedServices
from infra import objects, starts
from infra.database import read_engine, write_engine
from infra.migrating import migrate
from infra.proxies import forget_proxies
from infra.settings import Settings, load_settings
from tests import second_store, turns
from tests.emptying import emptied
from tests.service import Service

STORES = {"rclone": embedded.Objects, "swift": second_store.Swift}
# What a test may wait for at most; never what it waits for.
PATIENCE = 30.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--s3", choices=STORES, default="rclone", help="the object store behind all tests")


def pytest_configure(config: pytest.Config) -> None:
    forget_proxies()
    embedded.SERVERS["objects"] = STORES[config.getoption("--s3")]
    config.addinivalue_line("markers", turns.MARK)
    config.pluginmanager.register(turns.plugin(config))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    # All that was imported stays to the end: each of the collector's passes over it took a tenth of a second, and more
    # than a quarter of the processor time of a short test.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServices]:
    """MariaDB or MySQL, Redis and an S3 server of this session's own."""
    with EmbeddedServices(tmp_path_factory.mktemp("servers")) as running:
        yield running


def environ_of(running: EmbeddedServices) -> dict[str, str]:
    found = running.environ()
    if embedded.SERVERS["objects"] is second_store.Swift:
        found["S3_ACCESS_KEY"] = second_store.access_key(found["S3_ACCESS_KEY"])
    return found


@pytest.fixture(scope="session")
def settings(servers: EmbeddedServices) -> Settings:
    """The settings of a service on those servers, with the schema and the bucket made."""
    environment = {
        **environ_of(servers),
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


@pytest.fixture(scope="module", params=STORES)
def each_store(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """The settings with a store of each kind in turn, and a bucket in it: the session's own, or one of its own."""
    kind = STORES[request.param]
    if embedded.SERVERS["objects"] is kind:
        yield settings
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(embedded.SERVERS, "objects", kind)
        with EmbeddedServices(tmp_path_factory.mktemp("store"), names=("objects",)) as running:
            chosen: dict[str, Any] = {
                name.lower(): value for name, value in environ_of(running).items() if name.startswith("S3_")
            }
            found = replace(settings, **chosen)
            objects.create_bucket(found)
            yield found


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
    emptied(engine)
    return engine


@pytest.fixture
def impatient(settings: Settings, db: Engine) -> Iterator[Engine]:
    """An engine to which every wait for a lock is an error, a second later."""
    made = write_engine(settings, pool_size=2)

    @event.listens_for(made, "connect")
    def be_impatient(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET innodb_lock_wait_timeout = 1")

    yield made
    made.dispose()


@pytest.fixture
def service(db: Engine, settings: Settings) -> Service:
    """The whole service in this process, on an empty database: API, relay and reactions, driven by ``drain()``."""
    # What tests before have killed is no crash loop of this one.
    shutil.rmtree(settings.var / starts.STARTS, ignore_errors=True)
    return Service(settings, db)


@pytest.fixture(scope="session")
def corpus() -> Path | None:
    """Real books, where they are present."""
    folder = Path(__file__).parent.parent.parent / "shared" / "corpus"
    return folder if folder.is_dir() else None
