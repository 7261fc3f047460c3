"""Bringing the documents of a book as the pages of its notebook, in order, and linked to each other."""

import hashlib
from collections import Counter
from collections.abc import Callable

from tqdm import tqdm

from seeding.book import Book, Document
from seeding.client import Client
from seeding.errors import Refused, SeedError
from seeding.keys import create_once, json_creation
from seeding.leftovers import Leftovers, shown
from seeding.links import LocalLink, relinked
from seeding.matching import in_folders_order, match_pages
from seeding.memory import Id, ImportMemory, PageMemory
from seeding.pictures import Pictures
from seeding.transport import Json

# What a person who wrote a Markdown file calls the fields of a page.
FIELDS = {
    "title": "the title (front matter, else its first heading, else the file's name)",
    "content": "the text below the title",
}


class Pages:
    """The pages of one notebook. `counts` tells how many were new, changed, unchanged."""

    def __init__(
        self,
        client: Client,
        notebook: Json,
        book: Book,
        memory: ImportMemory,
        pictures: Pictures,
        left: Leftovers,
        say: Callable[[str], None],
    ) -> None:
        """`notebook` is as the server has it now."""
        self._client, self._notebook, self._book, self._memory = client, notebook, book, memory
        self._pictures, self._left, self._say = pictures, left, say
        self._path = f"/notebooks/{notebook['id']}"
        self._order: list[Id] = [page["id"] for page in notebook["pages"]]
        self._there = set(self._order)
        self._names = {document.name for document in book.documents}
        self._ids = match_pages(book.documents, memory.pages, notebook["pages"])
        self.counts: Counter[str] = Counter()

    def bring(self) -> None:
        """Save every document, where each stands after the one before it.

        A page that links to one which is not there yet is saved a second time once all have their addresses.
        """
        self._remember_intentions()
        before, waiting = None, []
        # Leaving the `with` ends the bar's line, so that an error does not begin in the middle of it.
        with tqdm(self._book.documents, desc=self._notebook["title"], unit="page") as documents:
            for document in documents:
                is_whole = all(link.name in self._ids or link.name not in self._names for link in document.links)
                if is_whole or document.name not in self._ids:
                    before = self._named(document, before)
                else:
                    before = self._ids[document.name]
                if not is_whole:
                    waiting.append((document, before))
        if waiting:
            # Of a book whose chapters link forward it takes as long again.
            with tqdm(waiting, desc="Links to later pages", unit="page") as waits:
                for document, page_id in waits:
                    self._named(document, page_id)
        self._put_in_order()

    def _named(self, document: Document, before: Id | None) -> Id:
        """Bring it; a refusal names its file."""
        try:
            return self._bring(document, before)
        except Refused as refused:
            raise SeedError(explained(document, refused)) from refused

    def _remember_intentions(self) -> None:
        """Note under which title each new page is about to be created: its file may have another one next time.

        A file that went by another name before keeps what is known of its page. Files that are gone are named, and
        their pages are the author's to delete.
        """
        gone = {page.id: name for name, page in self._memory.pages.items() if name not in self._names}
        for document in self._book.documents:
            former = gone.pop(self._ids.get(document.name), None)
            if former is not None:
                self._memory.pages[document.name] = self._memory.pages.pop(former)
            self._memory.pages.setdefault(document.name, PageMemory(document.title))
        for page_id, name in gone.items():
            if page_id in self._there:
                self._say(f"{shown(name)}: the file is gone or left out now; its page stays, and is yours to delete.")
            else:
                del self._memory.pages[name]
        self._memory.save()

    def _bring(self, document: Document, before: Id | None) -> Id:
        """Make the document's page say what the document says; answers the page's id."""
        content = relinked(document.content, document.links, lambda link: self._target(document, link))
        body = {"title": document.title, "content": content}
        digest = hashlib.sha256(f"{document.title}\n{content}".encode()).hexdigest()
        page_id, known = self._ids.get(document.name), self._memory.pages[document.name]
        if page_id is None:
            what, page = "new", self._create(document, body, before)
        elif page_id == known.id and digest == known.sha256:
            self.counts["unchanged"] += 1
            return page_id
        else:
            what, page = self._update(document, page_id, body)
        self.counts[what] += 1
        made: Id = page["id"]
        self._ids[document.name] = made
        self._memory.pages[document.name] = PageMemory(document.title, made, page["version"], digest, document.digest)
        self._memory.note()
        return made

    def _target(self, document: Document, link: LocalLink) -> str | None:
        if link.name in self._ids:
            return f"{self._path}/pages/{self._ids[link.name]}"
        return None if link.name in self._names else self._pictures.url(link, document.name)

    def _create(self, document: Document, body: Json, before: Id | None) -> Json:
        """Create the page after the one of the document before it."""
        place = self._place_after(before)
        if place < len(self._order):
            body = body | {"order": place + 1}
        path = f"{self._path}/pages"
        page = create_once(self._client, json_creation(path, document.name, body), lambda made: f"{path}/{made['id']}")
        if page["id"] not in self._there:
            self._there.add(page["id"])
            self._order.insert(place, page["id"])
        return page

    def _place_after(self, before: Id | None) -> int:
        if before is None:
            return 0
        is_last = self._order[-1] == before
        return len(self._order) if is_last else self._order.index(before) + 1

    def _update(self, document: Document, page_id: Id, body: Json) -> tuple[str, Json]:
        """Save the document over its page; the last writer wins, so say whose text it was that gave way."""
        path, known = f"{self._path}/pages/{page_id}", self._memory.pages[document.name]
        page = self._client.get(path)
        if (page["title"], page["content"]) == (body["title"], body["content"]):
            return "unchanged", page
        if page_id != known.id or page["version"] != known.version:
            self._say(
                f"{shown(document.name)}: its page had been changed on the server; that text is in its revisions."
            )
        return "changed", self._client.put(path, body)

    def _put_in_order(self) -> None:
        """Give the pages the folder's order, unless the folder has the one of the run before.

        Then it is the author who moved pages, in the notebook, and they stay where they are.
        """
        wanted = [self._ids[document.name] for document in self._book.documents]
        before, now = self._memory.order, set(wanted)
        is_as_before = bool(before) and _those_in(now, before) == _those_in(set(before), wanted)
        if not is_as_before and _those_in(now, self._order) != wanted:
            try:
                self._client.put(f"{self._path}/pages/order", {"page_ids": in_folders_order(self._order, wanted)})
            except Refused as refused:
                self._left.add(self._book.title, f"the order of its pages: {refused}")
                return
            self._say("The pages stand in the order of the files again.")
        self._memory.order = wanted


def _those_in(chosen: set[Id], ids: list[Id]) -> list[Id]:
    return [each for each in ids if each in chosen]


def explained(document: Document, refused: Refused) -> str:
    """Say which file was refused, why, what to change, and that nothing done so far is lost."""
    wrong = [f"{FIELDS.get(name, name)}: {' '.join(messages)}" for name, messages in refused.fields.items()]
    what = "".join(f"; change {each}" for each in wrong) or f": {refused.detail}"
    hint = "Run the same command again afterwards: it goes on from here."
    return f"{shown(document.name)} was refused ({refused.status}){what}\n{hint}"
