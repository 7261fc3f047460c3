"""Room on the disk of SINPLUMA_VAR. Without it whatever starts there fails, each server in long words of its own."""

import shutil
from pathlib import Path

# An empty database takes 150 MB, and its server asks for another 12 when it starts.
DATABASE_BYTES = 200_000_000


def shortage(var: Path, wanted: int = DATABASE_BYTES) -> str:
    """What to say of a disk with less than ``wanted`` bytes left; empty when there is more."""
    free = shutil.disk_usage(var).free
    if free >= wanted:
        return ""
    return f"the disk of {var} has {free // 1_000_000} MB left: make room, 500 MB at least, and try again"
