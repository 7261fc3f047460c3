"""What `/readyz` and `/metrics` say is what requests meet."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from api import create_app
from deploy.embedded import EmbeddedServices
from events.deliveries import deliveries
from events.log import outbox
from events.subscriptions import REACTIONS
from infra import starts
from infra.clock import new_id, now
from infra.settings import CHECKOUT
from tests.integration.operate.root import as_root
from tests.integration.test_metrics import Figures
from tests.service import Service

LONG_AGO = timedelta(hours=1)


def checks(service: Service) -> Any:
    answer = service.client().get("/readyz")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()["checks"]


def kill_connections(servers: EmbeddedServices) -> int:
    """End all that anyone has to the database, as `wait_timeout` does; how many there were."""
    with as_root(servers) as root:
        root.execute("SELECT id FROM information_schema.processlist WHERE db = 'sinpluma'")
        found = [row[0] for row in root.fetchall()]
        for each in found:
            root.execute(f"KILL {each}")
    return len(found)


def test_dead_connections_in_the_pool_are_no_outage(service: Service, servers: EmbeddedServices) -> None:
    ok = {"database": "ok", "redis": "ok", "objects": "ok", "relay": "ok"}
    assert checks(service) == ok
    assert kill_connections(servers) > 0
    service.redis.execute_command("CLIENT", "KILL", "TYPE", "normal")
    assert checks(service) == ok
    figures = Figures(service.client())
    assert kill_connections(servers) > 0
    service.redis.execute_command("CLIENT", "KILL", "TYPE", "normal")
    figures = Figures(service.client())
    assert (figures.of("sinpluma_up", part="database"), figures.of("sinpluma_up", part="redis")) == (1, 1)


@pytest.mark.parametrize("reaction", REACTIONS)
def test_every_reaction_that_lags_is_told(service: Service, reaction: str) -> None:
    ids = {"event_id": new_id(), "aggregate_id": new_id(), "owner_id": new_id()}
    row = ids | {"reaction": reaction, "type": "page.edited", "version": 1, "state": "pending", "attempts": 0}
    with service.engine.begin() as connection:
        connection.execute(insert(deliveries).values(row | {"occurred_at": now() - LONG_AGO, "due_at": now()}))
    assert checks(service)["relay"] == f"{reaction}: events wait, the oldest for 3600 s"
    assert Figures(service.client()).of("sinpluma_reaction_lag_seconds", consumer=reaction) == pytest.approx(
        3600, abs=60
    )


def test_a_relay_that_does_not_run_is_told(service: Service) -> None:
    row = {"event_id": new_id(), "aggregate_id": new_id(), "owner_id": new_id(), "type": "page.edited", "version": 1}
    with service.engine.begin() as connection:
        connection.execute(insert(outbox).values(row | {"occurred_at": now() - LONG_AGO}))
    assert checks(service)["relay"] == "the relay: events wait, the oldest for 3600 s"


def test_a_worker_that_ends_as_soon_as_it_begins_is_told(service: Service, tmp_path: Path) -> None:
    settings = replace(service.settings, var=tmp_path)
    service.app = create_app(settings)
    noting = "import pathlib, sys; from infra import starts; starts.note(pathlib.Path(sys.argv[1]), sys.argv[2])"
    for _ in range(starts.MOST_ENDS):
        subprocess.run([sys.executable, "-c", noting, str(tmp_path), "worker-index-search"], cwd=CHECKOUT, check=True)
    assert checks(service)["relay"] == "ok"
    broken = {"PATH": "", "SINPLUMA_VAR": str(tmp_path), "SINPLUMA_PORT": "wrong"}
    command = [sys.executable, "run.py", "worker", "index-search"]
    assert subprocess.run(command, cwd=CHECKOUT, env=broken, capture_output=True).returncode == 1
    assert checks(service)["relay"] == "worker-index-search has ended 4 times in 5 minutes"
    assert Figures(service.client()).of("sinpluma_program_ends", program="worker-index-search") == 4
