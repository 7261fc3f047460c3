"""``python -m bench [WORK …]``: measure, print the table, write it as JSON."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from bench import works
from bench.figures import Figure, Gauge, Work, measure, table, write_json
from bench.running import Running
from infra.proxies import forget_proxies
from infra.settings import explicit_environment, var_folder

NAMES = [module.name for module in iter_modules(works.__path__)]


def main() -> int:
    """0 when every goal is met."""
    arguments = _parser().parse_args()
    forget_proxies()
    # Told to end, it stops its servers and removes their data, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    figures = [_measured(work, arguments.rounds) for work in _works(arguments.works or NAMES)]
    print(table(figures))
    target = arguments.json or var_folder(explicit_environment()) / "bench-results.json"
    write_json(figures, target)
    print(f"written to {target}")
    return 0 if all(figure.is_met for figure in figures) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("works", metavar="WORK", nargs="*", help=f"any of {', '.join(NAMES)}; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="at least 3 (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: SINPLUMA_VAR/bench-results.json")
    return parser


def _works(names: list[str]) -> Iterator[Work | Gauge]:
    """One after the other on the same servers: the next is prepared when the one before has been measured."""
    with tempfile.TemporaryDirectory(prefix="sinpluma-bench-") as folder, Running(Path(folder)) as running:
        for name in names:
            yield from import_module(f"bench.works.{name}").works(running)


def _measured(work: Work | Gauge, rounds: int) -> Figure:
    print(f"{work.name} …", file=sys.stderr, flush=True)
    return measure(work, rounds)


if __name__ == "__main__":
    sys.exit(main())
