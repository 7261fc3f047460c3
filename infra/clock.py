"""Time and identity, the two things that a test wants to hold still."""

import os
import secrets
import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time in UTC, aware."""
    return datetime.now(UTC)


def new_id() -> str:
    """A UUIDv7 (RFC 9562) as 32 hexadecimal digits: later ids sort after earlier ones, so InnoDB appends."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10)) & ~(0xF << 76) & ~(0x3 << 62)
    return f"{milliseconds << 80 | 0x7 << 76 | 0x2 << 62 | random:032x}"


def secret_id() -> str:
    """128 random bits as 32 hexadecimal digits, for ids that are capabilities."""
    return secrets.token_hex(16)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with ``Z``, microseconds always present so that strings of times sort as times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
