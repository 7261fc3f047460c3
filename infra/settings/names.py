"""Whether a setting that was given exists at all: a misspelt one would be passed over without a word."""

import difflib
from collections.abc import Iterable

OURS = "SINPLUMA_"
# Read elsewhere, by those whom they concern alone.
ELSEWHERE = frozenset(
    {
        "SINPLUMA_ADMIN_PASSWORD",  # run.py create-admin
        "SINPLUMA_USER_PASSWORD",  # run.py create-user
        "SINPLUMA_SEED_PASSWORD",  # seed.py
        "SINPLUMA_DATABASE_SERVER",  # which program is the embedded database
        "SINPLUMA_INSTANCE",  # marks the processes of one SINPLUMA_VAR (deploy/instance.py)
        "SINPLUMA_CHECKOUT",  # for supervisord.conf
        "SINPLUMA_PYTHON",
        "SINPLUMA_CRASH",  # where a test lets a process die (infra/crash.py)
        "SINPLUMA_STORIES",  # the tests' length of a random story
    }
)


def unknown(given: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """What is wrong with each name of ours that no setting has."""
    known = {*known, *ELSEWHERE}
    return {name: _problem(name, known, 0.7) for name in given if name.startswith(OURS) and name not in known}


def misspelt(given: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """What looks like a setting and is none. What looks like none of ours is somebody else's."""
    known = {*known}
    others = (name for name in given if name not in known and not name.startswith(OURS))
    return {name: _problem(name, known, 0.85) for name in others if _closest(name, known, 0.85)}


def _problem(name: str, known: Iterable[str], likeness: float) -> str:
    close = _closest(name, known, likeness)
    return f"is no setting; do you mean {close}?" if close else "is no setting; see .env.example for those there are"


def _closest(name: str, known: Iterable[str], likeness: float) -> str:
    return "".join(difflib.get_close_matches(name, sorted(known), 1, likeness))
