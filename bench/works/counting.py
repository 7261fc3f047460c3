"""What rate limits cost a cached read: the processor's time, of the application alone."""

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

from flask import Flask
from werkzeug.test import create_environ

from api import create_app
from api.limits import READ
from bench.client import Author
from bench.figures import Turn, Work
from bench.running import Running

# Of one address, which has a minute of its own each time: the limit must not be what is measured.
READS = READ.address.most // 20


def works(running: Running) -> Iterator[Work]:
    author = Author(running.port)
    notebook = author.notebook()
    path = f"/api/v1{author.page(notebook, 'A heron.')}"
    author.post(f"/notebooks/{notebook}/publish")
    running.settle()
    # Long leases: what is measured is the cached read alone.
    settings = dataclasses.replace(running.settings, lease_seconds=5.0)
    counted, plain = (create_app(dataclasses.replace(settings, ratelimit_enabled=on)) for on in (True, False))
    yield Work("a cached read with limits", "the same without", 0.85, _reads(counted, path), _reads(plain, path), 20)


def _reads(app: Flask, path: str) -> Callable[[], Turn]:
    environ = create_environ(path)
    addresses = itertools.count(1)

    def read() -> Turn:
        statuses: set[str] = set()
        own = environ | {"REMOTE_ADDR": f"192.0.2.{next(addresses)}"}
        began = time.process_time()
        for _ in range(READS):
            b"".join(app.wsgi_app(dict(own), cast(Any, lambda status, *_: statuses.add(status))))
        assert statuses == {"200 OK"}
        return Turn(READS, time.process_time() - began)

    return read
