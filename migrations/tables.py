"""All tables of the models, which live beside the code that owns them."""

import pkgutil
from importlib import import_module
from pathlib import Path

from sqlalchemy import MetaData

import infra.identity  # noqa: F401 - the one table that is in no room of its own
from infra.database import metadata

ROOMS = ("domain", "events", "read_models", "workers")


def all_tables() -> MetaData:
    """``metadata``, once every module has been imported that may hang a table on it."""
    for room in ROOMS:
        for module in pkgutil.walk_packages([str(Path(__file__).parent.parent / room)], f"{room}."):
            import_module(module.name)
    return metadata
