"""Whatever order, repetition and splitting the events arrive in, readers see the same in the end: what is true."""

import importlib
import pkgutil
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, Table, select, text

import read_models
from domain.commands.accounts import Register, register
from domain.commands.notebooks import (
    EditNotebook,
    PublishNotebook,
    ReorderPages,
    RestoreNotebook,
    TrashNotebook,
    UnpublishNotebook,
    edit_notebook,
    publish_notebook,
    reorder_pages,
    restore_notebook,
    trash_notebook,
    unpublish_notebook,
)
from domain.commands.pages import (
    CreatePage,
    EditPage,
    RestorePage,
    TrashPage,
    create_page,
    edit_page,
    restore_page,
    trash_page,
)
from domain.commands.revisions import LabelRevision, RestoreRevision, label_revision, restore_revision
from domain.errors import Conflict, NotFound
from domain.notebook import Notebook, notebooks
from domain.page import pages
from events import deliveries, log
from events.event import Event
from events.notebooks import PublishedPage
from events.pages import text_revision_id
from events.subscriptions import REACTIONS
from infra.database import retrying
from infra.settings import Settings
from read_models.notebook_view import notebook_views
from read_models.page_view import page_views
from read_models.rebuilding import progress
from tests.integration.writing import a_notebook, a_page, do, dump, event_ids, in_threads, save
from workers.reaction import Reactor
from workers.reaction_table import REACTIONS as EFFECTS
from workers.reaction_table import SUBSCRIPTIONS

WINDOW = timedelta(minutes=5)
TEXTS = (
    "",
    "One heron.",
    "One heron, two herons.",
    "学而时习之",
    "La señora *Frasquita*",
    "# Heading\n\n" + "word " * 50,
)


def read_model_tables() -> list[Table]:
    names = [each.name for each in pkgutil.walk_packages(read_models.__path__, "read_models.")]
    values = [value for name in names for value in vars(importlib.import_module(name)).values()]
    found = {value for value in values if isinstance(value, Table)}
    found -= {log.events, log.outbox, deliveries.deliveries, progress.rebuilds, progress.rebuild_tail}
    return sorted(found, key=lambda table: table.name)


READ_MODELS = read_model_tables()


class Story:
    """An author and a notebook; each step is a command, and steps that the rules refuse change nothing."""

    def __init__(self, db: Engine) -> None:
        self.db = db
        self.author = do(db, register, Register("ann", "ann@example.org", "x"))
        self.notebook_id = a_notebook(db, "Walks", self.author.id).id
        self.page_ids: list[str] = []

    def step(self, name: str, which: int, words: str) -> None:
        steps: dict[str, Callable[[str], object]] = {
            "add page": lambda _: self.add_page(words, which),
            "save": lambda page_id: self.save(page_id, words),
            "save title": lambda page_id: self.save(page_id, None, title=words[:20] or "Untitled"),
            "autosave": lambda page_id: self.save(page_id, words, autosave_window=WINDOW),
            "autosave late": lambda page_id: self.save(page_id, words, autosave_window=-WINDOW),
            "save stale": lambda page_id: self.save(page_id, words, expected_version=0),
            "label": lambda page_id: self.label(page_id, words[:20] or "A name"),
            "go back": lambda page_id: self.do(restore_revision, RestoreRevision(page_id, "Back", words)),
            "trash page": lambda page_id: self.do(trash_page, TrashPage(self.notebook_id, page_id)),
            "restore page": lambda page_id: self.do(restore_page, RestorePage(self.notebook_id, page_id)),
            "reorder": lambda _: self.reorder(which),
            "rename": lambda _: self.edit({"title": words[:20] or "Walks", "metadata": {"n": which}}),
            "publish": lambda _: self.do(publish_notebook, PublishNotebook(self.notebook_id)),
            "unpublish": lambda _: self.do(unpublish_notebook, UnpublishNotebook(self.notebook_id)),
            "trash": lambda _: self.do(trash_notebook, TrashNotebook(self.notebook_id)),
            "restore": lambda _: self.do(restore_notebook, RestoreNotebook(self.notebook_id)),
        }
        page_id = self.page_ids[which % len(self.page_ids)] if self.page_ids else "f" * 32
        try:
            steps[name](page_id)
        except (NotFound, Conflict):
            # In the trash nearly everything is refused; most stories go on.
            if name != "restore" and which % 3:
                self.step("restore", which, words)

    def do(self, handler: Callable[..., Any], command: object) -> Any:
        return do(self.db, handler, command, self.author.id)

    def add_page(self, words: str, which: int) -> None:
        command = CreatePage(self.notebook_id, f"Page {which}", words, which + 1 if which % 2 else None)
        self.page_ids.append(self.do(create_page, command).id)

    def save(self, page_id: str, words: str | None, **more: Any) -> None:
        self.do(edit_page, EditPage(self.notebook_id, page_id, content=words, **more))

    def label(self, page_id: str, name: str) -> None:
        self.do(label_revision, LabelRevision(page_id, text_revision_id(page_id, 1), name))

    def edit(self, changes: dict[str, Any]) -> None:
        self.do(edit_notebook, EditNotebook(self.notebook_id, changes))

    def reorder(self, seed: int) -> None:
        with self.db.connect() as connection:
            newest = log.newest(connection, self.notebook_id)
        page_ids = list(newest.fact.page_ids) if newest else []
        random.Random(seed).shuffle(page_ids)
        self.do(reorder_pages, ReorderPages(self.notebook_id, tuple(page_ids)))


