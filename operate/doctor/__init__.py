"""`run.py doctor`: looks at everything, tells what is wrong, what that means and what helps. It changes
nothing, but for a key in Redis that lasts ten seconds."""

import dataclasses
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from infra.settings import SettingsError, load_settings
from operate.doctor import database, machine, others, programs, work
from operate.doctor.finding import Check, Finding
from operate.doctor.patient import Patient
from operate.servers import embedded_servers

HEALTHY, FOUND, COULD_NOT_LOOK = 0, 1, 2
CHECKS = (*machine.CHECKS, *database.CHECKS, *others.CHECKS, *work.CHECKS, *programs.CHECKS)
MEANS = {
    "database": "nothing is written; reads that no cache can answer are 503",
    "redis": "background work stands still; all else works",
    "objects": "uploads, and pictures that no cache has, are 503",
}
IS_RIGHT = {
    "database": "does that server run, and is DATABASE_URL right?",
    "redis": "does that server run, and is REDIS_URL right?",
    "objects": "does that store run, are S3_ENDPOINT and S3_BUCKET right? `run.py up` makes a bucket that is missing",
}


@dataclass
class Report:
    """``looked``: the checks that were made; ``not_looked``: those that could not be, and why."""

    findings: list[tuple[str, Finding]] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    not_looked: dict[str, str] = field(default_factory=dict)
    is_blind: bool = False

    @property
    def status(self) -> int:
        return COULD_NOT_LOOK if self.is_blind else FOUND if self.findings else HEALTHY

    def as_json(self) -> str:
        found = [{"check": name, **dataclasses.asdict(each)} for name, each in self.findings]
        word = {HEALTHY: "healthy", FOUND: "findings", COULD_NOT_LOOK: "could not look"}[self.status]
        told = {"status": word, "findings": found, "looked": self.looked, "not_looked": self.not_looked}
        return json.dumps(told, indent=2)

    def lines(self) -> Iterable[str]:
        width = max((len(name) for name, _ in self.findings), default=0)
        for name, each in self.findings:
            yield f"{name:{width}}  {each.what}"
            yield f"{'':{width}}    means: {each.means}"
            yield f"{'':{width}}    helps: {each.helps}"
        for why in dict.fromkeys(self.not_looked.values()):
            names = ", ".join(name for name, reason in self.not_looked.items() if reason == why)
            yield f"not looked at, since {why}: {names}"
        yield f"{len(self.looked)} checks, {len(self.findings)} findings, {len(self.not_looked)} not looked at"


def doctor(as_json: bool) -> int:
    """Examine the service of the settings; what to exit with."""
    try:
        patient = Patient(load_settings())
        try:
            report = examine(patient)
        finally:
            patient.release()
    except SettingsError as error:
        report = _of_settings(error)
    print(report.as_json() if as_json else "\n".join(report.lines()))
    return report.status


def _of_settings(error: SettingsError) -> Report:
    means, helps = "no process starts", "set it right in the environment or .env; .env.example tells what is allowed"
    found = [("settings", Finding(f"{name} {problem}", means, helps)) for name, problem in error.problems.items()]
    return Report(found, ["settings"], {check.name: "the settings are wrong" for check in CHECKS}, is_blind=True)


def examine(patient: Patient, checks: Iterable[Check] = CHECKS) -> Report:
    report = Report()
    away: dict[str, str] = {}
    chosen = list(checks)
    for part in dict.fromkeys(part for check in chosen for part in check.needs):
        report.looked.append(f"{part}.reachable")
        if reason := patient.refusal_of(part):
            away[part] = reason
            helps = f"{_at(patient, part)}{IS_RIGHT[part]}"
            finding = Finding(f"{part} can't be reached: {reason}", MEANS[part], helps)
            report.findings.append((f"{part}.reachable", finding))
            # Without the record there is little that could be looked at.
            report.is_blind |= part == "database"
    for check in chosen:
        _look(report, patient, check, away)
    return report


def _at(patient: Patient, part: str) -> str:
    return f"{programs.remedy(patient, part)}; " if part in embedded_servers() else ""


def _look(report: Report, patient: Patient, check: Check, away: dict[str, str]) -> None:
    if missing := [part for part in check.needs if part in away]:
        report.not_looked[check.name] = f"{missing[0]} can't be reached"
        return
    try:
        report.findings += [(check.name, each) for each in check.look(patient)]
        report.looked.append(check.name)
    except Exception as error:  # a failing check is reported, and the others still run
        report.not_looked[check.name] = f"{type(error).__name__}: {str(getattr(error, 'orig', None) or error)[:200]}"
        report.is_blind = True
        print(f"sinpluma: {check.name} could not be looked at: {error}", file=sys.stderr)
