"""The administrator of the tests' database server."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pymysql

from deploy.embedded import EmbeddedServices
from infra.settings import read_private


@contextlib.contextmanager
def as_root(servers: EmbeddedServices) -> Iterator[Any]:
    """A cursor that may do anything."""
    folder = servers.var / "database" / "data"
    password = read_private(servers.var)["DATABASE_ROOT_PASSWORD"] if (folder.parent / "MySQL").exists() else ""
    # By way of the folder: the kernel allows a socket's path 107 bytes.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        connection = pymysql.connect(
            unix_socket=f"/proc/{os.getpid()}/fd/{descriptor}/server.sock", user="root", password=password
        )
    finally:
        os.close(descriptor)
    with connection, connection.cursor() as cursor:
        yield cursor


@contextlib.contextmanager
def variable(servers: EmbeddedServices, name: str, value: object) -> Iterator[None]:
    with as_root(servers) as root:
        root.execute(f"SELECT @@GLOBAL.{name}")
        before = root.fetchone()[0]
        root.execute(f"SET GLOBAL {name} = {value}")
        try:
            yield
        finally:
            root.execute(f"SET GLOBAL {name} = {before}")
