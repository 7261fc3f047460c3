"""One short life of the whole service in one process, which may die at a named point; and the next one, which heals.

Everything is the real thing but the processes: the application, the relay, the jobs and the clock take turns in one, so
that hundreds of lives are cheap.
"""

import io
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, cast

from flask.testing import FlaskClient
from redis import Redis
from rq.serializers import JSONSerializer
from rq.utils import as_text
from sqlalchemy import Engine, func, select, update

from api import create_app
from events import holds
from events.deliveries import deliveries
from events.log import outbox
from events.relay import Relay
from events.subscriptions import REACTIONS
from infra import broker, crash
from infra.clock import now
from infra.database import write_engine
from infra.settings import Settings, load_settings
from tests.chaos.client import Answer, named
from tests.chaos.journal import Journal, Operation, read
from tests.chaos.writers import Author
from tests.integration import drawing
from workers.clock import Clock
from workers.reaction import Reactor, reactor_of
from workers.reaction_table import SUBSCRIPTIONS
from workers.runner import RelayedJob
from workers.staying import stay

UPLOAD = "/uploads/images"
MOST_ROUNDS = 200


class InProcess:
    """A client of an application in this process."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self.token: str | None = None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent: dict[str, Any] = {"json": body} if body is not None else {}
        if path == UPLOAD:
            picture = drawing.data(drawing.four_corners(*body["size"]))
            sent = {"data": {"file": (io.BytesIO(picture), "picture.png")}}
        answer = self._client.open(f"/api/v1{path}", method=method, headers=named(headers, self.token), **sent)
        return Answer(answer.status_code, dict(answer.headers), answer.get_json(silent=True))


@dataclass
class Life:
    settings: Settings
    engine: Engine
    redis: Redis
    client: InProcess
    journal: Journal
    dice: Random

    def work(self) -> None:
        """A round of the relay, and of a worker for each reaction: some have stayed since their last job, and take by
        themselves what the relay does not send them."""
        staying = [reaction for reaction in REACTIONS if self.dice.random() < 0.5]
        for reaction in staying:
            holds.hold(self.redis, reaction)
        Relay(self.engine, self.redis, SUBSCRIPTIONS).run_once()
        for reaction in staying:
            stay(self.redis, _without_a_pause(reaction))
            holds.release(self.redis, reaction)
        for reaction in REACTIONS:
            queue = broker.queue(self.redis, reaction)
            while job_id := self.redis.lpop(queue.key):
                # Out of the queue before it is done: when we die now, nobody has it.
                RelayedJob.fetch(
                    as_text(cast(bytes, job_id)), connection=self.redis, serializer=JSONSerializer
                ).perform()

    def tick(self) -> None:
        Clock(self.engine, self.settings).run_due()

    def pending(self) -> int:
        counts = (select(func.count()).select_from(each).scalar_subquery() for each in (outbox, deliveries))
        with self.engine.connect() as connection:
            return sum(connection.execute(select(*counts)).one())


def live(environment: Mapping[str, str], wish: str, seed: str, path: Path) -> None:
    """A little of everything; with a ``wish`` it dies on the way."""
    dice = Random(seed)
    life = _begin(environment, path, dice)
    crash.arm(wish)
    author = Author("author", life.client, life.journal, dice)
    steps: list[Callable[[], object]] = [
        author.save,
        lambda: author.save(autosave=True),
        author.publish,
        lambda: _upload(author),
        lambda: _save_and_look(author),
        author.rename,
        lambda: _unpublish(author),
        lambda: _throw_away(author),
        author.save_stale,
    ]
    author.sign_up(notebooks=1, pages=2)
    author.dice.shuffle(steps)
    for step in steps:
        step()
        if author.dice.random() < 0.4:
            life.work()
    life.work()
    life.tick()
    life.work()


def heal(environment: Mapping[str, str], seed: str, path: Path) -> None:
    """The client sends again what had no answer; then everything is brought to its end."""
    dice = Random(seed)
    life = _begin(environment, path, dice)
    author = Author("author", life.client, life.journal, dice)
    for operation in read(path).values():
        if operation.verdict == "unknown":
            _send_again(author, operation)
    if dice.random() < 0.5:
        life.redis.flushall()
    for _ in range(MOST_ROUNDS):
        # What was sent before the crash and lies nowhere now: as if the half minute were over that it is trusted for.
        with life.engine.begin() as connection:
            late = deliveries.c.state == "pending"
            connection.execute(update(deliveries).where(late).values(due_at=now() - timedelta(seconds=1)))
        life.work()
        life.tick()
        if not life.pending():
            return


def _without_a_pause(reaction: str) -> Reactor:
    found = reactor_of(reaction)
    return replace(found, reaction=replace(found.reaction, pause=0.0))


def _begin(environment: Mapping[str, str], path: Path, dice: Random) -> Life:
    os.environ.update(environment)
    logging.disable(logging.WARNING)
    settings = load_settings(dict(environment))
    client = InProcess(create_app(settings).test_client())
    engine = write_engine(settings, pool_size=2)
    return Life(settings, engine, broker.connect(settings), client, Journal(path), dice)


def _send_again(author: Author, operation: Operation) -> None:
    method, path, body, headers = operation.request
    if operation.kind != "register":
        author.sign_in()
    key = operation.key
    answer = author.client.ask(method, path, body, Idempotency_Key=key, X_Request_ID=key, **headers)
    author.note(key, answer)


def _save_and_look(author: Author) -> None:
    """The view can't know of it yet, so the reader brings it up to date."""
    author.save()
    author.client.ask("GET", "/notebooks")


def _upload(author: Author) -> None:
    size = (author.dice.randint(20, 90), author.dice.randint(20, 90))
    made = author.insist("upload", "POST", UPLOAD, {"size": size}, "picture.uploaded")
    link = f"![](/media/{made.body['id']}/small)"
    notebook, page = author.pages[0]
    place = f"/notebooks/{notebook}/pages/{page}"
    author.wish("save", "PUT", place, lambda key: {"content": f"{author.text(key)}\n{link}"}, "page.edited")


def _unpublish(author: Author) -> None:
    path = f"/notebooks/{author.notebooks[0]}"
    author.wish("publish", "POST", f"{path}/publish", None, "notebook.published", may_be_void=True)
    author.wish("unpublish", "POST", f"{path}/unpublish", None, "notebook.unpublished", may_be_void=True)


def _throw_away(author: Author) -> None:
    """A page that nobody misses: the clock erases it, and all that the log held of it."""
    notebook = author.wish("doomed", "POST", "/notebooks", {"title": "Doomed"})
    path = f"/notebooks/{notebook.body['id']}/pages"
    made = author.wish("doomed", "POST", path, lambda key: {"title": "Doomed", "content": author.text(key)})
    author.wish("doomed", "DELETE", f"{path}/{made.body['id']}", None)
