"""SIGTERM: what is under way is finished, nothing is lost, and the process ends soon and well."""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select

from deploy.embedded import EmbeddedServices
from domain.page import pages
from events.deliveries import deliveries
from infra import starts
from infra.settings import explicit_environment, var_folder
from tests.chaos.processes import Processes
from tests.chaos.system import System, until
from tests.conftest import PATIENCE
from tests.integration.writing import a_page, is_at, repeated_in_background, save, versions
from workers.clock import chores


@pytest.fixture
def system(db: Engine, servers: EmbeddedServices) -> Iterator[System]:
    with System(servers, programs=()) as system:
        yield system


class Stopped:
    """A process that was told to stop, by SIGTERM and nothing else."""

    def __init__(self, processes: Processes, name: str) -> None:
        self._name = name
        self._process = processes._running[name]
        processes._forget(name)
        self._process.send_signal(signal.SIGTERM)

    def is_running(self) -> bool:
        return self._process.poll() is None

    def ends_well(self) -> None:
        assert self._process.wait(PATIENCE) == 0
        noted = (var_folder(explicit_environment()) / starts.STARTS / self._name).read_text()
        assert str(self._process.pid) not in noted.split(), "it counts as one that was asked to end"


def signed_in(system: System) -> httpx.Client:
    client = httpx.Client(base_url=f"{system.url}/api/v1", timeout=PATIENCE)
    someone = {"username": "walker", "email": "walker@example.org", "password": "a long enough password"}
    client.post("/auth/register", json=someone)
    token = client.post("/auth/login", json={k: someone[k] for k in ("email", "password")}).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def test_the_api_finishes_the_requests_under_way(db: Engine, system: System) -> None:
    system.start("api")
    system.wait_until_ready()
    client = signed_in(system)
    notebook = client.post("/notebooks", json={"title": "Walks"}).json()["id"]
    page = client.post(f"/notebooks/{notebook}/pages", json={"title": "Page"}).json()["id"]
    place = f"/notebooks/{notebook}/pages/{page}"
    with ThreadPoolExecutor(1) as pool:
        with db.connect() as holder:
            holder.execute(select(pages).where(pages.c.id == page).with_for_update())
            answer = pool.submit(client.put, place, json={"content": "The last words."})
            until(lambda: is_at(db, "FOR UPDATE"), PATIENCE, "a request under way")
            stopped = Stopped(system.processes, "api")
            # A request may take longer than a second, so that is how long it must be left at least.
            threading.Event().wait(1.5)
            assert stopped.is_running(), "a request is under way"
            holder.rollback()
        assert answer.result(PATIENCE).json()["version"] == 2
    stopped.ends_well()
    assert versions(db, page) == [1, 2]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{system.url}/healthz")


def test_the_relay_stops_soon_and_what_it_had_not_sent_is_sent_by_the_next(db: Engine, system: System) -> None:
    system.start("relay")
    page = a_page(db)
    with repeated_in_background(lambda: save(db, page, str(time.monotonic()))):
        until(lambda: is_relaying(db) and len(versions(db, page.id)) > 20, PATIENCE, "some saves")
        Stopped(system.processes, "relay").ends_well()
    system.start("relay")
    for name in ("worker-update-views", "worker-cut-revisions", "worker-index-search", "worker-track-references"):
        system.start(name)
    system.settle(2 * PATIENCE)


def is_relaying(db: Engine) -> bool:
    with db.connect() as connection:
        return bool(connection.scalar(select(deliveries.c.event_id).limit(1)))


def test_a_worker_finishes_its_job_before_it_goes(db: Engine, system: System) -> None:
    system.start("relay")
    system.start("worker-update-views")
    page = a_page(db)
    with db.connect() as holder:
        # The job will wait for this row, as it would for a slow server.
        until(lambda: not owed(system, "update-views"), PATIENCE, "the first views")
        until(lambda: not system.processes.children("worker-update-views"), PATIENCE, "the end of that job")
        hold_view(holder, page.notebook_id)
        save(db, page, "The last words.")
        until(lambda: system.processes.children("worker-update-views"), PATIENCE, "a job under way")
        stopped = Stopped(system.processes, "worker-update-views")
        threading.Event().wait(0.5)
        assert stopped.is_running(), "a job is under way"
        holder.rollback()
    stopped.ends_well()
    assert owed(system, "update-views") == 0


def owed(system: System, reaction: str) -> int:
    with system.engine.connect() as connection:
        query = "SELECT (SELECT COUNT(*) FROM outbox) + (SELECT COUNT(*) FROM deliveries WHERE reaction = %s)"
        return int(connection.exec_driver_sql(query, (reaction,)).scalar_one())


def hold_view(connection: Any, notebook_id: str) -> None:
    connection.exec_driver_sql("SELECT * FROM notebook_views WHERE notebook_id = %s FOR UPDATE", (notebook_id,)).all()


def test_the_clock_stops_soon_and_leaves_no_chore_locked(db: Engine, system: System) -> None:
    system.start("clock")
    until(lambda: due(db), PATIENCE, "the first chores")
    Stopped(system.processes, "clock").ends_well()
    with db.begin() as connection:
        assert list(connection.scalars(select(chores.c.name).with_for_update(nowait=True)))


def due(db: Engine) -> list[Any]:
    with db.connect() as connection:
        return list(connection.scalars(select(chores.c.due_at)))
