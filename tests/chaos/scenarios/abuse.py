"""Strangers and careless clients do their worst, all at the same time, while honest people write and read."""

import io
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import httpx
from PIL import Image

from deploy.embedded import EmbeddedServices
from tests.chaos import checker
from tests.chaos.client import Answer, Client
from tests.chaos.journal import Journal, failures
from tests.chaos.probes import Probe, Wait, percentile, slowest, statuses
from tests.chaos.report import Report, Scenario
from tests.chaos.system import ALL, System, until
from tests.chaos.watching import repeated
from tests.chaos.writers import Author, Writers
from tests.service import PASSWORD
from tests.slow import Readers, Senders

NO_END = 10**9
READY_WITHIN = 60.0
DRAINED_WITHIN = 60.0
SLOWEST = 2.0
TIMES_SLOWER = 3.0
# Slow ones come from one address, and strangers from another; the limits count each for itself.
SLOW, STRANGER = "127.0.0.2", "127.0.0.3"
SIGN_IN = json.dumps({"email": "nobody@example.org", "password": "x" * 600}).encode()
# nginx begins with next to nothing and has a buffer for each of 400 connections.
NGINX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Size:
    clients: int
    slow: int
    calm_seconds: float
    seconds: float
    # What the p99 of a few dozen requests says is little; in the short form only their slowest counts.
    with_p99: bool


@dataclass(frozen=True)
class Honest:
    saver: Probe
    reader: Probe
    viewer: Probe

    def between(self, since: float, till: float) -> list[Wait]:
        return [wait for probe in (self.saver, self.reader, self.viewer) for wait in probe.between(since, till)]


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    with System(services, programs=(*ALL, "nginx"), RATELIMIT_ENABLED="1") as system:
        journal = Journal(folder / "journal.jsonl")
        with Writers(system.port, journal, report.seed, size.clients, NO_END, pause=0.3) as writers:
            until(lambda: all(author.pages for author in writers.authors), READY_WITHIN, "the first pages")
            attacked(system, journal, size, report)
        report.at_most("seconds to drain after the last", system.settle(2 * DRAINED_WITHIN), DRAINED_WITHIN)
        report.none("programs that ended by themselves", system.processes.endings)
        checker.check(report, system, journal, writers.authors)
    report.none("failures but 503", failures(journal.path))


def attacked(system: System, journal: Journal, size: Size, report: Report) -> None:
    picture = large_picture(system, journal)
    with honest(system, journal, picture, Random(report.seed)) as seen:
        calm = during(seen, size.calm_seconds)
        before = memory(system)
        with ExitStack() as attacks:
            attacks.enter_context(Senders(system.port, size.slow, "/api/v1/auth/login", SIGN_IN, address=SLOW))
            attacks.enter_context(Readers(system.port, size.slow, picture, address=SLOW))
            for attack in strangers(system):
                attacks.enter_context(repeated(attack, pause=0.2))
            spoilt = during(seen, size.seconds)
            after = memory(system)
    tell(report, calm, spoilt, size)
    grown = {name: used for name, used in after.items() if used > 2 * before.get(name, used) and name != "nginx"}
    report.none("programs with over twice their memory", [f"{name} {used:,}" for name, used in grown.items()])
    report.at_most("bytes of nginx", after["nginx"], NGINX_BYTES)
    used = system.redis.info("memory")
    report.must("Redis is below its limit", used["used_memory"] < used["maxmemory"])


def during(seen: Honest, seconds: float) -> list[Wait]:
    began = time.monotonic()
    time.sleep(seconds)
    return seen.between(began, time.monotonic())


def tell(report: Report, calm: list[Wait], spoilt: list[Wait], size: Size) -> None:
    before, meanwhile = percentile(calm, 0.99), percentile(spoilt, 0.99)
    report.figure("honest requests", len(spoilt))
    report.figure("p99 before, ms", 1000 * before)
    report.figure("p99 meanwhile, ms", 1000 * meanwhile)
    report.at_most("seconds for the slowest honest request", slowest(spoilt), SLOWEST)
    if size.with_p99:
        report.at_most("p99 of honest requests, times the calm one", meanwhile / before, TIMES_SLOWER)
    report.none("honest requests refused", sum(n for status, n in statuses(spoilt).items() if status != 200))


