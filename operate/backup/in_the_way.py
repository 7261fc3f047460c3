"""What a restore must not be done over: a service that runs, data, another service's bucket or Redis."""

import http.client
import time
from typing import Any

from infra.marks import NotOurs
from infra.settings import Settings
from operate import claims
from operate.backup import rows
from operate.backup.archive import BackupRefused

# Connections of a service that was just stopped are seen for a moment longer.
LINGER_SECONDS = 5.0


def refuse_while_used(settings: Settings, holding: Any) -> None:
    """Whoever writes meanwhile would be told that it is stored."""
    if _answers(settings):
        raise BackupRefused(f"the API runs on port {settings.port}; stop the service first, on every host")
    mine = {holding.thread_id()}
    deadline = time.monotonic() + LINGER_SECONDS
    while others := _connected(holding, mine):
        if time.monotonic() > deadline:
            hosts = ", ".join(sorted(others))
            raise BackupRefused(
                f"the database is in use from {hosts}: stop API, relay, workers and clock everywhere first"
            )
        time.sleep(0.2)


def _answers(settings: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return b'"status"' in connection.getresponse().read(1000)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connected(holding: Any, mine: set[int]) -> set[str]:
    """The hosts that other connections to this database come from."""
    schema = rows.ask(holding, "SELECT DATABASE()")[0][0]
    found = rows.ask(holding, "SHOW FULL PROCESSLIST")
    return {str(row[2]).partition(":")[0] for row in found if row[3] == schema and int(row[0]) not in mine}


def refuse_data(holding: Any, force: bool) -> None:
    """What is there stays, unless its owner says that it may go."""
    if force or "events" not in rows.carried_tables(holding):
        return
    if users := rows.count(holding, "users"):
        raise BackupRefused(
            f"the database holds data ({users} accounts); --force puts the backup in its place, and that data is gone"
        )


def refuse_others(settings: Settings) -> None:
    """A bucket that another service has marked would lose its pictures."""
    try:
        claims.refuse_others(settings)
    except NotOurs as refusal:
        raise BackupRefused(
            f"{refusal} Or restore with --take-over, if the service that has marked it is gone for good, as after the "
            "loss of its database: it loses its pictures and queues"
        ) from None