STEPS = (
    ["add page", "save", "autosave", "publish"] * 3
    + ["rename", "trash page", "restore page"] * 2
    + ["save title", "autosave late", "save stale", "label", "go back", "reorder", "unpublish", "trash"]
)
stories = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 5), st.sampled_from(TEXTS)), min_size=10, max_size=25
)


def everything(db: Engine) -> list[Event]:
    with db.connect() as connection:
        return log.load(connection, event_ids(db))


def react(connection: Connection, events: Iterable[Event], only: str | None = None) -> None:
    """Let each reaction apply what it subscribes to, in one batch."""
    batch = list(events)
    for reaction in [only] if only else REACTIONS:
        heard = [each for each in batch if reaction in (SUBSCRIPTIONS.get(each.fact.name) or ())]
        EFFECTS[reaction].apply(connection, heard)


def tell(db: Engine, *batches: Iterable[Event], only: str | None = None) -> None:
    with db.begin() as connection:
        for batch in batches:
            react(connection, batch, only)


def forget(db: Engine) -> None:
    """Empty read models: as before the first event, or before a rebuild."""
    with db.begin() as connection:
        for each in READ_MODELS:
            connection.execute(each.delete())


def seen(db: Engine) -> dict[str, list[Any]]:
    """All that the read models hold, as the server stores it.

    Of the search index that is what can be found. The version there counts with the notebook's, as it was when the
    page was last refreshed, and what is gone leaves a mark only where it had been: both differ with the moment.
    """
    rows: dict[str, list[Any]] = dump(db, [each for each in READ_MODELS if each.name != "search_entries"])
    names = "page_id, scope, notebook_id, author_id, notebook_title, title, body, title_terms, body_terms, updated_at"
    with db.connect() as connection:
        found = connection.execute(text(f"SELECT {names} FROM search_entries WHERE title_terms != ''"))
        rows["search_entries"] = sorted(tuple(row) for row in found)
    return rows


def what_is_true(db: Engine, told: Story) -> dict[str, Any]:
    """What the views ought to show, told by the write model alone."""
    with db.connect() as connection:
        drafts = {row.id: row for row in connection.execute(select(pages))}
        row = connection.execute(select(notebooks).where(notebooks.c.id == told.notebook_id)).mappings().one()
        notebook = Notebook.of(row)
        shown = notebook.publication.pages if notebook.publication else ()
        texts = {page.id: log.at(connection, page.id, page.version) for page in shown}
    live = [drafts[page_id] for page_id in notebook.page_ids]
    now = tuple(PublishedPage(id=page.id, version=page.version) for page in live)
    listed = [] if notebook.trashed_at else live
    return {
        "pages": {page.id: (page.version, page.title, page.content, page.word_count) for page in drafts.values()},
        "notebook": (notebook.version, notebook.title, ",".join(notebook.page_ids)),
        "counts": (len(live), sum(page.word_count for page in live), notebook.differs_from_published(now)),
        "published": {key: (event.version, event.fact.content) for key, event in texts.items() if event},
        "found": {
            *(("draft", page.id, page.title, notebook.title) for page in listed),
            *(
                ("published", key, event.fact.title, notebook.publication.title)
                for key, event in texts.items()
                if event and notebook.publication
            ),
        },
    }


