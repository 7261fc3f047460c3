"""Passwords: which are refused, and how they are kept."""

import base64
import hashlib
import importlib.util
import runpy
from functools import cache
from pathlib import Path

import bcrypt

FEWEST, MOST = 10, 128


def is_common(password: str) -> bool:
    """Whether an attacker would try it among the first, in any case of its letters."""
    return password.lower() in _common()


@cache
def _common() -> frozenset[str]:
    """The passwords of zxcvbn's frequency list that are long enough to be allowed otherwise."""
    # The file alone: to import the package would build its dictionaries of five languages, and keep them. So it is a
    # tenth of a second, once, and a thousand strings.
    package = importlib.util.find_spec("zxcvbn")
    assert package
    assert package.origin
    lists = runpy.run_path(str(Path(package.origin).with_name("frequency_lists.py")))["FREQUENCY_LISTS"]
    return frozenset(each for each in lists["passwords"] if FEWEST <= len(each) <= MOST)


def hash_password(password: str, rounds: int) -> str:
    """A bcrypt hash over the whole password, whatever its length."""
    return bcrypt.hashpw(_digest(password), bcrypt.gensalt(rounds)).decode()


def verify_password(password: str, password_hash: str) -> bool:
    return bcrypt.checkpw(_digest(password), password_hash.encode())


def decoy(rounds: int) -> str:
    """A hash that no password has, and that takes as long to check as one that somebody has."""
    return f"$2b${rounds:02d}${'.' * 53}"


def _digest(password: str) -> bytes:
    # bcrypt stops at 72 bytes and at a NUL; 44 base-64 characters of a SHA-256 have neither trouble.
    return base64.b64encode(hashlib.sha256(password.encode()).digest())
