"""What else goes on here while the bench measures, and would be measured too."""

import os
from pathlib import Path

from deploy.instance import MARK

# Of each processor, over the last minute.
MOST_LOAD = 0.3


def disturbances() -> list[str]:
    """What makes figures of this run doubtful, in words."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    busy = f"the machine is busy: {load:.1f} processes wait for {processors} processors"
    services = [f"a service runs beside, in {folder}; nothing of it is touched" for folder in sorted(_services())]
    return ([busy] if load > MOST_LOAD * processors else []) + services


def _services() -> set[str]:
    """The folders of services of ours that run now, whoever started them."""
    marks = (_mark(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return {mark for mark in marks if mark}


def _mark(pid: int) -> str | None:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    marks = (each.removeprefix(f"{MARK}=".encode()).decode() for each in environment if each.startswith(MARK.encode()))
    return next(marks, None)
