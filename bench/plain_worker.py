"""``python -m bench.plain_worker QUEUE``: RQ's own worker, started like ours; ours takes no jobs but the relay's."""

import os
import sys

from rq import Worker
from rq.serializers import JSONSerializer

from infra import broker
from infra.settings import load_settings
from workers.runner import MAINTENANCE_SECONDS, WORKER_TTL_SECONDS


def main(queue: str) -> None:
    redis = broker.connect(load_settings(), timeout=None)
    worker = Worker(
        [queue],
        connection=redis,
        serializer=JSONSerializer,
        maintenance_interval=MAINTENANCE_SECONDS,
        worker_ttl=WORKER_TTL_SECONDS,
    )
    worker.work(logging_level="WARNING")


if __name__ == "__main__":
    # As low in priority as ours (run.py).
    os.nice(10)
    main(sys.argv[1])
