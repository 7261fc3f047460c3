"""`run.py rebuild [MODEL]`: make read models anew from the log, and swap them in."""

import sys
import time
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine
from tqdm import tqdm

from infra.database import write_engine
from infra.settings import Settings
from operate.database_check import check_database
from read_models.rebuilding.rebuild import Rebuild
from workers.clock import REBUILD, Held, hold
from workers.reaction_table import MODELS

LOOK_AGAIN_SECONDS = 1.0


def rebuild(settings: Settings, name: str | None) -> int:
    """Make this model anew, or all of them; what to exit with. Interrupted, it goes on where it was: when it is run
    again, or else by the clock."""
    check_database(settings, patience=0)
    engine = write_engine(settings, pool_size=3)
    for model in [MODELS[name]] if name else MODELS.values():
        _rebuild_alone(engine, model.name)
    return 0


def _rebuild_alone(engine: Engine, name: str) -> None:
    waiting = False
    while True:
        with hold(engine, REBUILD) as taken:
            if taken:
                _rebuild(engine, name, taken)
                return
        if not waiting:
            print("the clock, or someone else, is rebuilding; waiting for them", file=sys.stderr)
        waiting = True
        time.sleep(LOOK_AGAIN_SECONDS)


def _rebuild(engine: Engine, name: str, taken: Held) -> None:
    work = Rebuild(engine, MODELS[name])
    with tqdm(total=work.size(), desc=name, unit="event", file=sys.stderr) as bar:
        _advance(bar, taken, work.run())


def _advance(bar: Any, taken: Held, steps: Iterable[int]) -> None:
    for count in steps:
        taken.keep()
        bar.update(count)
