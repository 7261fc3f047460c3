"""What processes take of the processor and of memory, as Linux counts it (proc(5))."""

import os
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def seconds(pids: Iterable[int]) -> float:
    """Processor seconds of these processes so far, with those of their children that have ended."""
    return sum(_ticks(pid) for pid in pids) / TICKS


def _ticks(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # Behind the name, which may hold anything: utime, stime, cutime and cstime are fields 14 to 17 of the line.
    return sum(int(each) for each in stat.rpartition(")")[2].split()[11:15])


def megabytes(pids: Iterable[int]) -> float:
    """Proportional set size: a page that n processes share counts as 1/n for each."""
    return sum(_pss_kilobytes(pid) for pid in pids) / 1024


def _pss_kilobytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def is_python(pid: int) -> bool:
    try:
        return "python" in Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return False


def children_of(pid: int) -> set[int]:
    """Its living children, and theirs."""
    found = {each for each in _all_pids() if _parent(each) == pid}
    return found.union(*(children_of(each) for each in found))


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
