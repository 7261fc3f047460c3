"""The door to picture files, which come from strangers: they are decoded in a child process with limits of its own.

What a picture is, its content says: neither its name nor the type that the client gives it are ever looked at.
"""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import magic

CHECKOUT = Path(__file__).resolve().parent.parent

TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")
HEAD_BYTES = 8192
# The child has a limit of its own on the processor; who reaches this one had to share it with too many.
WALL_SECONDS = 30.0
# Each child may take half a gigabyte and a processor. One more than a user may have: the next user finds a place.
MOST_CHILDREN = 3
# Who waits holds a thread that others need.
MOST_WAITING = 2
PATIENCE_SECONDS = 10.0

logger = logging.getLogger(__name__)
_free = threading.BoundedSemaphore(MOST_CHILDREN)
_waiting = threading.BoundedSemaphore(MOST_WAITING)


class Unsupported(Exception):
    """The content is not a picture of one of ``TYPES``."""


class Damaged(Exception):
    """The picture can't be decoded, or not within the limits; the message may be shown to its sender."""


class TooBusy(Exception):
    """Too many pictures at once; nothing is wrong with this one."""


@dataclass(frozen=True)
class Original:
    """The picture as it is kept: upright, ``width`` and ``height`` in pixels. Its type is that of what was sent, but
    a WebP that is too large to be written as one is kept as a PNG."""

    mime: str
    width: int
    height: int


@dataclass(frozen=True)
class Shrunk:
    """One size. ``stored_as`` is the size whose file it is: equal sizes share one."""

    size: str
    stored_as: str
    width: int
    height: int


def media_type(head: bytes) -> str:
    """The type that the first ``HEAD_BYTES`` of a file tell.

    Raises:
        Unsupported: it is none of ``TYPES``.
    """
    found = str(magic.from_buffer(head[:HEAD_BYTES], mime=True))
    if found not in TYPES:
        raise Unsupported(found)
    return found


def clean(source: Path, target: Path) -> Original:
    """Write the picture anew, upright and without what a camera or an editor wrote beside it.

    Raises:
        Unsupported, Damaged, TooBusy
    """
    with open(source, "rb") as file:
        claimed = media_type(file.read(HEAD_BYTES))
    answer = _in_child("original", source, target)
    read_as = answer.pop("read_as")
    if read_as != claimed:
        raise Unsupported(f"{claimed} and {read_as} at once")
    return Original(**answer)


def shrink(source: Path, folder: Path) -> list[Shrunk]:
    """Make the sizes of a clean picture: a WebP file in ``folder`` for each ``stored_as``.

    Raises:
        Damaged, TooBusy
    """
    return [Shrunk(**each) for each in _in_child("sizes", source, folder)]


def _in_child(job: str, source: Path, target: Path) -> Any:
    with _turn():
        answer = _run(job, source, target)
    if "refused" in answer:
        raise Damaged(answer["refused"])
    return answer["done"]


@contextmanager
def _turn() -> Iterator[None]:
    if not _free.acquire(blocking=False):
        _wait()
    try:
        yield
    finally:
        _free.release()


def _wait() -> None:
    if not _waiting.acquire(blocking=False):
        raise TooBusy
    try:
        if not _free.acquire(timeout=PATIENCE_SECONDS):
            raise TooBusy
    finally:
        _waiting.release()


def _run(job: str, source: Path, target: Path) -> dict[str, Any]:
    # Nothing of our environment: a decoder that is turned against us shall find no secret there.
    command = [sys.executable, "-E", "-s", "-m", "infra.decoding.child", job, str(source), str(target)]
    try:
        child = subprocess.run(command, cwd=CHECKOUT, env={}, capture_output=True, timeout=WALL_SECONDS, check=True)
    except subprocess.TimeoutExpired as error:
        raise TooBusy from error
    except subprocess.CalledProcessError as error:
        # Killed by one of its limits, or crashed by the picture: the same to whoever sent it.
        logger.warning("a picture ended its decoder (status %s): %s", error.returncode, error.stderr[-300:])
        return {"refused": "The picture can't be decoded within the limits."}
    answer: dict[str, Any] = json.loads(child.stdout)
    return answer
