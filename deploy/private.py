"""The secrets and ports of one SINPLUMA_VAR: made on first use, kept ever after."""

import contextlib
import os
import random
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

from infra.settings import PORTS_FILE, SECRETS_FILE, read_private

SECRETS = (
    "JWT_SECRET_KEY",
    "SUPERVISOR_PASSWORD",
    "DATABASE_PASSWORD",
    "DATABASE_ROOT_PASSWORD",
    "REDIS_PASSWORD",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
)
SECRETS_COMMENT = "Made on the first start. Losing it logs everyone out."
PORTS = ("DATABASE_PORT", "REDIS_PORT", "S3_PORT", "LINGUISTICS_PORT")

# Below the range from which the kernel takes the ports of outgoing connections
# (32768 and up): a stopped service's port would sooner or later be lent out there.
PORT_RANGE = range(20000, 30000)


def ensure_secrets(var: Path) -> dict[str, str]:
    """Add whatever secret is missing; never change one that exists."""
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = read_private(var)
    made = {name: secrets.token_hex(32) for name in SECRETS if name not in known}
    if made:
        kept = {name: known[name] for name in known if name not in PORTS}
        _write(var / SECRETS_FILE, SECRETS_COMMENT, kept | made)
    return known | made


def replace_secrets(var: Path, values: Mapping[str, str]) -> None:
    """Change secrets that exist already, or add some; the others stay."""
    known = {name: value for name, value in read_private(var).items() if name not in PORTS}
    _write(var / SECRETS_FILE, SECRETS_COMMENT, known | dict(values))


def ensure_ports(var: Path) -> dict[str, int]:
    """The kept ports; a port that another program has taken since is replaced. Call it only while nothing of ours
    runs."""
    known = read_private(var)
    chosen: dict[str, int] = {}
    for name in PORTS:
        kept = int(known.get(name, "0"))
        chosen[name] = kept if kept and port_is_free("127.0.0.1", kept) else _free_port(set(chosen.values()))
    if chosen != {name: int(known.get(name, "0")) for name in PORTS}:
        _write(var / PORTS_FILE, "Loopback ports of the embedded services.", chosen)
    return chosen


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. Connections still closing (TIME_WAIT) do not count."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _free_port(taken: set[int]) -> int:
    candidates = random.sample(PORT_RANGE, len(PORT_RANGE))
    return next(port for port in candidates if port not in taken and port_is_free("127.0.0.1", port))


def _write(path: Path, comment: str, values: Mapping[str, object]) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    new = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    text = f"# {comment}\n" + "".join(f"{name}={value}\n" for name, value in values.items())
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