def what_readers_see(rows: dict[str, list[Any]]) -> dict[str, Any]:
    """The same of the read models."""
    (notebook,) = map(named("notebook_views"), rows["notebook_views"])
    drafts = map(named("page_views"), rows["page_views"])
    snapshot = map(named("published_pages"), rows["published_pages"])
    return {
        "pages": {row["page_id"]: (row["version"], row["title"], row["content"], row["word_count"]) for row in drafts},
        "notebook": (notebook["version"], notebook["title"], notebook["page_ids"]),
        "counts": (notebook["page_count"], notebook["word_count"], notebook["has_unpublished_changes"]),
        "published": {row["page_id"]: (row["version"], row["content"]) for row in snapshot},
        "found": {(row[1], row[0], row[5], row[4]) for row in rows["search_entries"]},
    }


def named(table: str) -> Callable[[tuple[Any, ...]], dict[str, Any]]:
    """A row of this table with the names of its columns."""
    (found,) = [each for each in READ_MODELS if each.name == table]
    names = [column.name for column in found.columns]
    return lambda row: dict(zip(names, row, strict=True))


def mixed(events: Sequence[Event], dice: random.Random) -> Iterator[list[Event]]:
    """The same events in another order, some of them twice or thrice, in batches of all sizes."""
    arriving = [*events, *dice.choices(events, k=len(events) // 2)]
    dice.shuffle(arriving)
    while arriving:
        size = dice.choice([1, 1, 2, 5, 20, len(arriving)])
        yield arriving[:size]
        del arriving[:size]


@trying(
    max_examples=20,
    # To make a failing story shorter would take minutes; it is short enough to read.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(story=stories, seed=st.integers(0, 2**16))
@example(
    story=[
        ("add page", 0, TEXTS[1]),
        ("add page", 0, TEXTS[2]),
        ("publish", 0, ""),
        ("rename", 1, "Another title"),
        ("save", 0, TEXTS[3]),
        ("trash page", 1, ""),
        ("publish", 0, ""),
        ("restore page", 1, ""),
        ("unpublish", 0, ""),
    ],
    seed=0,
)
def test_order_repeats_and_batches_do_not_matter(db: Engine, story: list[tuple[str, int, str]], seed: int) -> None:
    empty(db)
    dice = random.Random(seed)
    told = Story(db)
    done = 0
    for step in story:
        told.step(*step)
        if dice.random() < 0.5:
            events = everything(db)
            tell(db, events[done:])
            done = len(events)
    events = everything(db)
    tell(db, events[done:])
    live = seen(db)
    assert what_readers_see(live) == what_is_true(db, told)

    deliveries_of: dict[str, Iterable[Iterable[Event]]] = {
        "rebuilt from the log, event by event": ([event] for event in events),
        "rebuilt from the log in one batch": [events],
        "backwards": ([event] for event in reversed(events)),
        "mixed": mixed(events, dice),
        "mixed otherwise": mixed(events, dice),
    }
    for name, batches in deliveries_of.items():
        forget(db)
        tell(db, *batches)
        assert seen(db) == live, name


def test_every_page_of_a_notebook_shows_its_new_title_in_a_search(db: Engine) -> None:
    story = Story(db)
    told = 0
    for step in (("add page", 0, "One"), ("add page", 0, "Two"), ("publish", 0, ""), ("rename", 1, "Rambles")):
        story.step(*step)
        events = everything(db)
        tell(db, events[told:])
        told = len(events)
    assert titles_found(db) == {("draft", "Rambles"), ("published", "Walks")}
    story.step("publish", 0, "")
    tell(db, everything(db)[told:])
    assert titles_found(db) == {("draft", "Rambles"), ("published", "Rambles")}


def titles_found(db: Engine) -> set[tuple[str, str]]:
    """``{(scope, notebook title)}`` of both pages."""
    found = [(row[1], row[4]) for row in seen(db)["search_entries"]]
    assert len(found) == 4
    return set(found)


def empty(db: Engine) -> None:
    forget(db)
    with db.begin() as connection:
        for each in ("events", "outbox", "deliveries", "pages", "notebooks", "users"):
            connection.execute(text(f"DELETE FROM {each}"))


def test_reactions_may_fall_behind_each_other(db: Engine) -> None:
    """Each reaction has a queue of its own, so one may have seen everything and another nothing."""
    story = Story(db)
    for number, name in enumerate(["add page", "save", "publish", "autosave", "trash page", "restore page", "publish"]):
        story.step(name, number, TEXTS[number % len(TEXTS)])
    events = everything(db)
    tell(db, events)
    live = seen(db)
    for first in REACTIONS:
        forget(db)
        for reaction in (first, *(each for each in REACTIONS if each != first)):
            tell(db, events, only=reaction)
        assert seen(db) == live


def test_what_is_applied_again_changes_nothing(db: Engine) -> None:
    story = Story(db)
    for number, name in enumerate(["add page", "add page", "save", "publish", "save", "trash page", "unpublish"]):
        story.step(name, number, TEXTS[number % len(TEXTS)])
    events = everything(db)
    tell(db, events)
    before = dump(db, READ_MODELS)
    tell(db, *([each] for each in events))
    assert dump(db, READ_MODELS) == before


def test_an_older_event_never_takes_a_view_back(db: Engine) -> None:
    page = a_page(db, content="one")
    for words in ("two", "three"):
        save(db, page, words)
    of_page = [event for event in everything(db) if event.aggregate_id == page.id]
    for event in (of_page[2], of_page[0], of_page[1]):
        tell(db, [event])
        with db.connect() as connection:
            assert connection.execute(select(page_views.c.version, page_views.c.content)).one() == (3, "three")


def test_workers_that_share_a_notebook_leave_it_as_one_would(db: Engine, settings: Settings) -> None:
    """Counts depend on all pages: two workers that each saw only their own would both be wrong."""
    notebook = a_notebook(db)
    pages = [a_page(db, notebook, f"{number} words " * number) for number in range(12)]
    for page in pages:
        save(db, page, page.content + "and three more")
    with db.begin() as connection:
        while deliveries.fan_out(connection, SUBSCRIPTIONS, 500):
            pass
    ids = event_ids(db)
    random.Random(7).shuffle(ids)
    batches = [ids[start::6] for start in range(6)]
    for reaction in REACTIONS:
        in_threads(Reactor(db, settings, reaction, EFFECTS[reaction]).handle, batches)
    with db.connect() as connection:
        left = connection.execute(select(deliveries.deliveries)).all()
    assert left == []
    together = seen(db)
    forget(db)
    tell(db, everything(db))
    assert together == seen(db)


@pytest.mark.parametrize("reaction", REACTIONS)
def test_two_workers_at_one_notebook_take_turns_and_never_deadlock(db: Engine, reaction: str) -> None:
    page = a_page(db)
    other = a_page(db)
    for number in range(10):
        save(db, page, f"text {number}")
        save(db, other, f"text {number}")
    events = everything(db)
    tries: list[int] = []

    def apply(batch: list[Event]) -> None:
        def once() -> None:
            tries.append(1)
            with db.begin() as connection:
                react(connection, batch, reaction)

        for _ in range(10):
            retrying(once)

    in_threads(apply, [events, events[::-1], events[5:], events[:5]])
    assert len(tries) == 40


def test_a_row_of_an_older_builder_is_made_anew_by_the_same_event(db: Engine) -> None:
    a_page(db)
    events = everything(db)
    tell(db, events)
    whole = seen(db)
    with db.begin() as connection:
        connection.execute(page_views.update().values(builder_version=0, title="as an older builder made it"))
        connection.execute(notebook_views.update().values(builder_version=0, description="likewise"))
    tell(db, events)
    assert seen(db) == whole


@pytest.mark.parametrize("reaction", REACTIONS)
def test_an_empty_batch_is_no_work(db: Engine, reaction: str) -> None:
    with db.begin() as connection:
        EFFECTS[reaction].apply(connection, [])
    assert not any(dump(db).values())


def test_every_read_model_that_has_a_table_is_compared() -> None:
    assert {each.name for each in READ_MODELS} >= {"notebook_views", "page_views", "published_pages", "revisions"}
