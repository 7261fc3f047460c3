"""Where the service is and where this client keeps its notes: from the environment, else from `.env`."""

import os
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from seeding.errors import SeedError

CHECKOUT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = "5000"


@dataclass(frozen=True)
class Settings:
    """What the command line may still override."""

    url: str
    memory: Path
    password: str | None


def load_settings() -> Settings:
    """Read the settings; a value that cannot be right is named."""
    # As the service reads them: `${` in a password is a password's, and an empty variable says nothing.
    said = dotenv_values(CHECKOUT / ".env", interpolate=False), os.environ
    values = {name: value.strip() for source in said for name, value in source.items() if value and value.strip()}
    port = values.get("SINPLUMA_PORT", DEFAULT_PORT)
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise SeedError(f"SINPLUMA_PORT is {port!r}; it must be a number from 1 to 65535.")
    # A relative SINPLUMA_VAR belongs to the checkout, wherever the command is given.
    var = CHECKOUT / Path(values.get("SINPLUMA_VAR", "var")).expanduser()
    return Settings(f"http://127.0.0.1:{port}", var / "seed", values.get("SINPLUMA_SEED_PASSWORD"))
