"""Become one of the servers: what supervisor runs."""

import argparse
import os
import sys
from pathlib import Path

from deploy.embedded.registry import SERVERS, server
from deploy.embedded.server import ServiceError, environment_of


def main() -> None:
    """Become the server, so that supervisor's signals reach it directly."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name", choices=SERVERS)
    parser.add_argument("var", type=Path)
    arguments = parser.parse_args()
    chosen = server(arguments.name, arguments.var)
    try:
        chosen.prepare()
    except ServiceError as error:
        sys.exit(f"{arguments.name}: {error}")
    command = chosen.command()
    os.execve(command[0], command, environment_of(chosen))


if __name__ == "__main__":
    main()
