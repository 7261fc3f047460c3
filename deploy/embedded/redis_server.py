"""Redis on a private folder."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.embedded.server import ServiceError, find
from deploy.terminal import say
from infra.settings import CHECKOUT, embedded_redis_url

# What redis-check-aof says of one.
CUT_OFF = "Expected to read"


class Redis:
    name = "redis"
    setting = "REDIS_URL"

    def __init__(self, var: Path, private: Mapping[str, str]) -> None:
        self.folder = var / "redis"
        self.private = private
        program = find("redis-server")
        if not program:
            raise ServiceError("redis-server was not found; run `make run`, or set REDIS_URL")
        self.program = program

    def prepare(self) -> None:
        """The password goes into a file: a command line can be read by every user of the machine."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._set_aside_damaged()
        self._config.unlink(missing_ok=True)
        with os.fdopen(os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(
                f'include "{CHECKOUT / "redis.conf"}"\n'
                f"port {self.private['REDIS_PORT']}\n"
                f'dir "{self.folder}"\n'
                f"requirepass {self.private['REDIS_PASSWORD']}\n"
            )

    def command(self) -> list[str]:
        return [self.program, str(self._config)]

    def environment(self) -> dict[str, str]:
        return {}

    def ready(self) -> bool:
        import redis

        url = embedded_redis_url(self.private)
        client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:  # refused, or still loading its file
            return False
        finally:
            client.close()

    def _set_aside_damaged(self) -> None:
        """Redis does not start on a damaged file. Its data can be lost: the relay sends every delivery again."""
        files = self.folder / "appendonlydir"
        manifest = files / "appendonly.aof.manifest"
        checker = find("redis-check-aof")
        if not checker or not manifest.exists():
            return
        told = subprocess.run([checker, str(manifest)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        # A crash leaves a file that ends in the middle of a command; Redis reads such a file up to there.
        if told.returncode == 0 or CUT_OFF in told.stdout + told.stderr:
            return
        aside = self.folder / f"appendonlydir.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
        files.rename(aside)
        say(f"Redis's file was damaged and is set aside as {aside}; what it held is sent again from the database")

    @property
    def _config(self) -> Path:
        return self.folder / "redis.conf"
