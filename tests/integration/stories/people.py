"""The people of a story: two authors and a reader without an account, who come through two API processes in turn."""

import itertools
from collections.abc import Callable
from typing import Any

from rq import Queue
from rq.serializers import JSONSerializer
from werkzeug.test import TestResponse

from events.subscriptions import REACTIONS
from infra import broker
from tests.service import PASSWORD, Author, Service
from workers.runner import RelayedJob

Json = dict[str, Any]
OWNERS = (0, 1)
NOBODY = None
_keys = itertools.count(1)
_names = itertools.count(1)


class QuickService(Service):
    """Its workers leave out what RQ does around a job, which takes a quarter of a second each time they begin."""

    def work(self) -> None:
        queues = [broker.queue(self.redis, name) for name in REACTIONS]
        options: dict[str, Any] = {"connection": self.redis, "job_class": RelayedJob, "serializer": JSONSerializer}
        while found := Queue.dequeue_any(queues, None, **options):
            job, _ = found
            job.perform()
            job.delete()


class Person:
    def __init__(self, name: str | None, services: tuple[Service, Service]) -> None:
        self.name = name
        self._doors = itertools.cycle([Author(service.client(), name or "anyone", None, None) for service in services])
        self._seen: dict[str, tuple[Any, str]] = {}
        self.token: str | None = None
        if name:
            account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
            self.id = self.door().post("/auth/register", account)["id"]
            self.sign_in()

    def door(self) -> Author:
        """One process, and the other one the next time: what one of them caches the other one has to know of."""
        door = next(self._doors)
        door.token = self.token
        return door

    def sign_in(self) -> None:
        credentials = {"email": f"{self.name}@example.org", "password": PASSWORD}
        self.token = self.door().post("/auth/login", credentials, expect=200)["access_token"]

    def sign_out(self) -> None:
        self.door().post("/auth/logout", expect=204)
        for _ in range(2):
            self.door().get("/users/me", expect=401)
        self.token = None

    def change(
        self, method: str, path: str, body: Json | None = None, expect: int = 200, twice: bool = False, **headers: str
    ) -> Any:
        """Send a change; ``twice``: its answer was lost, and the client sends it again under the same key."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if twice:
            sent["Idempotency-Key"] = f"key {next(_keys)}"
        more = {} if body is None else {"json": body}
        answer = self.door().ask(method, path, expect=expect, headers=sent, **more)
        if twice:
            again = self.door().ask(method, path, expect=expect, headers=sent, **more)
            assert again.headers["Idempotency-Replayed"] == "true"
            assert _without_request_id(again) == _without_request_id(answer)
        return answer.get_json(silent=True)

    def sees(self, path: str, expected: Json | None, told: Callable[[Any], Any]) -> None:
        """Read, and find what is ``expected`` (None: 404). Whoever has seen just this before is answered 304, and
        nobody else is."""
        known = self._seen.get(path)
        sent = {"If-None-Match": known[1]} if known else {}
        if expected is None:
            self.door().get(path, expect=404, headers=sent)
        elif known and known[0] == expected:
            self.door().get(path, expect=304, headers=sent)
        else:
            answer = self.door().ask("GET", path, expect=200, headers=sent)
            assert told(answer.get_json()) == expected
            self._seen[path] = (expected, answer.headers["ETag"])


def gather(services: tuple[Service, Service]) -> dict[int | None, Person]:
    people: dict[int | None, Person] = {number: Person(f"teller{next(_names)}", services) for number in OWNERS}
    return people | {NOBODY: Person(None, services)}


def _without_request_id(answer: TestResponse) -> Any:
    body = answer.get_json(silent=True)
    return {name: value for name, value in body.items() if name != "request_id"} if body else body
