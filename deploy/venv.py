"""How run.py and seed.py begin, in the virtual environment under whatever Python they were started with, and how they
end.

It imports nothing that has to be installed.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NoReturn

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
OLDEST = (3, 11)
# As a shell tells of a process that SIGPIPE has ended.
NOT_READ = 141
REMEDY = "`make run`, `make test` or `deploy/setup.sh run` installs all that is needed into .venv"


def enter() -> None:
    """Replace this process by the same command under the virtual environment's Python, where there is one.

    Where there is none, as in a container with the packages installed otherwise, it goes on as it is.
    """
    python = VENV / "bin" / "python"
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    if not inside and python.exists():
        os.execv(python, [str(python), *sys.argv])
    if sys.version_info < OLDEST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.exit(f"{_program()}: this is Python {found}, and 3.11 is the oldest that will do; {REMEDY}.")


def told_missing(error: ModuleNotFoundError) -> NoReturn:
    """Exit with one line when a package is not installed; a missing module of ours is a bug, and raised."""
    name = (error.name or "").partition(".")[0]
    if not name or (CHECKOUT / name).exists():
        raise error
    sys.exit(f"{_program()}: the Python package {name!r} is missing; {REMEDY}.")


def status_of(command: Callable[[], int]) -> int:
    """The exit status of a command. A reader of its output that goes away ends it without a traceback, and so does
    Ctrl-C, also where the log has taken over what is uncaught."""
    try:
        status = command()
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        sys.excepthook = _tell_uncaught
        raise
    except BrokenPipeError:
        # `head`, say, has seen enough. Python would try to print the rest as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_READ


def _tell_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print(f"{_program()}: interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def _program() -> str:
    return Path(sys.argv[0]).name


# As soon as this is imported: a start is a second of imports, and Ctrl-C there is no fault of theirs.
sys.excepthook = _tell_uncaught
