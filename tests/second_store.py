"""OpenStack Swift behind its S3 door: a second object store, of another make than the embedded one.

Run as a program it is the whole of Swift in one process, with one copy of each object, so that it can be stopped,
killed and hung like any other server.
"""

import os
import sys
import urllib.error
from collections.abc import Mapping
from pathlib import Path

from deploy.embedded import Objects, ServiceError
from infra.proxies import DIRECT

INSIDE = ("account", "container", "object")
SETTINGS = """[swift-hash]
swift_hash_path_prefix = a
swift_hash_path_suffix = b
"""
STORAGE = """[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
PROXY = """[DEFAULT]
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth bulk slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_{key}_{key} = {secret} .admin
"""
OTHER_FILTERS = ("catch_errors", "gatekeeper", "listing_formats", "bulk", "slo")


def access_key(known: str) -> str:
    """Swift's keys name an account and a user."""
    return f"{known}:{known}"


class Swift(Objects):
    """In the place of the embedded object store."""

    def __init__(self, var: Path, private: Mapping[str, str]) -> None:
        super().__init__(var, private)
        self.folder = var / "swift"

    def prepare(self) -> None:
        (self.folder / "devices" / "disk").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._refuse_without_attributes()
        known = {"folder": self.folder, "key": self.private["S3_ACCESS_KEY"], "secret": self.private["S3_SECRET_KEY"]}
        (self.folder / "swift.conf").write_text(SETTINGS)
        for kind in INSIDE:
            (self.folder / f"{kind}.conf").write_text(STORAGE.format(kind=kind, **known))
        filters = [f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in OTHER_FILTERS]
        (self.folder / "proxy.conf").write_text(PROXY.format(**known) + "".join(filters))

    def _refuse_without_attributes(self) -> None:
        try:
            os.setxattr(self.folder, "user.swift", b"")
        except OSError as error:
            raise ServiceError(f"{self.folder} keeps no extended attributes, and Swift needs them: {error}") from error

    def command(self) -> list[str]:
        return [sys.executable, __file__, str(self.folder), self.private["S3_PORT"]]

    def environment(self) -> dict[str, str]:
        # The folder of this file holds nothing to import.
        return {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(Path(__file__).parent.parent)}

    def ready(self) -> bool:
        try:
            # Signed by nobody: refused, once there is somebody to refuse it.
            DIRECT.open(f"http://127.0.0.1:{self.private['S3_PORT']}/nothing", timeout=2).close()
        except urllib.error.HTTPError:
            return True
        except (urllib.error.URLError, OSError):
            return False
        return True


def serve(folder: Path, port: int) -> None:
    """All parts of Swift as threads of this process, each behind a port of its own."""
    import eventlet.wsgi
    from swift.common import utils
    from swift.common.http_protocol import SwiftHttpProtocol
    from swift.common.wsgi import loadapp

    utils.eventlet_monkey_patch()
    utils.set_swift_dir(str(folder))
    doors = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in INSIDE}
    for kind, door in doors.items():
        _lead_to(folder, kind, door.getsockname()[1])
    doors["proxy"] = eventlet.listen(("127.0.0.1", port))
    parts = []
    for kind, door in doors.items():
        app = loadapp(str(folder / f"{kind}.conf"), global_conf={"log_name": kind, "log_udp_host": "127.0.0.1"})
        options = {"protocol": SwiftHttpProtocol, "log_output": False}
        parts.append(eventlet.spawn(eventlet.wsgi.server, door, app, **options))
    for part in parts:
        part.wait()


def _lead_to(folder: Path, kind: str, port: int) -> None:
    """Swift's ring, the map of what lies where: all of it on the one disk."""
    from swift.common.ring import RingBuilder

    builder = RingBuilder(1, 1, 1)
    place = {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "ip": "127.0.0.1", "port": port, "device": "disk"}
    builder.add_dev(place | {"meta": ""})
    builder.rebalance()
    builder.get_ring().save(str(folder / f"{kind}.ring.gz"))


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
