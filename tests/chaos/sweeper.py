"""A sweep that never rests, in a process of its own: ``python -m tests.chaos.sweeper LONGEST_UPLOAD_SECONDS``.

Prints a line of JSON for each run: how many of each kind went, or why none did.
"""

import json
import sys
import time
from collections import Counter
from datetime import timedelta

from infra.clock import now
from infra.database import write_engine
from infra.settings import load_settings
from workers import sweep

PAUSE = 0.2


def main() -> None:
    sweep.LONGEST_UPLOAD = timedelta(seconds=float(sys.argv[1]))
    settings = load_settings()
    engine = write_engine(settings, pool_size=2)
    while True:
        try:
            found = Counter(each.what for each in sweep.Sweep(engine, settings, now()).run())
            print(json.dumps({"removed": found}), flush=True)
        except sweep.SweepRefused as refusal:
            print(json.dumps({"refused": str(refusal)}), flush=True)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
