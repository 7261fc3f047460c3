"""``python -m bench [ROW …]``: measure, print the table, write it as JSON and as pictures."""

import argparse
import contextlib
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from bench.figures import Figure, measure, table, write_json
from bench.pictures import draw
from bench.profiling import Profile, profile, told
from bench.room import has_room
from bench.running import Running
from bench.surroundings import disturbances
from infra.proxies import forget_proxies
from infra.settings import explicit_environment, var_folder

# What can be asked for, and its modules in bench/works/.
ROWS = {
    "save": ("saving",),
    "read": ("reading_published", "reading_own"),
    "list": ("listing",),
    "events": ("reacting",),
    "lag": ("lagging",),
    "search": ("searching",),
    "relevance": ("finding",),
    "pictures": ("shrinking", "uploading"),
    "limits": ("counting",),
    "rest": ("asleep",),
    "growth": ("growing",),
    "wear": ("wearing",),
}
PROFILE = "profile"
MET, MISSED, NOT_ALL_MEASURED = 0, 1, 2


class Interrupted(BaseException):
    """Somebody has had enough."""


def main() -> int:
    """0 when every goal is met, 1 when one is missed, 2 when something could not be measured."""
    arguments = _parser().parse_args()
    forget_proxies()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    for disturbance in disturbances():
        print(f"doubtful: {disturbance}", file=sys.stderr)
    if not has_room(0, "all"):
        return NOT_ALL_MEASURED
    figures: list[Figure] = []
    profiles: Profile = {}
    complete = _measure_all(arguments.rows or [*ROWS, PROFILE], arguments.rounds, figures, profiles)
    _publish(figures, profiles, arguments.json or var_folder(explicit_environment()) / "bench-results.json")
    if not complete:
        return NOT_ALL_MEASURED
    return MET if all(figure.is_met for figure in figures) else MISSED


def _interrupt(*_: object) -> NoReturn:
    # Once: the servers are being stopped, and their data removed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted


def _is_interrupted() -> bool:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


_HELP = f"any of {', '.join([*ROWS, PROFILE])}; default: all"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", metavar="ROW", nargs="*", choices=[*ROWS, PROFILE, []], help=_HELP)
    parser.add_argument("--rounds", type=int, default=3, help="at least 3 (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: SINPLUMA_VAR/bench-results.json")
    return parser


def _measure_all(rows: list[str], rounds: int, figures: list[Figure], profiles: Profile) -> bool:
    """Add what could be measured to ``figures`` and ``profiles``; whether that is all."""
    steps = [partial(_measure, name, rounds, figures) for row in rows for name in ROWS.get(row, ())]
    steps += [partial(_profile, profiles)] if PROFILE in rows else []
    try:
        with tempfile.TemporaryDirectory(prefix="sinpluma-bench-") as folder, Running(Path(folder)) as running:
            return all(list(map(partial(_done, running), steps)))
    except Interrupted:
        print("interrupted; what was measured until then:", file=sys.stderr)
        return False


def _done(running: Running, step: Callable[[Running], object]) -> bool:
    """Whether it came to its end; what fails keeps nothing else from being measured."""
    try:
        step(running)
    except Exception:
        # What is cleared away after an interruption may fail in turn.
        if not _is_interrupted():
            print(f"left out, with what would have followed: \n{traceback.format_exc()}", file=sys.stderr)
            return False
    if _is_interrupted():
        raise Interrupted
    return True


def _measure(name: str, rounds: int, figures: list[Figure], running: Running) -> None:
    """One after the other on the same servers: the next is prepared when the one before has been measured."""
    with contextlib.closing(import_module(f"bench.works.{name}").works(running)) as works:
        for work in works:
            print(f"{work.name} …", file=sys.stderr, flush=True)
            figures.append(measure(work, rounds))


def _profile(profiles: Profile, running: Running) -> None:
    profiles.update(profile(running))


def _publish(figures: list[Figure], profiles: Profile, target: Path) -> None:
    if figures or profiles:
        print(*([table(figures)] if figures else []), *([told(profiles)] if profiles else []), sep="\n\n")
        write_json(figures, profiles, target)
        print("written to", *[target, *draw(figures, target.parent)])


if __name__ == "__main__":
    sys.exit(main())
