"""What the contract says of notebooks, pages, publications and revisions, in plain Python.

No database, no HTTP, no caches, no workers: everything is known at once, so what it says is what the service must
come to. Times are the numbers of a counter.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

Json = dict[str, Any]


class Text(NamedTuple):
    title: str
    content: str

    def with_changes(self, changes: Json) -> "Text":
        return Text(changes.get("title", self.title), changes.get("content", self.content))

    def counted(self, version: int) -> Json:
        digest = sha256(self.content.encode()).hexdigest()
        return {"version": version, "word_count": len(self.content.split()), "content_sha256": digest}


@dataclass
class Revision:
    kind: str
    version: int
    text: Text
    at: int
    label: str | None = None

    def shown(self) -> Json:
        return {"kind": self.kind, "label": self.label, **self.text.counted(self.version)}


@dataclass
class Page:
    id: str
    # What each version says; the first is at 0.
    texts: list[Text]
    clock: Iterator[int]
    revisions: list[Revision] = field(default_factory=list)
    # The run of autosaves that the next one rolls on.
    run: Revision | None = None
    # Titles that readers have been shown since the page was last taken from them.
    shown_titles: set[str] = field(default_factory=set)

    @property
    def text(self) -> Text:
        return self.texts[-1]

    @property
    def version(self) -> int:
        return len(self.texts)

    def cut(self, kind: str, version: int, text: Text) -> Revision:
        revision = Revision(kind, version, text, next(self.clock))
        self.revisions.append(revision)
        return revision

    def save(self, changes: Json) -> bool:
        self.run = None
        if not self._write(changes):
            return False
        self.cut("save", self.version, self.text)
        return True

    def autosave(self, changes: Json) -> bool:
        if not self._write(changes):
            return False
        if self.run:
            self.run.version, self.run.text, self.run.at = self.version, self.text, next(self.clock)
        else:
            self.run = self.cut("autosave", self.version, self.text)
        return True

    def _write(self, changes: Json) -> bool:
        wanted = self.text.with_changes(changes)
        changed = wanted != self.text
        if changed:
            self.texts.append(wanted)
        return changed

    def refuse(self, base: int, changes: Json) -> Text | None:
        """Keep a save on version ``base``; both edits in one text, None where they touch the same line. Texts here
        have one line, so there is nothing to merge but what only one of two has changed."""
        old = self.texts[base - 1]
        mine, theirs = old.with_changes(changes), self.text
        self.cut("conflict", base, mine)
        merged = [m if m == t or t == o else t if m == o else None for o, m, t in zip(old, mine, theirs, strict=True)]
        return None if None in merged else Text(*(each or "" for each in merged))

    def restore(self, revision: Revision) -> None:
        self.run = None
        self.texts.append(revision.text)
        self.cut("restore", self.version, self.text)

    def label(self, revision: Revision, name: str) -> None:
        revision.label = name
        if revision is self.run:
            self.run = None

    def newest_first(self) -> list[Revision]:
        return sorted(self.revisions, key=lambda each: (each.at, each.version), reverse=True)

    def shown(self, text: Text, version: int, order: int) -> Json:
        return {"id": self.id, "order": order, **text._asdict(), **text.counted(version)}


@dataclass
class Snapshot:
    """What readers see: each page with the text and version that it had."""

    version: int
    at: int
    fields: Json
    pages: list[tuple[Page, Text, int]]


@dataclass
class Notebook:
    id: str
    owner: int
    fields: Json
    clock: Iterator[int]
    version: int = 1
    pages: list[Page] = field(default_factory=list)
    trash: list[Page] = field(default_factory=list)
    trashed: bool = False
    published: Snapshot | None = None
    changed_at: int = 0

    def touch(self) -> None:
        """One of its pages was saved."""
        self.changed_at = next(self.clock)

    def _changed(self) -> None:
        self.version += 1
        self.touch()

    def edit(self, changes: Json) -> None:
        if self.fields | changes != self.fields:
            self.fields = self.fields | changes
            self._changed()

    def add(self, page: Page, order: int | None) -> None:
        self.pages.insert(len(self.pages) if order is None else order - 1, page)
        page.cut("save", 1, page.text)
        self._changed()

    def reorder(self, pages: list[Page]) -> None:
        if [page.id for page in pages] != [page.id for page in self.pages]:
            self.pages = pages
            self._changed()

    def trash_page(self, page: Page) -> None:
        self.pages.remove(page)
        self.trash.append(page)
        page.shown_titles.clear()
        if self.published:
            self.published.pages = [each for each in self.published.pages if each[0] is not page]
        self._changed()

    def restore_page(self, page: Page) -> None:
        self.trash.remove(page)
        self.pages.append(page)
        self._changed()

    def publish(self) -> None:
        if self.published and not self.differs():
            return
        before = self._manifest(self.published.pages if self.published else [])
        self._changed()
        now = [(page, page.text, page.version) for page in self.pages]
        self.published = Snapshot(self.version, self.changed_at, dict(self.fields), now)
        for page, text, version in now:
            page.shown_titles.add(text.title)
            if (page.id, version) not in before:
                page.cut("publish", version, text)

    def differs(self) -> bool:
        """Whether readers see something else than the author."""
        if self.published is None:
            return False
        now = self._manifest([(page, page.text, page.version) for page in self.pages])
        return (self.fields, now) != (self.published.fields, self._manifest(self.published.pages))

    def _manifest(self, pages: list[tuple[Page, Text, int]]) -> list[tuple[str, int]]:
        return [(page.id, version) for page, _, version in pages]

    def unpublish(self) -> None:
        if self.published:
            self._withdraw()
            self._changed()

    def _withdraw(self) -> None:
        self.published = None
        for page in (*self.pages, *self.trash):
            page.shown_titles.clear()

    def throw_away(self) -> None:
        self.trashed = True
        self._withdraw()
        self._changed()

    def take_back(self) -> None:
        self.trashed = False
        self._changed()

    def for_owner(self) -> Json:
        pages = [(page, page.text, page.version) for page in self.pages]
        status = "published" if self.published else "draft"
        own = {"status": status, "version": self.version, "has_unpublished_changes": self.differs()}
        return {"id": self.id, **self.fields, **own, **_contents(pages)}

    def for_readers(self) -> Json | None:
        if self.published is None:
            return None
        told = {"id": self.id, **self.published.fields, "status": "published", "version": self.published.version}
        return told | _contents(self.published.pages)


def _contents(pages: list[tuple[Page, Text, int]]) -> Json:
    entries = [
        {
            "id": page.id,
            "title": text.title,
            "order": order,
            "version": version,
            "word_count": len(text.content.split()),
        }
        for order, (page, text, version) in enumerate(pages, start=1)
    ]
    return {"page_count": len(pages), "word_count": sum(each["word_count"] for each in entries), "pages": entries}


@dataclass
class Shelf:
    """All notebooks of a story, and what each of its people may see of them. Nobody is ``None``."""

    notebooks: list[Notebook] = field(default_factory=list)
    clock: Iterator[int] = field(default_factory=itertools.count)

    def own(self, user: int, trashed: bool = False) -> list[Notebook]:
        mine = [each for each in self.notebooks if each.owner == user and each.trashed == trashed]
        return sorted(mine, key=lambda each: each.changed_at, reverse=True)

    def public(self) -> list[Notebook]:
        shown = [(each.published.at, each) for each in self.notebooks if each.published]
        return [each for _, each in sorted(shown, key=lambda pair: pair[0], reverse=True)]

    def live(self) -> list[Notebook]:
        return [each for each in self.notebooks if not each.trashed]

    def drafts_of(self, user: int | None) -> dict[str, Text]:
        return {page.id: page.text for each in self.live() if each.owner == user for page in each.pages}

    def published_but_of(self, user: int | None) -> dict[str, Text]:
        shown = [each for each in self.notebooks if each.published and each.owner != user]
        return {page.id: text for each in shown if each.published for page, text, _ in each.published.pages}
