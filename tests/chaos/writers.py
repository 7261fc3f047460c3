"""Authors who write at random through the HTTP API, each in a thread of its own, and note all of it in the journal.

Every wish has an idempotency key and sends it as its request id too, which every event carries on: so an effect in the
log names the wish that it came from. Every text has a word of its own, so that a search can find it.
"""

import hashlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Self

from tests.chaos.client import NOT_SENT, Answer, Asks, Client
from tests.chaos.journal import Journal

PASSWORD = "a long enough password"
WORDS = (
    "heron",
    "river",
    "ink",
    "morning",
    "lantern",
    "página",
    "señora",
    "学而时习之",
    "paper boat",
    "rain",
    "letter",
)
# A wish without a clear answer is sent again for so long at most.
PATIENCE = 180.0
PAUSE = 0.05
# Of the wishes whose fate is open, this share is left so.
GIVES_UP = 0.05


class NoAnswer(Exception):
    """A wish that had to come true was not answered in all the time there was."""


def mark(key: str) -> str:
    """A word that no other text has."""
    return "mark" + hashlib.sha256(key.encode()).hexdigest()[:16]


class Author:
    """One user with notebooks of their own. Not to be shared between threads."""

    def __init__(self, name: str, client: Asks, journal: Journal, dice: Random) -> None:
        self.name = name
        self.email = f"{name}@example.org"
        self.client = client
        self.journal = journal
        self.dice = dice
        self.notebooks: list[str] = []
        self.pages: list[tuple[str, str]] = []
        # Page ids to the last version that was acknowledged; what a later read must not fall behind.
        self.versions: dict[str, int] = {}
        self.stale_reads = 0
        # Answers by their status, and the time that each took; None: there was none.
        self.statuses: Counter[int | None] = Counter()
        self.seconds: list[float] = []
        self._numbers = itertools.count(1)

    @property
    def credentials(self) -> dict[str, str]:
        return {"email": self.email, "password": PASSWORD}

    def sign_up(self, notebooks: int = 2, pages: int = 4) -> None:
        self.insist(
            "register", "POST", "/auth/register", {"username": self.name, **self.credentials}, "user.registered"
        )
        self.sign_in()
        for _ in range(notebooks):
            self.add_notebook()
        for _ in range(pages):
            self.add_page(insist=True)

    def sign_in(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while (answer := self.client.ask("POST", "/auth/login", self.credentials)).status != 200:
            if time.monotonic() > deadline:
                raise NoAnswer(f"{self.name} could not sign in: {answer}")
            time.sleep(PAUSE)
        self.client.token = answer.body["access_token"]

    def insist(self, kind: str, method: str, path: str, body: Any, *effects: str, **about: Any) -> Answer:
        """Send until it is acknowledged or refused for good."""
        answer = self.wish(kind, method, path, body, *effects, insist=True, **about)
        if answer.verdict != "ok":
            raise NoAnswer(f"{self.name}: {method} {path}: {answer}")
        return answer

    def wish(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any,
        *effects: str,
        insist: bool = False,
        headers: dict[str, str] | None = None,
        **about: Any,
    ) -> Answer:
        """Send until there is an answer, or the author gives up; the last answer."""
        key = self.next_key()
        body = body(key) if callable(body) else body
        if isinstance(body, dict) and "content" in body:
            about["sent"] = hashlib.sha256(body["content"].encode()).hexdigest()
        self.journal.begin(key, kind, effects, request=[method, path, body, headers or {}], **about)
        deadline = time.monotonic() + PATIENCE
        while True:
            began = time.monotonic()
            answer = self.client.ask(method, path, body, Idempotency_Key=key, X_Request_ID=key, **(headers or {}))
            self.seconds.append(time.monotonic() - began)
            self.note(key, answer)
            is_open = answer.verdict == "unknown" or answer.status == 503
            if not is_open and answer.status != 401:
                return answer
            if time.monotonic() > deadline or (not insist and self.dice.random() < GIVES_UP):
                return answer
            time.sleep(PAUSE)
            if answer.status == 401:
                self.sign_in()

    def next_key(self) -> str:
        return f"{self.name}-{next(self._numbers)}"

    def note(self, key: str, answer: Answer) -> None:
        self.statuses[answer.status if answer is not NOT_SENT else None] += 1
        told = answer.body if isinstance(answer.body, dict) and answer.verdict == "ok" else {}
        about = {name: told[name] for name in ("id", "version") if name in told}
        self.journal.end(key, answer.verdict, answer.status, **about)

    def text(self, key: str) -> str:
        words = " ".join(self.dice.choices(WORDS, k=self.dice.randint(5, 60)))
        return f"# {self.dice.choice(WORDS)}\n\n{words} {mark(key)}.\n"

    def add_notebook(self) -> None:
        made = self.insist("create notebook", "POST", "/notebooks", {"title": "Walks"}, "notebook.created")
        self.notebooks.append(made.body["id"])

    def add_page(self, insist: bool = False) -> None:
        notebook = self.dice.choice(self.notebooks)
        answer = self.wish(
            "create page",
            "POST",
            f"/notebooks/{notebook}/pages",
            lambda key: {"title": f"Page {key}", "content": self.text(key)},
            "page.created",
            "notebook.page_added",
            insist=insist,
        )
        if answer.status == 201:
            self.pages.append((notebook, answer.body["id"]))
            self.versions[answer.body["id"]] = 1

    def save(self, autosave: bool = False) -> None:
        path, page = self._some_page()
        answer = self.wish(
            "autosave" if autosave else "save",
            "PUT",
            path,
            lambda key: {"content": self.text(key), "autosave": autosave},
            "page.autosaved" if autosave else "page.edited",
        )
        if answer.status == 200:
            self.versions[page] = answer.body["version"]

    def save_stale(self) -> None:
        path, _ = self._some_page()
        self.wish(
            "stale save",
            "PUT",
            path,
            lambda key: {"content": self.text(key)},
            "page.edit_refused",
            headers={"If-Match": '"0"'},
        )

    def save_on_what_was_read(self) -> None:
        """A save that is refused when somebody else was faster; its text is kept all the same."""
        path, page = self._some_page()
        answer = self.wish(
            "save if unchanged",
            "PUT",
            path,
            lambda key: {"content": self.text(key)},
            "page.edited",
            if_stale=["page.edit_refused"],
            headers={"If-Match": f'"{self.versions[page]}"'},
        )
        if answer.status in (200, 412):
            self.versions[page] = (answer.body if answer.status == 200 else answer.body["current"])["version"]

    def save_nonsense(self) -> None:
        path, _ = self._some_page()
        self.wish("nonsense", "PUT", path, lambda key: {"content": self.text(key), "title": ""}, "page.edited")

    def rename(self) -> None:
        notebook = self.dice.choice(self.notebooks)
        self.wish("rename", "PUT", f"/notebooks/{notebook}", lambda key: {"title": f"Walks {key}"}, "notebook.edited")

    def publish(self) -> None:
        path = f"/notebooks/{self.dice.choice(self.notebooks)}/publish"
        self.wish("publish", "POST", path, None, "notebook.published", may_be_void=True)

    def read(self) -> None:
        """Read your own writes: never behind what this author was told."""
        path, page = self._some_page()
        answer = self.client.ask("GET", path)
        if answer.status == 200:
            self.stale_reads += answer.body["version"] < self.versions[page]
            self.versions[page] = answer.body["version"]

    def _some_page(self) -> tuple[str, str]:
        notebook, page = self.dice.choice(self.pages)
        return f"/notebooks/{notebook}/pages/{page}", page

    def step(self) -> None:
        steps: list[tuple[Callable[[], None], int]] = [
            (self.save, 50),
            (lambda: self.save(autosave=True), 20),
            (self.add_page, 6),
            (self.save_stale, 4),
            (self.save_nonsense, 2),
            (self.rename, 4),
            (self.publish, 4),
            (self.read, 10),
        ]
        choices, weights = zip(*steps, strict=True)
        self.dice.choices(choices, weights)[0]()


class Writers:
    """``with Writers(...)``: authors that write all together so many wishes, with a ``pause`` (seconds, may be changed)
    after each; ``wait`` for their end. ``client``: the kind that each of them has."""

    def __init__(
        self,
        port: int,
        journal: Journal,
        seed: str,
        clients: int,
        writes: int,
        pause: float = 0.0,
        client: type[Client] = Client,
    ) -> None:
        self.journal = journal
        self.authors = [
            Author(f"author{number}", client(port), journal, Random(f"{seed}/author{number}"))
            for number in range(clients)
        ]
        self._writes = writes
        self.pause = pause
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._write, args=(author,), daemon=True) for author in self.authors]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, author: Author) -> None:
        try:
            author.sign_up()
            while not self._stop.is_set() and self.journal.sent < self._writes:
                author.step()
                self._stop.wait(self.pause)
        except BaseException as error:
            self._failures.append(error)
            self._stop.set()

    def is_writing(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def wait(self, seconds: float) -> None:
        """Until all wishes are sent.

        Raises:
            TimeoutError, or whatever ended an author early.
        """
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._failures:
            raise self._failures[0]
        if self.is_writing():
            raise TimeoutError(f"the writers had sent {self.journal.sent} wishes after {seconds:.0f} s")
