"""An RQ worker on exactly one queue."""

import importlib
import os

from rq import Worker
from rq.serializers import JSONSerializer

from infra import broker
from infra.settings import Settings

# RQ gives a job that lost its worker back only in maintenance; its default is ten minutes.
MAINTENANCE_SECONDS = 15
WORKER_TTL_SECONDS = 30


def main(settings: Settings, queue: str) -> None:
    """Work until SIGTERM; the job under way is finished first."""
    # One queue a worker: on several RQ pops before it registers, and a worker that dies in between loses the job.
    # Forking keeps a job's memory and its crash to itself; the modules are imported here, once, before the fork.
    importlib.import_module("workers.reaction")
    redis = broker.connect(settings, timeout=None)
    worker = Worker(
        [broker.queue(redis, queue)],
        connection=redis,
        name=f"{queue}-{os.uname().nodename}-{os.getpid()}",
        serializer=JSONSerializer,
        maintenance_interval=MAINTENANCE_SECONDS,
        worker_ttl=WORKER_TTL_SECONDS,
    )
    worker.work(with_scheduler=False, logging_level="WARNING")
