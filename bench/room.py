"""Whether there is room for what a work makes ahead."""

import shutil
import sys
import tempfile

# What the servers take before anything is in them, and the pictures.
BYTES_OF_SERVERS = 1_500_000_000


def has_room(more: int, what: str) -> bool:
    """Whether so many bytes are free beside those that the servers need; if not, say what is left out for it."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    wanted = BYTES_OF_SERVERS + more
    if free < wanted:
        print(
            f"left out: {what}. They need {wanted / 1e9:.1f} GB in {tempfile.gettempdir()}, where {free / 1e9:.1f} GB "
            "are free; make room there, or set TMPDIR to another folder",
            file=sys.stderr,
        )
    return free >= wanted
