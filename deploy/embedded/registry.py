"""Which servers can be embedded, in the order in which they start: a new one is a line here and a program in
supervisord.conf."""

from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.embedded.database import Database
from deploy.embedded.object_store import Objects
from deploy.embedded.redis_server import Redis
from deploy.embedded.server import Server
from infra.settings import read_private

SERVERS: dict[str, Callable[[Path, Mapping[str, str]], Server]] = {
    "database": Database,
    "redis": Redis,
    "objects": Objects,
}


def server(name: str, var: Path) -> Server:
    """A server of an instance whose secrets and ports are already chosen."""
    return SERVERS[name](var, read_private(var))
