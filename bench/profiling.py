"""Where the processor's time of one request goes inside the API, by whose code it is: cProfile on the application in
this process.

What the servers do meanwhile is not in it, nor are the relay and the workers: ``processor for a save with all that
follows it`` is a row of its own. Profiling makes each call dearer, so shares are what to read.
"""

import cProfile
import dataclasses
import io
import json
import pstats
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import create_environ

from api import create_app
from bench.client import Author
from bench.prose import Prose
from bench.running import Running
from infra.settings import CHECKOUT

TIMES, BEFORE = 400, 50
CHARACTERS = 2500
WAITING = "sending to MySQL and Redis, and receiving"
WAITS = ("recv_into", "readinto", "'read' of '_io.BufferedReader'", "sendall", "'recv' of '_socket")
OTHERS = {
    "pymysql": "PyMySQL",
    "sqlalchemy": "SQLAlchemy",
    "redis": "redis-py",
    "flask": "Flask, Werkzeug, APIFlask",
    "werkzeug": "Flask, Werkzeug, APIFlask",
    "apiflask": "Flask, Werkzeug, APIFlask",
    "webargs": "marshmallow and webargs",
    "marshmallow": "marshmallow and webargs",
}

# By the name of a request, the share of each part in its time.
Profile = dict[str, dict[str, float]]


def profile(running: Running) -> Profile:
    """Profile a save, a read of one's own draft and one of a published page, each alone and one after the other."""
    author, prose = Author(running.port), Prose(seed=21)
    notebook_id = author.notebook()
    path = f"/api/v1{author.page(notebook_id, prose.of_length(CHARACTERS))}"
    author.post(f"/notebooks/{notebook_id}/publish")
    running.settle()
    app = create_app(dataclasses.replace(running.settings, lease_seconds=5.0))
    mine = {"Authorization": f"Bearer {author.token}"}
    bodies = (json.dumps({"content": f"{n:08} {prose.of_length(CHARACTERS)}"}) for n in range(TIMES + BEFORE))
    saves = (create_environ(path, method="PUT", data=b, content_type="application/json", headers=mine) for b in bodies)
    return {
        "a save": _shares(app, saves),
        "a draft": _shares(app, (create_environ(path, headers=mine) for _ in range(TIMES + BEFORE))),
        "a published page": _shares(app, (create_environ(path) for _ in range(TIMES + BEFORE))),
    }


def _shares(app: Flask, requests: Iterator[dict[str, Any]]) -> dict[str, float]:
    prepared = list(requests)
    for environ in prepared[:BEFORE]:
        _ask(app, environ)
    profiler = cProfile.Profile(time.thread_time)
    profiler.enable()
    for environ in prepared[BEFORE:]:
        _ask(app, environ)
    profiler.disable()
    return _by_part(pstats.Stats(profiler, stream=io.StringIO()).stats)  # type: ignore[attr-defined]


def _ask(app: Flask, environ: dict[str, Any]) -> None:
    statuses: list[str] = []

    def start(status: str, *_: Any) -> Callable[[bytes], object]:
        statuses.append(status)
        return bytes

    b"".join(app.wsgi_app(environ, start))
    assert statuses == ["200 OK"], statuses


def _by_part(stats: dict[Any, Any]) -> dict[str, float]:
    """What is not Python's is counted to whoever called it, but for the waiting."""
    seconds: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, callers) in stats.items():
        if file != "~":
            seconds[_part(file)] += own
        elif any(each in name for each in WAITS):
            seconds[WAITING] += own
        else:
            for (caller, _, _), (_, _, share, _) in callers.items():
                seconds[_part(caller)] += share
    total = sum(seconds.values())
    return {part: round(each / total, 4) for part, each in seconds.most_common()}


def _part(file: str) -> str:
    path = Path(file)
    if path.is_relative_to(CHECKOUT) and "site-packages" not in path.parts:
        return f"ours: {path.relative_to(CHECKOUT).parts[0]}"
    package = path.parts[path.parts.index("site-packages") + 1] if "site-packages" in path.parts else ""
    return OTHERS.get(package, "Python and the rest")


def told(profiles: Profile) -> str:
    """As a table, the dearest part of the first first."""
    parts = list(dict.fromkeys(part for shares in profiles.values() for part in shares))
    rows = [["part", *profiles], *([part, *(f"{s.get(part, 0):.0%}" for s in profiles.values())] for part in parts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
