"""The machine: packages, disk, modes of files, ports, certificates, logs."""

import contextlib
import http.client
import importlib.metadata
import re
import shutil
import socket
import ssl
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from infra.settings import CHECKOUT, SECRETS_FILE
from operate.doctor.finding import Finding, check
from operate.doctor.patient import Patient

OLDEST_PYTHON = (3, 11)
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


@check("settings.misspelt")
def misspelt(patient: Patient) -> Iterator[Finding]:
    for remark in patient.settings.remarks:
        yield Finding(remark, "it does nothing", "correct it in the environment or .env, or take it out")


@check("machine.packages")
def packages(patient: Patient) -> Iterator[Finding]:
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield Finding(
            f"Python is {sys.version.split()[0]}", "it is older than 3.11, and not tried", "install Python 3.11"
        )
    wrong = [
        f"{name} {_installed(name) or 'is missing'}, not {wanted}"
        for name, wanted in _pinned()
        if _differs(name, wanted)
    ]
    if wrong:
        yield Finding(
            f"{len(wrong)} packages are not those of requirements.txt: {', '.join(wrong[:3])}",
            "what runs is not what was tested",
            "deploy/setup.sh run",
        )


def _pinned() -> list[tuple[str, str]]:
    return _PINNED.findall((CHECKOUT / "requirements.txt").read_text())


def _installed(name: str) -> str | None:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(name)
    return None


def _differs(name: str, wanted: str) -> bool:
    found = _installed(name)
    # A package that this platform does not need may be pinned for others.
    return found is not None and found != wanted


@check("machine.disk")
def disk(patient: Patient) -> Iterator[Finding]:
    folder = patient.settings.var
    while not folder.exists():
        folder = folder.parent
    usage, limits = shutil.disk_usage(folder), patient.limits
    if usage.free < max(limits.free_bytes, limits.free_share * usage.total):
        yield Finding(
            f"{usage.free // 1_000_000} MB of {usage.total // 1_000_000} MB are free at {folder}",
            "when it is full, writes and uploads are refused until there is room again",
            "make room: docs/runbook.md, The disk is full",
        )


@check("machine.modes")
def modes(patient: Patient) -> Iterator[Finding]:
    secrets = patient.settings.var / SECRETS_FILE
    private = [secrets, CHECKOUT / ".env", patient.settings.var]
    for path in (each for each in private if each.exists() and each.stat().st_mode & 0o077):
        allowed = 0o700 if path.is_dir() else 0o600
        yield Finding(
            f"{path} has mode {path.stat().st_mode & 0o777:o}",
            "other users of this machine can read the secrets, or the data",
            f"chmod {allowed:o} {path}",
        )


@check("machine.ports")
def ports(patient: Patient) -> Iterator[Finding]:
    settings = patient.settings
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    said = _asked(host, settings.port)
    if said is None:
        yield Finding(
            f"nothing listens on {host}:{settings.port}",
            "the API does not run here",
            "make run, or systemctl start sinpluma@a (or b)",
        )
    elif b'"status"' not in said:
        yield Finding(
            f"what listens on {host}:{settings.port} is not this service",
            "the API can't start there",
            "stop it (ss -ltnp tells what it is), or set SINPLUMA_PORT",
        )


def _asked(host: str, port: int) -> bytes | None:
    connection = http.client.HTTPConnection(host, port, timeout=3)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().read(1000)
    except (ConnectionError, socket.gaierror):
        return None
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        connection.close()


@check("machine.certificates")
def certificates(patient: Patient) -> Iterator[Finding]:
    settings = patient.settings
    named = {
        "S3_ENDPOINT": settings.s3_endpoint,
        "S3_PUBLIC_ENDPOINT": settings.s3_public_endpoint,
        "LINGUISTICS_URL": settings.linguistics_url,
        "HONEYBADGER_ENDPOINT": settings.honeybadger_endpoint,
        "REDIS_URL": settings.redis_url,
    }
    for name, url in named.items():
        parts = urlsplit(url or "")
        if parts.scheme in ("https", "rediss") and parts.hostname:
            yield from _certificate(patient, name, parts.hostname, parts.port or 443)


def _certificate(patient: Patient, name: str, host: str, port: int) -> Iterator[Finding]:
    try:
        ends = _ends(host, port)
    except ssl.SSLCertVerificationError as error:
        means, helps = "connections to it are refused", "renew it, or install the authority that signed it"
        yield Finding(f"the certificate of {name} ({host}) is not valid: {error.verify_message}", means, helps)
        return
    except OSError:
        return  # that it does not answer is another check's finding
    days = (ends - patient.at).days
    if days < patient.limits.certificate_days:
        yield Finding(
            f"the certificate of {name} ({host}) ends in {days} days", "after that nothing connects to it", "renew it"
        )


def _ends(host: str, port: int) -> datetime:
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), timeout=3) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        told = tls.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(told["notAfter"])), UTC)


@check("machine.logs")
def logs(patient: Patient) -> Iterator[Finding]:
    folder = patient.settings.var / "log"
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if _size(path) > patient.limits.log_bytes:
            yield Finding(
                f"{path} has {_size(path) // 1_000_000} MB",
                "it is not rotated, and fills the disk",
                f"truncate -s 0 {path}",
            )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


CHECKS = (misspelt, packages, disk, modes, ports, certificates, logs)
