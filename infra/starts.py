"""How often each program was started lately and has ended unasked, so that one that ends as soon as it begins is seen.

A line with the time and the process in a file of the program's own: supervisor, systemd and containers all start
programs again, and none of them tells the service.
"""

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from infra.clock import now
from infra.settings import explicit_environment, var_folder

# The folder under SINPLUMA_VAR.
STARTS = "starts"
WINDOW_SECONDS = 300
# A host that runs short of memory, or a server that is away, ends one now and then.
MOST_ENDS = 3
KEPT_LINES = 50


def note(var: Path, name: str) -> None:
    """This process runs that program. What can't be noted is no reason not to run."""
    _write(var / STARTS / name, [f"{now().timestamp():.3f} {os.getpid()}"])


def noted(name: str, program: Callable[[], int | None]) -> int:
    """Run a program, noted in the SINPLUMA_VAR of settings of which nobody has asked yet whether they are right. One
    that returns was asked to end, which is no sign of anything: its note goes. Its exit status."""
    var = var_folder(explicit_environment())
    note(var, name)
    status = program() or 0
    if status == 0:
        _write(var / STARTS / name, [])
    return status


def _write(path: Path, own: list[str]) -> None:
    """The lines of others, and this process's own."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = path.read_text().splitlines()[-KEPT_LINES:] if path.exists() else []
        others = [line for line in lines if line.split()[1:] != [str(os.getpid())]]
        new = path.with_suffix(f".{time.monotonic_ns()}.new")
        new.write_text("".join(f"{line}\n" for line in [*others, *own]))
        new.replace(path)
    except OSError:
        return


def ended(var: Path, at: datetime | None = None) -> dict[str, int]:
    """How many processes of each program were started in the last ``WINDOW_SECONDS`` and have ended unasked."""
    since = (at or now()).timestamp() - WINDOW_SECONDS
    folder = var / STARTS
    found = {path.name: path for path in folder.iterdir() if path.suffix != ".new"} if folder.is_dir() else {}
    return {name: _gone(found[name], since) for name in sorted(found)}


def loops(var: Path, at: datetime | None = None) -> dict[str, int]:
    """Those of which more have ended than what may happen to any of them."""
    return {name: count for name, count in ended(var, at).items() if count > MOST_ENDS}


def _gone(path: Path, since: float) -> int:
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
        return sum(float(at) >= since and not _runs(int(pid)) for at, pid in lines)
    except (OSError, ValueError):
        return 0


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
