"""Looks for known vulnerabilities of all that the locks name; says so in one line where nobody can be asked.

    python -m deploy.audit                   asks PyPI, or else OSV
    python -m deploy.audit --osv-url URL     asks what speaks like OSV there, and nobody else

The work is pip-audit's. What is looked at are the locks themselves, not what happens to be installed.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

from infra.settings import CHECKOUT

# Each holds all of the one before.
LOCKS = ("requirements-dev.txt", "requirements-node.txt")
# Vulnerabilities that do not concern us, by their id, each with the reason.
ACCEPTED: dict[str, str] = {}
# A service that hangs is given up after this, and all of them after that: nobody waits for it at each check.
ANSWER_SECONDS = 5
MOST_SECONDS = 60


class Service(NamedTuple):
    name: str
    options: tuple[str, ...]


SERVICES = (Service("PyPI", ("-s", "pypi")), Service("OSV", ("-s", "osv")))


class NotAsked(Exception):
    """Nobody could be asked; why, in one line."""


def main() -> int:
    """0 when nothing is known, and where nobody can be asked; 1 when something is."""
    parser = argparse.ArgumentParser(prog="python -m deploy.audit", description=__doc__)
    parser.add_argument("--osv-url", metavar="URL", help="ask here, and nobody else")
    url = parser.parse_args().osv_url
    services = (Service(url, ("-s", "osv", "--osv-url", url)),) if url else SERVICES
    reasons = []
    for service in services:
        try:
            return _report(service, _ask(service))
        except NotAsked as reason:
            reasons.append(f"{service.name}: {reason}")
    print(f"pip-audit: NOT looked up, since no service of advisories can be asked from here ({'; '.join(reasons)})")
    return 0


def _ask(service: Service) -> list[dict[str, object]]:
    """pip-audit's word on each package.

    Raises:
        NotAsked: the service does not answer, or not what it is asked.
    """
    locks = [option for lock in LOCKS for option in ("-r", str(CHECKOUT / lock))]
    accepted = [option for each in ACCEPTED for option in ("--ignore-vuln", each)]
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", str(ANSWER_SECONDS)]
    with tempfile.TemporaryDirectory() as cache:
        asked = [*service.options, *options, "--cache-dir", cache, "-f", "json", *locks, *accepted]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pip_audit", *asked], capture_output=True, text=True, timeout=MOST_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise NotAsked(f"no answer within {MOST_SECONDS} s") from None
    try:
        found: list[dict[str, object]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise NotAsked(_reason(done.stderr) or f"exit status {done.returncode}") from None
    return known_there(found)


def known_there(found: list[dict[str, object]]) -> list[dict[str, object]]:
    """What was found, of a service that knows any of the packages: an index without advisories is none.

    Raises:
        NotAsked: it knows none of them.
    """
    if all("skip_reason" in each for each in found):
        raise NotAsked(f"knows none of the {len(found)} packages")
    return found


def _reason(said: str) -> str:
    """What went wrong, from the last line of a traceback: the error's name, of what an error of the network tells."""
    last = (said.strip().splitlines() or [""])[-1]
    name = re.match(r"[\w.]*\b(\w+(?:Error|Timeout))\b", last)
    return name[1] if name else last[:120]


def _report(service: Service, found: Sequence[dict[str, object]]) -> int:
    skipped = [str(each["name"]) for each in found if "skip_reason" in each]
    known = [_told(each, flaw) for each in found for flaw in _flaws(each)]
    print(f"pip-audit: {service.name} was asked for {len(found)} packages and knows of {len(known)} vulnerabilities")
    if skipped:
        print(f"  not known there, so not looked up: {', '.join(skipped)}")
    for line in known:
        print(f"  {line}")
    if known:
        print("  take a version that mends it (make requirements UPGRADE=--upgrade), or say in deploy/audit.py why not")
    return 1 if known else 0


def _flaws(package: dict[str, object]) -> list[dict[str, object]]:
    flaws = package.get("vulns", [])
    return flaws if isinstance(flaws, list) else []


def _told(package: dict[str, object], flaw: dict[str, object]) -> str:
    fixes = flaw.get("fix_versions")
    mended = f"mended in {', '.join(map(str, fixes))}" if isinstance(fixes, list) and fixes else "not mended yet"
    return f"{package['name']} {package['version']}: {flaw['id']}, {mended}"


if __name__ == "__main__":
    sys.exit(main())
