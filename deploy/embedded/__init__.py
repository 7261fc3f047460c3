"""MariaDB or MySQL, Redis and an S3 store as private servers under SINPLUMA_VAR.

Supervisor runs each as `python -m deploy.embedded NAME VAR`, which prepares the data
folder and then becomes the server. The tests and benches run the very same servers
through EmbeddedServices. All of them listen on 127.0.0.1 only.
"""

from deploy.embedded.database import Database
from deploy.embedded.object_store import Objects
from deploy.embedded.redis_server import Redis
from deploy.embedded.registry import SERVERS, server
from deploy.embedded.server import Server, ServiceError, tail, wait_until_ready
from deploy.embedded.services import EmbeddedServices

__all__ = [
    "SERVERS",
    "Database",
    "EmbeddedServices",
    "Objects",
    "Redis",
    "Server",
    "ServiceError",
    "server",
    "tail",
    "wait_until_ready",
]
