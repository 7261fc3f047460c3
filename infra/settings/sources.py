"""Where the values come from: the environment, `.env`, and the two files that `make run` writes."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

CHECKOUT = Path(__file__).resolve().parent.parent.parent

# Written by deploy/private.py, mode 600.
SECRETS_FILE = "secrets.env"
PORTS_FILE = "ports.env"


def explicit_environment() -> dict[str, str]:
    """What the operator said: `.env`, overridden by the environment."""
    # An empty variable says nothing, as in a compose file that passes on what is not set.
    set_now = {name: value for name, value in os.environ.items() if value.strip()}
    return written_settings() | set_now


def written_settings() -> dict[str, str]:
    """What `.env` says."""
    # Not interpolated: a password may contain `${`.
    written = dotenv_values(CHECKOUT / ".env", interpolate=False)
    return {name: value for name, value in written.items() if value is not None}


def var_folder(values: Mapping[str, str]) -> Path:
    """SINPLUMA_VAR; a relative one belongs to the checkout, whatever the working directory."""
    return (CHECKOUT / Path(values.get("SINPLUMA_VAR", "").strip() or "var").expanduser()).resolve()


def read_private(var: Path) -> dict[str, str]:
    """The secrets and ports that `make run` generated for this SINPLUMA_VAR; empty before the first run."""
    found: dict[str, str] = {}
    for name in (SECRETS_FILE, PORTS_FILE):
        if (var / name).is_file():
            found |= {k: v for k, v in dotenv_values(var / name, interpolate=False).items() if v}
    return found
