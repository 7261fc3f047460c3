"""An S3 store on a private folder."""

import sys
import urllib.error
from collections.abc import Mapping
from pathlib import Path

from deploy.embedded.server import ServiceError, find
from infra.proxies import DIRECT
from infra.settings import embedded_s3_endpoint


class Objects:
    """`rclone serve s3`: a bucket is a folder, an object a file."""

    name = "objects"
    setting = "S3_ENDPOINT"

    def __init__(self, var: Path, private: Mapping[str, str]) -> None:
        self.folder = var / "objects"
        self.private = private
        beside_python = Path(sys.executable).parent / "rclone"
        program = str(beside_python) if beside_python.exists() else find("rclone")
        if not program:
            raise ServiceError("rclone was not found; run `make run`, or set S3_ENDPOINT")
        self.program = program

    def prepare(self) -> None:
        for folder in ("data", "cache"):
            (self.folder / folder).mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> list[str]:
        return [
            self.program,
            "serve",
            "s3",
            # No settings of the user's own.
            "--config=",
            f"--addr=127.0.0.1:{self.private['S3_PORT']}",
            f"--cache-dir={self.folder / 'cache'}",
            # Nobody else writes into the folder, so there is nothing to poll for.
            "--poll-interval=0",
            "--log-level=NOTICE",
            str(self.folder / "data"),
        ]

    def environment(self) -> dict[str, str]:
        # Not on the command line, which every user can read. The quotes are rclone's
        # CSV: without them the comma would part two key pairs.
        return {"RCLONE_AUTH_KEY": f'"{self.private["S3_ACCESS_KEY"]},{self.private["S3_SECRET_KEY"]}"'}

    def ready(self) -> bool:
        try:
            DIRECT.open(embedded_s3_endpoint(self.private), timeout=2).close()
        except urllib.error.HTTPError:
            return True  # it wants a signature: it is there
        except (urllib.error.URLError, OSError):
            return False
        return True
