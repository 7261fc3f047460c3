"""The programs of this host, as supervisor and their own notes know them."""

import http.client
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy.supervisor import CONTROL_FILE, own_programs
from infra import starts
from operate.doctor.finding import Finding, check
from operate.doctor.patient import Patient
from operate.servers import embedded_servers

FAILING = ("BACKOFF", "FATAL", "EXITED")
STOPPED = "STOPPED"


def remedy(patient: Patient, program: str) -> str:
    """How to see what is the matter with a program of this host."""
    if not supervised(patient):
        return f"make run, or systemctl status 'sinpluma*': nothing is supervised here; tail {_log(patient, program)}"
    return f"{_control(patient)} status {program}; tail {_log(patient, program)}"


def _control(patient: Patient) -> str:
    return f".venv/bin/supervisorctl -c {patient.settings.var / CONTROL_FILE}"


def _log(patient: Patient, program: str) -> Path:
    """Relay, clock and workers, forked from one process, have one log."""
    log = patient.settings.var / "log"
    own = log / f"{program}.log"
    return own if own.exists() else log / "background.log"


@check("work.restarts")
def restarts(patient: Patient) -> Iterator[Finding]:
    for name, count in starts.loops(patient.settings.var, patient.at).items():
        yield Finding(
            f"{name} has ended {count} times in {starts.WINDOW_SECONDS // 60} minutes",
            "it ends as soon as it has begun, or did so until a moment ago",
            f"tail {_log(patient, name)}; docs/runbook.md, A program is started over and over",
        )


@check("work.programs")
def programs(patient: Patient) -> Iterator[Finding]:
    wanted = [*embedded_servers(), *own_programs(patient.settings)]
    for each in supervised(patient):
        name, state = each["name"], each["statename"]
        if state in FAILING:
            why = each["spawnerr"] or each["description"]
            yield Finding(
                f"supervisor says {name}: {state} {why}".strip(), "it does not run", f"tail {_log(patient, name)}"
            )
        if state == STOPPED and name in wanted:
            yield Finding(f"somebody has stopped {name}", "it does not run", f"{_control(patient)} start {name}")


def supervised(patient: Patient) -> list[dict[str, Any]]:
    """What supervisor runs; nothing where there is none, as with programs in containers."""
    settings = patient.settings
    password = quote(settings.supervisor_password, safe="")
    url = f"http://admin:{password}@127.0.0.1:{settings.supervisor_port}/RPC2"
    try:
        found: Any = xmlrpc.client.ServerProxy(url).supervisor.getAllProcessInfo()
    except (OSError, http.client.HTTPException, xmlrpc.client.Error):
        return []
    return list(found)


CHECKS = (restarts, programs)
