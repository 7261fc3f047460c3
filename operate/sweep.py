"""`run.py sweep`: what goes, why, and how many bytes that frees; or why nothing does."""

import sys
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine

from infra.clock import now
from infra.database import write_engine
from infra.objects import StoreAway
from infra.settings import Settings
from workers.sweep import Sweep, SweepRefused


def sweep(settings: Settings, dry_run: bool) -> int:
    """Sweep once, or only tell what would go; what to exit with."""
    try:
        for line in report(settings, write_engine(settings, pool_size=2), now(), dry_run):
            print(line)
    except (SweepRefused, StoreAway) as error:
        print(f"sinpluma: nothing is swept: {error}", file=sys.stderr)
        return 1
    return 0


def report(settings: Settings, engine: Engine, at: datetime, dry_run: bool) -> Iterator[str]:
    """A line for each removal, one for each object that is missing, and one for all."""
    sweep = Sweep(engine, settings, at, dry_run)
    removed = sweep.run()
    for each in removed:
        yield f"{each.what} {each.key}: {each.why}, {each.bytes} bytes"
    for key in sweep.missing:
        yield f"missing {key}: a picture has it, and the store has not; restore it there from a copy"
    verb = "would be removed" if dry_run else "removed"
    yield f"{len(removed)} {verb}, {sum(each.bytes for each in removed)} bytes"
