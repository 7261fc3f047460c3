"""Search while saves pile up: an index that has changed as often as it may before it is made anew, beside a new one."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, update
from tqdm import trange

from bench.figures import Work
from bench.running import Running
from bench.works.growing import FEW, World, cost_beside
from read_models.search.index import search_entries
from workers.clock import COMPACT_CHANGES

# Of each page so many, which are fewer than make the clock renew the index.
CHANGES = COMPACT_CHANGES // FEW - 1
GOAL = 1.3


def works(_: Running) -> Iterator[Work]:
    with contextlib.ExitStack() as stack:
        folders = (Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sinpluma-bench-"))) for _ in range(2))
        fresh, worn = (World(stack.enter_context(Running(folder)), FEW) for folder in folders)
        for world in (fresh, worn):
            world.begin()
        _wear(worn)
        told = f"{CHANGES * FEW:,} changes after the index was made"
        for name, run in (("one's own pages", World.search_own), ("what is published", World.search_public)):
            yield cost_beside(f"search in {name}, {told}", "the same in a new one", GOAL, run, worn, fresh)


def _wear(world: World) -> None:
    """As saves do it: each takes a page's terms out of the full-text index and puts others in."""
    changed = update(search_entries).values(body_terms=func.concat(search_entries.c.body_terms, " again"))
    for _ in trange(CHANGES, desc="changes made ahead", file=sys.stderr):
        with world.running.writing.begin() as connection:
            connection.execute(changed)
