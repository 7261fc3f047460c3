"""Stories: what people do in any order, told to the service and to the plain model, which must never disagree."""

import itertools
import sys
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select, update

from domain.page import pages as page_table
from events import log
from infra.clock import now
from tests.integration.stories.people import NOBODY, OWNERS, Person, gather
from tests.integration.stories.shelf import Json, Notebook, Page, Shelf, Text
from tests.service import Service

MOST_NOTEBOOKS, MOST_PAGES = 3, 4
# Few, so that texts often come back to what they were.
WORDS = ("fern", "moss", "reed")
TITLES = ("Dawn", "Noon")
_numbers = itertools.count(1)

# Which of those that are there: a number that is taken around the circle, so that every number means one.
WHICH = st.integers(0, 11)
YES_OR_NO = st.booleans()
WORD = st.sampled_from(WORDS)
FIELDS = st.sampled_from(
    [{"title": "Dawn"}, {"title": "Noon"}, {"description": "wet"}, {"metadata": {"mood": "grey"}}, {}]
)


def pick(things: list[Any], which: int) -> Any:
    return things[which % len(things)]


class Stories(RuleBasedStateMachine):
    services: ClassVar[tuple[Service, Service]]
    told: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        # In every text of this story and of no other.
        self.mark = f"story{next(_numbers)}"
        self.people: dict[int | None, Person] = gather(self.services)
        # What the last steps were about.
        self.touched: Notebook | None = None
        self.changed: Page | None = None
        self.quiet = False
        # Something has just been taken from readers.
        self.withdrawn = False
        self.ways = itertools.cycle(self.WAYS)
        self.lists = itertools.cycle(self.LISTS)
        self.owners = itertools.cycle(OWNERS)
        self.viewers = itertools.cycle((*OWNERS, NOBODY))
        self.turns = itertools.cycle((True, False))
        self.drain()
        self.others_public = self.people[NOBODY].door().get("/notebooks?public=true&per_page=1")["total"]

    # --- ways to things -----------------------------------------------------------------------------------------------

    def place(self, notebook: Notebook, page: Page | None = None) -> str:
        return f"/notebooks/{notebook.id}" + (f"/pages/{page.id}" if page else "")

    def owner(self, notebook: Notebook) -> Person:
        return self.people[notebook.owner]

    def is_about(self, notebook: Notebook, page: Page | None = None) -> None:
        self.touched, self.changed, self.quiet = notebook, page, False

    def notebook(self, which: int) -> Notebook:
        found: Notebook = pick(self.shelf.live(), which)
        self.is_about(found)
        return found

    def page(self, which: int) -> tuple[Notebook, Page]:
        found: tuple[Notebook, Page] = pick([(each, page) for each in self.shelf.live() for page in each.pages], which)
        self.is_about(*found)
        return found

    def has_notebooks(self) -> bool:
        return bool(self.shelf.live())

    def has_pages(self) -> bool:
        return any(each.pages for each in self.shelf.live())

    def has_trashed_pages(self) -> bool:
        return any(each.trash for each in self.shelf.live())

    def has_trashed_notebooks(self) -> bool:
        return any(each.trashed for each in self.shelf.notebooks)

    # --- notebooks ----------------------------------------------------------------------------------------------------

    @initialize()
    def a_notebook_with_a_page(self) -> None:
        self.begin(0, False)
        self.add_page(0, "fern", None, False)

    @precondition(lambda self: len(self.shelf.notebooks) < MOST_NOTEBOOKS)
    @rule(user=st.sampled_from(OWNERS), twice=YES_OR_NO)
    def begin(self, user: int, twice: bool) -> None:
        fields = {"title": "Dawn", "description": "", "metadata": {}}
        made = self.people[user].change("POST", "/notebooks", fields, 201, twice)
        notebook = Notebook(made["id"], user, fields, self.shelf.clock)
        notebook.touch()
        self.shelf.notebooks.append(notebook)
        assert alone(made) == notebook.for_owner()
        self.is_about(notebook)

    @precondition(has_notebooks)
    @rule(which=WHICH, changes=FIELDS, stale=YES_OR_NO, twice=YES_OR_NO)
    def edit_notebook(self, which: int, changes: Json, stale: bool, twice: bool) -> None:
        notebook = self.notebook(which)
        if stale and notebook.version > 1:
            headers: dict[str, Any] = {"If_Match": f'"{notebook.version - 1}-x"'}
            refused = self.owner(notebook).change("PUT", self.place(notebook), changes, 412, **headers)
            assert alone(refused["current"]) == notebook.for_owner()
        else:
            notebook.edit(changes)
            self._answers(notebook, "PUT", "", changes, twice)

    def _answers(
        self, notebook: Notebook, method: str, tail: str, body: Json | None = None, twice: bool = False
    ) -> None:
        """The answer to a change that is known to the model already is the notebook as it now is."""
        answer = self.owner(notebook).change(method, self.place(notebook) + tail, body, 200, twice)
        assert alone(answer) == notebook.for_owner()

    @precondition(has_pages)
    @rule(which=WHICH, turn=st.integers(1, 3), reverse=YES_OR_NO)
    def reorder(self, which: int, turn: int, reverse: bool) -> None:
        notebook, _ = self.page(which)
        at = turn % len(notebook.pages)
        turned = notebook.pages[at:] + notebook.pages[:at]
        notebook.reorder(turned[::-1] if reverse else turned)
        self._answers(notebook, "PUT", "/pages/order", {"page_ids": [page.id for page in notebook.pages]})

    @precondition(has_notebooks)
    @rule(which=WHICH, twice=YES_OR_NO)
    def publish(self, which: int, twice: bool) -> None:
        notebook = self.notebook(which)
        notebook.publish()
        self._answers(notebook, "POST", "/publish", twice=twice)

    @precondition(has_notebooks)
    @rule(which=WHICH, twice=YES_OR_NO)
    def unpublish(self, which: int, twice: bool) -> None:
        notebook = self.notebook(which)
        notebook.unpublish()
        self.withdrawn = True
        self._answers(notebook, "POST", "/unpublish", twice=twice)

    @precondition(has_notebooks)
    @rule(which=WHICH, twice=YES_OR_NO)
    def trash_notebook(self, which: int, twice: bool) -> None:
        notebook = self.notebook(which)
        self.owner(notebook).change("POST", f"{self.place(notebook)}/restore", None, 409)
        self.owner(notebook).change("DELETE", self.place(notebook), None, 204, twice)
        notebook.throw_away()
        self.withdrawn = True
        self.owner(notebook).change("PUT", self.place(notebook), {"title": "Noon"}, 404)

    @precondition(has_trashed_notebooks)
    @rule(which=WHICH)
    def restore_notebook(self, which: int) -> None:
        notebook = pick([each for each in self.shelf.notebooks if each.trashed], which)
        self.is_about(notebook)
        notebook.take_back()
        self._answers(notebook, "POST", "/restore")

    # --- pages --------------------------------------------------------------------------------------------------------

    @precondition(lambda self: any(len(each.pages) < MOST_PAGES for each in self.shelf.live()))
    @rule(which=WHICH, word=WORD, order=st.sampled_from([None, 1, 2, 99]), twice=YES_OR_NO)
    def add_page(self, which: int, word: str, order: int | None, twice: bool) -> None:
        notebook = pick([each for each in self.shelf.live() if len(each.pages) < MOST_PAGES], which)
        self.is_about(notebook)
        text = Text("Dawn", self._content(word))
        wanted = {**text._asdict(), **({"order": order} if order else {})}
        made = self.owner(notebook).change("POST", f"{self.place(notebook)}/pages", wanted, 201, twice)
        page = Page(made["id"], [text], self.shelf.clock)
        notebook.add(page, order)
        self._is_now(notebook, page, made)

    def _content(self, word: str) -> str:
        return f"{self.mark} {word}"

    def _is_now(self, notebook: Notebook, page: Page, answer: Json) -> None:
        assert told_page(answer) == page.shown(page.text, page.version, notebook.pages.index(page) + 1)

    @precondition(has_pages)
    @rule(which=WHICH, word=WORD, title=st.sampled_from([None, *TITLES]), twice=YES_OR_NO)
    def save(self, which: int, word: str, title: str | None, twice: bool) -> None:
        self._save(which, word, title, False, twice)

    @precondition(has_pages)
    @rule(which=WHICH, word=WORD, title=st.sampled_from([None, *TITLES]), twice=YES_OR_NO)
    def autosave(self, which: int, word: str, title: str | None, twice: bool) -> None:
        self._save(which, word, title, True, twice)

    def _save(self, which: int, word: str, title: str | None, autosave: bool, twice: bool) -> None:
        notebook, page = self.page(which)
        changes = {"content": self._content(word)} | ({"title": title} if title else {})
        # What was read last, or nothing: both are taken.
        headers = {"If_Match": f'"{page.version}-1"'} if twice else {}
        changed = page.autosave(changes) if autosave else page.save(changes)
        if changed:
            notebook.touch()
        body = changes | {"autosave": autosave}
        self._is_now(notebook, page, self._put(notebook, page, body, 200, twice, **headers))

    def _put(self, notebook: Notebook, page: Page, body: Json, expect: int, twice: bool, **headers: str) -> Any:
        return self.owner(notebook).change("PUT", self.place(notebook, page), body, expect, twice, **headers)

    def has_stale_bases(self) -> bool:
        return any(page.version > 1 for each in self.shelf.live() for page in each.pages)

    @precondition(has_stale_bases)
    @rule(which=WHICH, back=WHICH, word=st.sampled_from([None, *WORDS]), title=st.sampled_from([None, *TITLES]))
    def save_on_a_stale_version(self, which: int, back: int, word: str | None, title: str | None) -> None:
        notebook, page = pick([(n, p) for n in self.shelf.live() for p in n.pages if p.version > 1], which)
        self.is_about(notebook, page)
        base = 1 + back % (page.version - 1)
        changes = ({"content": self._content(word)} if word else {}) | ({"title": title} if title else {})
        merged = page.refuse(base, changes)
        refused = self._put(notebook, page, changes, 412, bool(word), If_Match=f'"{base}-1"')
        self._is_now(notebook, page, refused["current"])
        assert refused["merged"] == (merged and merged._asdict())
        kept = self.owner(notebook).door().get(f"/pages/{page.id}/revisions/{refused['conflict_revision_id']}")
        assert (kept["kind"], kept["content"]) == ("conflict", page.texts[base - 1].with_changes(changes).content)

    @precondition(has_pages)
    @rule(which=WHICH, twice=YES_OR_NO)
    def trash_page(self, which: int, twice: bool) -> None:
        notebook, page = self.page(which)
        self.owner(notebook).change("DELETE", self.place(notebook, page), None, 204, twice)
        notebook.trash_page(page)
        self.withdrawn = True
        self.owner(notebook).change("PUT", self.place(notebook, page), {"title": "Noon"}, 404)
        self.owner(notebook).door().get(f"/pages/{page.id}/revisions", expect=404)

    @precondition(has_trashed_pages)
    @rule(which=WHICH)
    def restore_page(self, which: int) -> None:
        notebook, page = pick([(each, page) for each in self.shelf.live() for page in each.trash], which)
        self.is_about(notebook, page)
        notebook.restore_page(page)
        answer = self.owner(notebook).change("POST", f"{self.place(notebook, page)}/restore")
        self._is_now(notebook, page, answer)

    # --- revisions ----------------------------------------------------------------------------------------------------

    def listed(self, notebook: Notebook, page: Page) -> list[Json]:
        """The revisions as the service lists them, which are those of the model."""
        found = self.owner(notebook).door().get(f"/pages/{page.id}/revisions?per_page=100")
        names = ("kind", "label", "version", "word_count", "content_sha256")
        assert [{name: each[name] for name in names} for each in found["items"]] == [
            each.shown() for each in page.newest_first()
        ]
        assert found["total"] == len(page.revisions)
        return found["items"]

    @precondition(has_pages)
    @rule(which=WHICH, place=WHICH, twice=YES_OR_NO)
    def restore_a_revision(self, which: int, place: int, twice: bool) -> None:
        notebook, page = self.page(which)
        wanted = pick(self.listed(notebook, page), place)
        page.restore(pick(page.newest_first(), place))
        notebook.touch()
        path = f"/pages/{page.id}/revisions/{wanted['id']}/restore"
        self._is_now(notebook, page, self.owner(notebook).change("POST", path, None, 200, twice))
        self.listed(notebook, page)

    @precondition(has_pages)
    @rule(which=WHICH, place=WHICH, name=st.sampled_from(["first", "best"]))
    def label_a_revision(self, which: int, place: int, name: str) -> None:
        notebook, page = self.page(which)
        wanted = pick(self.listed(notebook, page), place)
        page.label(pick(page.newest_first(), place), name)
        path = f"/pages/{page.id}/revisions/{wanted['id']}"
        assert self.owner(notebook).change("PUT", path, {"label": name})["label"] == name
        self.listed(notebook, page)

    # --- strangers ----------------------------------------------------------------------------------------------------

    @precondition(has_pages)
    @rule(which=WHICH, signed_in=YES_OR_NO, deed=WHICH)
    def a_stranger_meddles(self, which: int, signed_in: bool, deed: int) -> None:
        notebook, page = self.page(which)
        stranger = self.people[1 - notebook.owner if signed_in else NOBODY]
        revision = self.listed(notebook, page)[0]["id"]
        book, leaf, past = self.place(notebook), self.place(notebook, page), f"/pages/{page.id}/revisions"
        deeds: list[tuple[str, str, Json | None]] = [
            ("PUT", book, {"title": "Mine"}),
            ("DELETE", book, None),
            ("POST", f"{book}/publish", None),
            ("POST", f"{book}/unpublish", None),
            ("POST", f"{book}/pages", {"title": "Mine"}),
            ("PUT", f"{book}/pages/order", {"page_ids": [each.id for each in notebook.pages]}),
            ("PUT", leaf, {"content": "mine"}),
            ("DELETE", leaf, None),
            ("GET", past, None),
            ("GET", f"{past}/{revision}", None),
            ("POST", f"{past}/{revision}/restore", None),
            ("PUT", f"{past}/{revision}", {"label": "mine"}),
        ]
        method, path, body = pick(deeds, deed)
        # Other people's revisions are not there, published or not.
        told = 403 if notebook.published and not path.startswith("/pages") else 404
        stranger.change(method, path, body, told if signed_in else 401)

    # --- time, workers, Redis, sessions -------------------------------------------------------------------------------

    @rule(what=st.sampled_from(["relay", "workers", "all is done", "Redis is wiped", "new sessions"]))
    def meanwhile(self, what: str) -> None:
        service = self.services[0]
        if what == "relay":
            service.relay.run_once()
        elif what == "workers":
            service.work()
        elif what == "Redis is wiped":
            service.redis.flushall()
        elif what == "new sessions":
            for user in OWNERS:
                self.people[user].sign_out()
                self.people[user].sign_in()
        else:
            self.drain()

    def drain(self) -> None:
        self.services[0].drain()
        self.quiet = True

    @precondition(has_pages)
    @rule(which=WHICH, word=WORD)
    def autosave_after_an_hour(self, which: int, word: str) -> None:
        _, page = self.page(which)
        page.run = None
        of_this = update(page_table).where(page_table.c.id == page.id)
        with self.services[0].engine.begin() as connection:
            connection.execute(of_this.values(autosaved_since=now() - timedelta(hours=1)))
        self.autosave(which, word, None, False)

    # --- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def everyone_sees_what_they_may(self) -> None:
        if self.touched and self.withdrawn:
            # First: when its author looks the views are brought up to date, for everyone.
            self.look_at_what_is_published(NOBODY)
            self.look_at(self.touched)
        elif self.touched:
            self.look_briefly(self.touched)
        self.withdrawn = False

    def look_at(self, notebook: Notebook) -> None:
        for viewer in (*OWNERS, NOBODY):
            self.look_at_notebook(notebook, viewer)
        for page in (*notebook.pages, *notebook.trash):
            for look in self.WAYS:
                look(self, notebook, page)

    def look_briefly(self, notebook: Notebook) -> None:
        """By one way to each thing; to look by all after each step would take longer than all the rest."""
        self.look_at_notebook(notebook, next(self.viewers))
        for page in [self.changed] if self.changed else notebook.pages:
            next(self.ways)(self, notebook, page)

    def look_at_notebook(self, notebook: Notebook, viewer: int | None) -> None:
        own = None if notebook.trashed else notebook.for_owner()
        expected = own if viewer == notebook.owner else notebook.for_readers()
        self.people[viewer].sees(self.place(notebook), expected, alone)

    def as_owner(self, notebook: Notebook, page: Page) -> None:
        is_live = page in notebook.pages and not notebook.trashed
        draft = page.shown(page.text, page.version, notebook.pages.index(page) + 1) if is_live else None
        self.owner(notebook).sees(self.place(notebook, page), draft, told_page)

    def as_owner_who_looks_at_what_readers_see(self, notebook: Notebook, page: Page) -> None:
        shown = self._published(notebook, page)
        self.owner(notebook).sees(f"{self.place(notebook, page)}?view=published", shown, told_page)

    def as_other_author(self, notebook: Notebook, page: Page) -> None:
        self.people[1 - notebook.owner].sees(self.place(notebook, page), self._published(notebook, page), told_page)

    def as_nobody(self, notebook: Notebook, page: Page) -> None:
        self.people[NOBODY].sees(self.place(notebook, page), self._published(notebook, page), told_page)

    WAYS = (as_owner, as_owner_who_looks_at_what_readers_see, as_other_author, as_nobody)

    def _published(self, notebook: Notebook, page: Page) -> Json | None:
        shown = notebook.published.pages if notebook.published else []
        found = [
            each.shown(text, version, order) for order, (each, text, version) in enumerate(shown, 1) if each is page
        ]
        return found[0] if found else None

    @invariant()
    def a_search_never_tells_of_what_one_may_not_read(self) -> None:
        if self.withdrawn or self.quiet or next(self.turns):
            self.search(next(self.viewers))

    def search(self, viewer: int | None) -> None:
        drafts, shown = self.shelf.drafts_of(viewer), self.shelf.published_but_of(viewer)
        found = self.people[viewer].door().get(f"/search?q={self.mark}&per_page=100")
        hits = {hit["page_id"]: hit["title"] for hit in found["items"]}
        assert found["total"] == len(found["items"]) == len(hits)
        assert hits.keys() <= drafts.keys() | shown.keys()
        titles = {page.id: page.shown_titles for each in self.shelf.notebooks for page in each.pages}
        assert all(title in titles[page_id] for page_id, title in hits.items() if page_id in shown)
        if self.quiet:
            assert hits == {page_id: text.title for page_id, text in (shown | drafts).items()}
            assert found["freshness"]["pending_events"] == 0

    @invariant()
    def the_lists_are_right(self) -> None:
        # One of them after each step.
        next(self.lists)(self)

    def look_at_own_list(self, trashed: bool) -> None:
        user = next(self.owners)
        listed = self.people[user].door().get(f"/notebooks?trashed={trashed}&per_page=100")
        told = [each.for_owner() for each in self.shelf.own(user, trashed)]
        assert [alone(each) for each in listed["items"]] == [in_a_list(each) for each in told]
        assert listed["total"] == len(told)

    def look_at_what_is_published(self, viewer: int | None) -> None:
        listed = self.people[viewer].door().get("/notebooks?public=true&per_page=100")
        ours = {each.id: each.for_readers() for each in self.shelf.public()}
        told = {each["id"]: alone(each) for each in listed["items"] if each["id"] in self.ids()}
        # A reader may be a moment behind a publication, and never behind a withdrawal; its author is not behind.
        mine = {each.id for each in self.shelf.notebooks if each.owner == viewer}
        must = {notebook_id for notebook_id in ours if self.quiet or notebook_id in mine}
        assert must <= told.keys() <= ours.keys()
        assert all(told[each] == in_a_list(ours[each] or {}) for each in must)
        if self.quiet:
            assert list(told) == list(ours)
            assert listed["total"] == self.others_public + len(ours)

    LISTS = (
        partial(look_at_own_list, trashed=False),
        partial(look_at_what_is_published, viewer=NOBODY),
        partial(look_at_own_list, trashed=True),
        partial(look_at_what_is_published, viewer=1),
    )

    def ids(self) -> set[str]:
        return {each.id for each in self.shelf.notebooks}

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            self.end()

    def end(self) -> None:
        self.look_at_everything()
        self.drain()
        self.look_at_everything()
        for notebook in self.shelf.notebooks:
            self._log_is_gapless(notebook.id, notebook.version)
            for page in notebook.pages:
                self._log_is_gapless(page.id, page.version)
                if not notebook.trashed:
                    self.listed(notebook, page)
        type(self).told += 1

    def look_at_everything(self) -> None:
        for notebook in self.shelf.notebooks:
            self.look_at(notebook)
        for viewer in (*OWNERS, NOBODY):
            self.search(viewer)
        for look in self.LISTS:
            look(self)

    def _log_is_gapless(self, aggregate_id: str, version: int) -> None:
        query = select(log.events.c.version).where(log.events.c.aggregate_id == aggregate_id)
        with self.services[0].engine.connect() as connection:
            assert sorted(connection.scalars(query)) == list(range(1, version + 1))


# --- what of an answer the model knows --------------------------------------------------------------------------------


def alone(answer: Json) -> Json:
    """A notebook without its times and its owner."""
    unknown = ("owner", "created_at", "updated_at", "published_at")
    told = {name: value for name, value in answer.items() if name not in unknown}
    if "pages" in answer:
        told["pages"] = [{name: each[name] for name in each if name != "updated_at"} for each in answer["pages"]]
    assert (answer["published_at"] is None) == (answer["status"] == "draft")
    return told


def in_a_list(notebook: Json) -> Json:
    return {name: value for name, value in notebook.items() if name != "pages"}


def told_page(answer: Json) -> Json:
    return {name: value for name, value in answer.items() if name not in ("notebook_id", "created_at", "updated_at")}


def tellers(service: Service, other: Service) -> type[Stories]:
    """The machine on these two processes."""
    return type("TheseStories", (Stories,), {"services": (service, other), "told": 0})
