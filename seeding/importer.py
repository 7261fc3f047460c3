"""Bringing a book to the server as a notebook, so that it may be interrupted anywhere and run again at any time.

Three things make a second run harmless. What was created is remembered by id. What was created by a run that died
before it could remember is found on the server: the notebook by a mark in its metadata, a page by its title. And what
was sent a moment before the end, so that the server does not show it yet, is sent again with the same idempotency key.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from tqdm import tqdm

from seeding.book import Book, Document
from seeding.client import Client
from seeding.errors import Refused, SeedError
from seeding.keys import create_once, json_creation
from seeding.memory import Id, ImportMemory, PageMemory
from seeding.pictures import Pictures
from seeding.transport import Json

MARK = "import_id"
# What a person who wrote a Markdown file calls the fields of a page.
FIELDS = {"title": "the title (its first `# ` line, else the file's name)", "content": "the text below the title"}


def match_pages(
    documents: Iterable[Document], remembered: Mapping[str, PageMemory], pages: Iterable[Json]
) -> dict[str, Id]:
    """Find which page of the notebook each document already is.

    By its id, where one is remembered; else by its title, the one it was about to be created with before today's. Equal
    titles are matched in reading order. A page whose remembered id is gone was deleted, and gets no other page's place.
    """
    free = {page["id"]: page["title"].strip() for page in pages}
    matched: dict[str, Id] = {}
    unknown = []
    for document in documents:
        known = remembered.get(document.name)
        if known is None or known.id is None:
            unknown.append((document, {known.title, document.title} if known else {document.title}))
        elif free.pop(known.id, None) is not None:
            matched[document.name] = known.id
    for document, titles in unknown:
        found = next((page_id for page_id, title in free.items() if title in titles), None)
        if found is not None:
            matched[document.name] = found
            del free[found]
    return matched


class Import:
    """One book on its way into one notebook."""

    def __init__(self, client: Client, book: Book, memory: ImportMemory, say: Callable[[str], None]) -> None:
        """Nothing happens before `run`."""
        self._client, self._book, self._memory, self._say = client, book, memory, say
        self._pictures = Pictures(client, book, memory, say)
        self._notebook: Json = {}
        self._order: list[Id] = []
        self._done: Counter[str] = Counter()

    def run(self, *, publish: bool = False) -> str:
        """Bring everything over, and answer what was done in a sentence."""
        try:
            self._notebook = self._find_notebook() or self._create_notebook()
            self._bring_pages()
            if publish:
                # No key: publishing twice is harmless, and the replay of an earlier publish would publish nothing.
                self._client.post(f"{self._path}/publish")
        except Refused as refused:
            raise SeedError(f"the notebook {self._book.title!r}: {refused}.") from refused
        return self._report(publish)

    def _report(self, published: bool) -> str:
        pages = ", ".join(f"{self._done[what]} {what}" for what in ("new", "changed", "unchanged"))
        state = "published" if published else str(self._notebook["status"])
        if state == "published" and not published and self._done["new"] + self._done["changed"]:
            state += " (readers see the changes after --publish)"
        return f"{self._notebook['title']}: {state}; pages: {pages}; {self._client.address(self._path)}"

    @property
    def _path(self) -> str:
        return f"/notebooks/{self._notebook['id']}"

    # The notebook

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

    # Its pages

    def _bring_pages(self) -> None:
        """Save every document in order, where each stands after the one before it."""
        self._memory.begin(self._notebook["id"])
        self._order = [page["id"] for page in self._notebook["pages"]]
        matched = match_pages(self._book.documents, self._memory.pages, self._notebook["pages"])
        self._remember_intentions()
        before = None
        # Leaving the `with` ends the bar's line, so that an error does not begin in the middle of it.
        with tqdm(self._book.documents, desc=self._notebook["title"], unit="page") as documents:
            for document in documents:
                try:
                    before = self._bring(document, matched.get(document.name), before)
                except Refused as refused:
                    raise SeedError(explained(document, refused)) from refused

    def _remember_intentions(self) -> None:
        """Note under which title each new page is about to be created: its file may have another one next time."""
        for document in self._book.documents:
            self._memory.pages.setdefault(document.name, PageMemory(document.title))
        self._memory.save()

    def _bring(self, document: Document, page_id: Id | None, before: Id | None) -> Id:
        """Make the document's page say what the document says; answers the page's id."""
        body = {"title": document.title, "content": self._pictures.relinked(document.content, document.name)}
        digest = hashlib.sha256(f"{document.title}\n{body['content']}".encode()).hexdigest()
        known = self._memory.pages[document.name]
        if page_id is None:
            what, page = "new", self._create(document, body, before)
        elif page_id == known.id and digest == known.sha256:
            self._done["unchanged"] += 1
            return page_id
        else:
            what, page = self._update(document, page_id, body)
        self._done[what] += 1
        self._memory.pages[document.name] = PageMemory(document.title, page["id"], page["version"], digest)
        self._memory.save()
        made: Id = page["id"]
        return made

    def _create(self, document: Document, body: Json, before: Id | None) -> Json:
        """Create the page after the one of the document before it."""
        place = 0 if before is None else self._order.index(before) + 1
        if place < len(self._order):
            body = body | {"order": place + 1}
        path = f"{self._path}/pages"
        page = create_once(self._client, json_creation(path, document.name, body), lambda made: f"{path}/{made['id']}")
        if page["id"] not in self._order:
            self._order.insert(place, page["id"])
        return page

    def _update(self, document: Document, page_id: Id, body: Json) -> tuple[str, Json]:
        """Save the document over its page; the last writer wins, so say whose text it was that gave way."""
        path, known = f"{self._path}/pages/{page_id}", self._memory.pages[document.name]
        page = self._client.get(path)
        if (page["title"], page["content"]) == (body["title"], body["content"]):
            return "unchanged", page
        if page_id != known.id or page["version"] != known.version:
            self._say(f"{document.name}: its page had been changed on the server; that text is in its revisions.")
        return "changed", self._client.put(path, body)


def explained(document: Document, refused: Refused) -> str:
    """Say which file was refused, why, what to change, and that nothing done so far is lost."""
    wrong = [f"{FIELDS.get(name, name)}: {' '.join(messages)}" for name, messages in refused.fields.items()]
    what = "".join(f"; change {each}" for each in wrong) or f": {refused.detail}"
    hint = "Run the same command again afterwards: it goes on from here."
    return f"{document.name} was refused ({refused.status}){what}\n{hint}"
