"""Bringing a book to the server as a notebook, so that it may be interrupted anywhere and run again at any time.

Three things make a second run harmless. Everything created is remembered by id. If a run died before it could remember,
its notebook is found by a mark in the metadata and its pages by their titles. And a request sent just before the end,
whose effect the server does not show yet, is repeated with the same idempotency key."""

from collections.abc import Callable

from seeding.book import Book
from seeding.client import Client
from seeding.errors import Refused, SeedError
from seeding.keys import create_once, json_creation
from seeding.leftovers import Leftovers
from seeding.memory import ImportMemory
from seeding.pages import Pages
from seeding.pictures import Pictures
from seeding.transport import Json

MARK = "import_id"
# What a notebook of the service holds.
MOST_PAGES = 5000


class Import:
    """One book on its way into one notebook."""

    def __init__(self, client: Client, book: Book, memory: ImportMemory, say: Callable[[str], None]) -> None:
        """Nothing happens before `run`. `left` is what does not come along; complete once that is done."""
        self._client, self._book, self._memory, self._say = client, book, memory, say
        self.left = Leftovers(book.left)
        self._notebook: Json = {}

    def run(self, *, publish: bool = False) -> str:
        """Bring everything over, and answer what was done in a sentence.

        Raises:
            SeedError: more than a notebook holds, of which nothing is brought; or the server refuses something.
        """
        if len(self._book.documents) > MOST_PAGES:
            raise SeedError(
                f"{self._book.title!r} has {len(self._book.documents):,} pages, and a notebook holds {MOST_PAGES:,}: "
                "divide it into folders, and import each."
            )
        try:
            self._notebook = self._find_notebook() or self._create_notebook()
            self._memory.begin(self._notebook["id"])
            pictures = Pictures(self._client, self._book, self._memory, self.left)
            pages = Pages(self._client, self._notebook, self._book, self._memory, pictures, self.left, self._say)
            try:
                pages.bring()
            finally:
                self._memory.save()
            if publish:
                # No key: publishing twice is harmless, and the replay of an earlier publish would publish nothing.
                self._client.post(f"{self._path}/publish")
        except Refused as refused:
            raise SeedError(f"the notebook {self._book.title!r}: {refused}.") from refused
        return self._report(pages, publish)

    def _report(self, done: Pages, published: bool) -> str:
        pages = ", ".join(f"{done.counts[what]} {what}" for what in ("new", "changed", "unchanged"))
        state = "published" if published else str(self._notebook["status"])
        if state == "published" and not published and done.counts["new"] + done.counts["changed"]:
            state += " (readers see the changes after --publish)"
        return f"{self._notebook['title']}: {state}; pages: {pages}; {self._client.address(self._path)}"

    @property
    def _path(self) -> str:
        return f"/notebooks/{self._notebook['id']}"

    def _find_notebook(self) -> Json | None:
        """Look for the notebook of an earlier run: where it was last time, else by its mark among all our notebooks."""
        known = self._memory.notebook_id
        notebook = None if known is None else self._client.find(f"/notebooks/{known}")
        if notebook is None or not self._is_ours(notebook):
            found = next(filter(self._is_ours, self._client.items("/notebooks")), None)
            notebook = found and self._client.find(f"/notebooks/{found['id']}")
        if notebook and self._book.retitle and notebook["title"] != self._book.title:
            self._client.put(f"/notebooks/{notebook['id']}", {"title": self._book.title})
            notebook["title"] = self._book.title
        return notebook

    def _is_ours(self, notebook: Json) -> bool:
        return (notebook["metadata"] or {}).get(MARK) == self._book.source

    def _create_notebook(self) -> Json:
        book = self._book
        body = {"title": book.title, "description": book.description, "metadata": {MARK: book.source}}
        creation = json_creation("/notebooks", book.source, body)
        made = create_once(self._client, creation, lambda made: f"/notebooks/{made['id']}")
        return self._client.get(f"/notebooks/{made['id']}")
