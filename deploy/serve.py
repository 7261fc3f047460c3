"""The API behind granian: `settings.api_workers` processes of `settings.api_threads` threads each."""

import importlib
import os
import shutil
import signal
from functools import partial
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from deploy.parent import die_with_parent, share_memory
from infra.metrics import METRICS
from infra.settings import Settings

# The requests under way when SIGTERM comes; the longest wait of a request is the database's 5 s.
GRACE_SECONDS = 10
# Requests that may wait for a free thread of one worker. More are left in the listen queue,
# where they cost nothing, until the worker has caught up.
WAITING_FOR_A_THREAD = 16
# A Unix socket whose queue is full refuses at once, where a TCP port would let the client try again.
WAITING_IN_THE_KERNEL = 4096


def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; a worker that dies is replaced."""
    # Counts of an earlier run, whose processes are gone.
    shutil.rmtree(settings.var / METRICS, ignore_errors=True)
    # The workers are forked from here: what is imported now they share instead of each having its own copy, and
    # code that cannot be imported ends us at once instead of every worker over and over.
    importlib.import_module("api")
    share_memory()
    Granian(
        "api.wsgi:app",
        address=settings.host,
        port=settings.port,
        uds=fresh(settings.api_socket) if settings.api_socket else None,
        uds_permissions=0o600,
        backlog=WAITING_IN_THE_KERNEL,
        interface=Interfaces.WSGI,
        workers=settings.api_workers,
        blocking_threads=settings.api_threads,
        backpressure=settings.api_threads * WAITING_FOR_A_THREAD,
        websockets=False,
        respawn_failed_workers=True,
        # Long enough not to spin when every start fails.
        respawn_interval=0.5,
        workers_kill_timeout=GRACE_SECONDS,
        log_access=False,
        log_dictconfig=_log_like_us(),
    ).serve(target_loader=partial(_load, os.getpid()), wrap_loader=False)


def fresh(path: Path) -> Path:
    """A short path to the same socket, with any leftover of a killed predecessor removed: the kernel limits socket
    paths to 107 bytes, and a checkout may lie deep."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    # Open for as long as this process lives.
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    return Path(f"/proc/{os.getpid()}/fd/{folder}") / path.name


def _load(parent: int) -> Any:
    """Runs in the worker. It dies with granian; orphaned by a SIGKILL it would keep answering beside its successors."""
    die_with_parent(parent, signal.SIGKILL)
    from api.wsgi import app

    return app


def _log_like_us() -> dict[str, Any]:
    """No handlers of granian's own: what it says goes to ours, as JSON lines."""
    return {"handlers": {}, "loggers": {name: {"propagate": True} for name in ("_granian", "granian.access")}}
