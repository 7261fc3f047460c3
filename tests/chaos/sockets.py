"""Which TCP sockets a process has, from the kernel's own lists (Linux)."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LISTENING = "0A"


class Tcp(NamedTuple):
    """Ports of an IPv4 socket; ``state`` is the kernel's number for it."""

    local: int
    remote: int
    state: str


def sockets_of(pid: int) -> list[Tcp]:
    mine = set(_inodes(pid))
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return [Tcp(_port(each[1]), _port(each[2]), each[3]) for each in fields if each[9] in mine]


def _inodes(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{name}")
                if target.startswith("socket:["):
                    yield target[8:-1]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def is_listening(pid: int, port: int) -> bool:
    return any(each.local == port and each.state == LISTENING for each in sockets_of(pid))
