#!/usr/bin/env python3
"""Fill a running SinPluma through its public API: with demo content, or with a folder of Markdown files.

    python seed.py                                             demo author, notebooks, pages, pictures
    python seed.py --from DIR [--title T] [--publish]          one notebook out of a folder of Markdown files
    python seed.py --help                                      the rest

This file is only the door. It may be started with any Python 3.11 or newer: outside the virtual environment that
`make run` makes it starts itself again there.
"""

import sys

from deploy import venv

if __name__ == "__main__":
    venv.enter()
    try:
        from seeding.cli import main
    except ModuleNotFoundError as error:
        venv.told_missing(error)
    sys.exit(main())