@contextmanager
def honest(system: System, journal: Journal, picture: str, dice: Random) -> Iterator[Honest]:
    owner = Author("owner", Client(system.port), journal, dice)
    owner.sign_up(notebooks=1, pages=1)
    readers = [Author("owner", Client(system.port), journal, dice) for _ in range(2)]
    for each in readers:
        each.sign_in()
    path = "/notebooks/{}/pages/{}".format(*owner.pages[0])
    title = owner.client.ask("GET", path).body["title"]
    # The title that it has already: a whole transaction, and nothing for the checker to count.
    with (
        Probe(partial(asked, owner, "PUT", path, {"title": title})) as saver,
        Probe(partial(asked, readers[0], "GET", path)) as reader,
        Probe(partial(asked, readers[1], "GET", "/notebooks")) as viewer,
    ):
        yield Honest(saver, reader, viewer)


def asked(author: Author, *request: Any) -> Answer:
    """As a client asks that stays for more than the ten minutes of an access token."""
    answer = author.client.ask(*request)
    if answer.status != 401:
        return answer
    author.sign_in()
    return author.client.ask(*request)


def large_picture(system: System, journal: Journal) -> str:
    account = {"username": "painter", "email": "painter@example.org", "password": PASSWORD}
    noise = io.BytesIO()
    Image.frombytes("RGB", (1730, 1730), os.urandom(1730 * 1730 * 3)).save(noise, "PNG", compress_level=0)
    with httpx.Client(base_url=f"{system.url}/api/v1", timeout=60) as client:
        told(journal, client, "/auth/register", "user.registered", json=account)
        del account["username"]
        token = client.post("/auth/login", json=account).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        made = told(journal, client, "/uploads/images", "picture.uploaded", files={"file": noise.getvalue()})
        return f"/api/v1/media/{made['id']}/original"


def told(journal: Journal, client: httpx.Client, path: str, effect: str, **sent: Any) -> Any:
    """Done, and written down for the checker."""
    journal.begin(key := f"painter-{effect}", effect, [effect])
    answer = client.post(path, headers={"X-Request-ID": key, "Idempotency-Key": key}, **sent)
    assert answer.status_code == 201, answer.text
    journal.end(key, "ok", 201)
    return answer.json()


class Strangers:
    """Each step is one request that cost everyone much before; what is answered does not matter here."""

    def __init__(self, system: System) -> None:
        self._client = httpx.Client(
            base_url=system.url, timeout=60, transport=httpx.HTTPTransport(local_address=STRANGER)
        )
        self._numbers = count()
        self._members = json.dumps({str(n): 0 for n in range(500_000)}).encode()
        self._deep = b'{"a":' * 1_000_000

    def send(self, path: str, body: bytes) -> None:
        try:
            self._client.post(path, content=body, headers={"Content-Type": "application/json"})
        except httpx.TransportError:
            pass  # refused before it was sent

    def many_members(self) -> None:
        self.send("/api/v1/auth/login", self._members)

    def deep(self) -> None:
        self.send("/api/v1/notebooks", self._deep)

    def form(self) -> None:
        self.send("/internal/login", bytes(20_000_000))

    def spellings(self) -> None:
        self._client.get(f"/api/v1/notebooks/{next(self._numbers):032x}" + "%20" * (next(self._numbers) % 300))

    def guess(self) -> None:
        wrong = {"email": "victim@example.org" + " " * (next(self._numbers) % 4), "password": "guessed"}
        self._client.post("/api/v1/auth/login", json=wrong)

    def search(self) -> None:
        self._client.get("/api/v1/search", params={"q": 'K 1 2 1* 2* "1 2"'})

    def open_and_leave(self) -> None:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", self._client.base_url.port or 80)) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: ")


def strangers(system: System) -> list[Callable[[], None]]:
    steps = ("many_members", "deep", "form", "spellings", "guess", "search", "open_and_leave")
    return [getattr(Strangers(system), name) for name in steps]


def memory(system: System) -> dict[str, int]:
    """Resident bytes of each program with its children."""
    found = {}
    for name in system.processes.names():
        pid = system.processes.pid(name)
        pids = [*([pid] if pid else []), *system.processes.children(name)]
        found[name] = sum(resident(each) for each in pids)
    return found


def resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


SCENARIO = Scenario(
    17,
    "abuse",
    run,
    full=Size(clients=6, slow=200, calm_seconds=60.0, seconds=600.0, with_p99=True),
    short=Size(clients=2, slow=100, calm_seconds=2.0, seconds=6.0, with_p99=False),
    measures_time=True,
)
