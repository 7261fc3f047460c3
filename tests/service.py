"""A whole service to test against: the real application, relay and reactions on real servers, in this process."""

import itertools
from typing import Any

from flask.testing import FlaskClient
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, func, select
from werkzeug.test import TestResponse

from api import create_app
from events.deliveries import deliveries
from events.log import outbox
from events.relay import Relay
from events.subscriptions import REACTIONS
from infra import broker
from infra.settings import Settings
from workers.reaction_table import SUBSCRIPTIONS
from workers.runner import RelayedJob

PASSWORD = "a long enough password"
# The environment of an application that is only looked at: there is no server behind any of these.
NOWHERE = {
    "DATABASE_URL": "mysql+pymysql://nobody:nothing@127.0.0.1:1/nowhere",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "S3_ENDPOINT": "http://127.0.0.1:1",
    "S3_ACCESS_KEY": "nobody",
    "S3_SECRET_KEY": "nothing",
    "JWT_SECRET_KEY": "a key for tests that start nothing",
}
_numbers = itertools.count(1)


class Author:
    """A signed-in user with a client of their own. Answers are checked: ``expect`` is the status that must come."""

    def __init__(self, client: FlaskClient, name: str, token: str | None, user_id: str | None) -> None:
        self.client = client
        self.name = name
        self.token = token
        self.id = user_id

    def ask(
        self, method: str, path: str, *, expect: int, headers: dict[str, str] | None = None, **more: Any
    ) -> TestResponse:
        sent = ({"Authorization": f"Bearer {self.token}"} if self.token else {}) | (headers or {})
        answer = self.client.open(f"/api/v1{path}", method=method, headers=sent, **more)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.get_data(as_text=True)}"
        return answer

    def get(self, path: str, *, expect: int = 200, **more: Any) -> Any:
        return self.ask("GET", path, expect=expect, **more).get_json(silent=True)

    def post(self, path: str, json: Any = None, *, expect: int = 201, **more: Any) -> Any:
        return self.ask("POST", path, expect=expect, json=json, **more).get_json(silent=True)

    def put(self, path: str, json: Any = None, *, expect: int = 200, **more: Any) -> Any:
        return self.ask("PUT", path, expect=expect, json=json, **more).get_json(silent=True)

    def delete(self, path: str, *, expect: int = 204, **more: Any) -> Any:
        return self.ask("DELETE", path, expect=expect, **more).get_json(silent=True)

    def notebook(self, title: str = "A notebook", **fields: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.post("/notebooks", {"title": title, **fields})
        return made

    def page(
        self, notebook_id: str, title: str = "A page", content: str = "Some words.", **fields: Any
    ) -> dict[str, Any]:
        made: dict[str, Any] = self.post(
            f"/notebooks/{notebook_id}/pages", {"title": title, "content": content, **fields}
        )
        return made


class Service:
    def __init__(self, settings: Settings, engine: Engine, wipe: bool = True) -> None:
        self.settings = settings
        self.engine = engine
        self.redis = broker.connect(settings)
        if wipe:
            self.redis.flushall()
        self.app = create_app(settings)
        self.relay = Relay(engine, self.redis, SUBSCRIPTIONS)

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def anyone(self) -> Author:
        """A reader without an account."""
        return Author(self.client(), "anyone", None, None)

    def author(self, name: str | None = None) -> Author:
        """A new user, signed in."""
        name = name or f"author{next(_numbers)}"
        someone = self.anyone()
        registered = someone.post(
            "/auth/register", {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        )
        tokens = someone.post("/auth/login", {"email": f"{name}@example.org", "password": PASSWORD}, expect=200)
        return Author(self.client(), name, tokens["access_token"], registered["id"])

    def drain(self) -> None:
        """Run relay and workers until nothing is pending: what a quiet system comes to."""
        for _ in range(1000):
            self.relay.run_once()
            self.work()
            if not self.pending():
                return
        raise AssertionError(f"{self.pending()} deliveries never came to an end")

    def work(self) -> None:
        """Let workers do what lies in the queues now."""
        queues = [broker.queue(self.redis, name) for name in REACTIONS]
        if any(queue.count for queue in queues):
            worker = SimpleWorker(queues, connection=self.redis, serializer=JSONSerializer, job_class=RelayedJob)
            worker.work(burst=True, logging_level="ERROR")

    def pending(self) -> int:
        """Events that the relay has not seen, and deliveries that no reaction has handled."""
        with self.engine.connect() as connection:
            waiting = connection.scalar(select(func.count()).select_from(outbox)) or 0
            owed = connection.scalar(
                select(func.count()).select_from(deliveries).where(deliveries.c.state == "pending")
            )
        return waiting + (owed or 0)
