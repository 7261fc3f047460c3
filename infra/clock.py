"""Time and identity, the two things that a test wants to hold still."""

import random
import secrets
import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time in UTC, aware."""
    return datetime.now(UTC)


def new_id() -> str:
    """A UUIDv7 (RFC 9562) as 32 hexadecimal digits: later ids sort after earlier ones, so InnoDB appends."""
    milliseconds = time.time_ns() // 1_000_000
    # Not os.urandom: it lets go of the interpreter's lock, and under load its thread then queues for it again, once
    # for each request. What must not be guessed is made by ``secret_id``. Python seeds anew after a fork.
    high, low = random.getrandbits(12), random.getrandbits(62)
    return f"{milliseconds << 80 | 0x7 << 76 | high << 64 | 0x2 << 62 | low:032x}"


def first_id(moment: datetime) -> str:
    """No id of ``new_id`` from then on sorts before it."""
    return f"{int(moment.timestamp() * 1000) << 80:032x}"


def secret_id() -> str:
    """128 random bits as 32 hexadecimal digits, for ids that are capabilities."""
    return secrets.token_hex(16)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with ``Z``, microseconds always present so that strings of times sort as times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
