"""The sweep's brakes: where it can't be sure it touches nothing and says why, and it goes on when all is well again."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random

from sqlalchemy import text

from deploy.embedded import EmbeddedServices
from infra import objects
from infra.clock import now
from infra.settings import CHECKOUT
from tests.chaos.galleries import Gallery, Wall
from tests.chaos.journal import Journal
from tests.chaos.report import Report, Scenario
from tests.chaos.system import ALL, System
from workers.stock import PREFIX
from workers.sweep import Sweep, SweepRefused

GRACE = 1
HURRIED = {"ORPHAN_GRACE_SECONDS": str(GRACE), "AUTOSAVE_REVISION_SECONDS": "86400"}
# What nothing uses is due, and no upload can be under way.
LATER = timedelta(seconds=40)
# The clock would sweep by itself.
PROGRAMS = tuple(name for name in ALL if name != "clock")
ELSEWHERE = "another-bucket"
TIMES = 2


@dataclass(frozen=True)
class Size:
    pictures: int


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    with System(services, PROGRAMS, **HURRIED) as system:
        wall = Wall(system.engine, system.settings)
        for each in list(wall.store.under(PREFIX)):
            wall.store.remove(each.key)
        gallery = _hung(system, wall, size, report.seed, folder)
        system.settle(60)
        _age(system)
        before = {each.key for each in wall.store.under(PREFIX)}
        report.figure("pictures", len(gallery.pixels))
        report.figure("objects", len(before))
        # All is well: this run remembers what is unused, so that without a brake the next ones would remove it.
        Sweep(system.engine, system.settings, now()).run()
        _empty_database(report, system)
        _other_bucket(report, system)
        for days in (2, -2):
            _other_day(report, system, days)
        report.none("objects touched", sorted(before ^ {each.key for each in wall.store.under(PREFIX)}))
        _release(report, system, wall, gallery)


def _hung(system: System, wall: Wall, size: Size, seed: str, folder: Path) -> Gallery:
    """Half of the pictures are linked."""
    gallery = Gallery("gallery", system.port, Journal(folder / "journal.jsonl"), Random(seed), wall)
    gallery.sign_up()
    for number in range(size.pictures):
        gallery.upload()
        if number % 2:
            gallery.link()
    return gallery


def _age(system: System) -> None:
    """Of yesterday: an upload's last moments are no proof of another bucket."""
    with system.engine.begin() as connection:
        connection.execute(text("UPDATE pictures SET created_at = created_at - INTERVAL 1 DAY"))


def _empty_database(report: Report, system: System) -> None:
    with system.engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept_pictures AS SELECT * FROM pictures"))
        connection.execute(text("DELETE FROM pictures"))
    said = [_commanded(system) for _ in range(TIMES)]
    with system.engine.begin() as connection:
        connection.execute(text("INSERT INTO pictures SELECT * FROM kept_pictures"))
        connection.execute(text("DROP TABLE kept_pictures"))
    report.must("refuses an empty database", all("the database knows none" in each for each in said))


def _other_bucket(report: Report, system: System) -> None:
    objects.create_bucket(replace(system.settings, s3_bucket=ELSEWHERE))
    for bucket, says in ((ELSEWHERE, "it is another one"), ("no-such-bucket", "NoSuchBucket")):
        said = [_commanded(system, S3_BUCKET=bucket) for _ in range(TIMES)]
        report.must(f"refuses {bucket}", all(says in each for each in said))


def _commanded(system: System, **environment: str) -> str:
    """What ``run.py sweep`` says when it fails; nothing when it does not."""
    done = subprocess.run(
        [sys.executable, "run.py", "sweep"],
        cwd=CHECKOUT,
        env=os.environ | system.environment | environment,
        capture_output=True,
        text=True,
    )
    return done.stderr if done.returncode == 1 else ""


def _other_day(report: Report, system: System, days: int) -> None:
    refusals = 0
    for _ in range(TIMES):
        try:
            Sweep(system.engine, system.settings, now() + timedelta(days=days)).run()
        except SweepRefused as refusal:
            refusals += "clock" in str(refusal)
    report.must(f"refuses a clock {days} days off", refusals == TIMES)


def _release(report: Report, system: System, wall: Wall, gallery: Gallery) -> None:
    for _ in range(TIMES):
        Sweep(system.engine, system.settings, now() + LATER).run()
    left = {each.key.split("/")[1] for each in wall.store.under(PREFIX)}
    shown = {each for shown in gallery.shown.values() for each in shown}
    report.none("unused pictures left when all is well again", sorted(left - shown))
    report.none("used pictures taken", sorted(shown - left))
    report.at_least("pictures used", len(shown), 1)


SCENARIO = Scenario(11, "braking", run, full=Size(pictures=300), short=Size(pictures=8))
