#!/usr/bin/env python3
"""Fill a running SinPluma through its public API: with demo content, or with a folder of Markdown files.

    python seed.py                                             demo author, notebooks, pages, pictures
    python seed.py --from DIR [--title T] [--publish]          one notebook out of a folder of Markdown files
    python seed.py --help                                      the rest

This file is only the door. It may be started with any Python 3.11 or newer: the packages it needs lie in the virtual
environment that `make run` makes, so without them it starts itself again there.
"""

import os
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parent / ".venv"
PACKAGES = {"httpx", "tqdm", "PIL", "dotenv", "pyromark", "yaml"}


def restart_in_venv(missing: str) -> None:
    """Replace this process by the same command under the virtual environment's Python, or say what is missing."""
    python = VENV / "bin" / "python"
    # sys.prefix is the environment we are in: a second failure there must end in a message, not in a loop.
    if python.exists() and Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(python, [str(python), *sys.argv])
    sys.exit(f"seed.py: the Python package {missing!r} is missing. `make run` (or `make test`) installs it into .venv.")


if __name__ == "__main__":
    try:
        from seeding.cli import main
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        restart_in_venv(error.name)
    sys.exit(main())
