"""The history of a page: which saves become revisions, and what an author can do with them."""

import itertools
import random
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Engine, delete, select, update

from domain.page import Page, pages
from events import log
from events.event import Event
from events.pages import history_of
from infra.clock import now
from read_models import revisions, thinning
from tests.integration.writing import in_threads, save
from tests.service import Author, Service


class Draft:
    """A page of an author, and the ways to it."""

    def __init__(self, author: Author, **fields: Any) -> None:
        self.author = author
        self.notebook = author.notebook()
        self.page = author.page(self.notebook["id"], **fields)
        self.id = self.page["id"]
        self.place = f"/notebooks/{self.notebook['id']}/pages/{self.id}"
        self.history = f"/pages/{self.id}/revisions"

    def save(self, content: str, **more: Any) -> dict[str, Any]:
        saved: dict[str, Any] = self.author.put(self.place, {"content": content, **more})
        return saved

    def autosave(self, content: str) -> dict[str, Any]:
        return self.save(content, autosave=True)

    def refused(self, content: str) -> str:
        """The id of the revision that keeps a save on a stale version."""
        answer = self.author.put(self.place, {"content": content}, expect=412, headers={"If-Match": '"999999-1"'})
        kept: str = answer["conflict_revision_id"]
        return kept

    def publish(self) -> None:
        self.author.post(f"/notebooks/{self.notebook['id']}/publish", expect=200)

    def revisions(self) -> list[dict[str, Any]]:
        """Newest first."""
        listed: list[dict[str, Any]] = self.author.get(f"{self.history}?per_page=100")["items"]
        return listed

    def read(self, revision: dict[str, Any]) -> dict[str, Any]:
        full: dict[str, Any] = self.author.get(f"{self.history}/{revision['id']}")
        return full

    def told(self) -> list[tuple[str, str]]:
        """``(kind, text)`` of each revision, oldest first."""
        return [(each["kind"], self.read(each)["content"]) for each in reversed(self.revisions())]

    def rest(self, service: Service, seconds: float) -> None:
        """Let time pass for the page: its open run of autosaves began that much earlier."""
        began = now() - timedelta(seconds=seconds)
        with service.engine.begin() as connection:
            connection.execute(update(pages).where(pages.c.id == self.id).values(autosaved_since=began))


def logged(engine: Engine, *stream_ids: str) -> list[Event]:
    """What the log holds of these streams."""
    with engine.connect() as connection:
        query = select(log.events.c.id).where(log.events.c.aggregate_id.in_(stream_ids))
        return log.load(connection, list(connection.scalars(query)))


def forget_revisions(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(delete(revisions.revisions))
        connection.execute(delete(revisions.revision_labels))


@pytest.fixture
def draft(service: Service) -> Draft:
    return Draft(service.author(), title="Walks", content="first")


def test_creating_a_page_and_each_explicit_save_is_a_revision_of_its_own(service: Service, draft: Draft) -> None:
    for text in ("second", "third"):
        draft.save(text)
    service.drain()
    assert draft.told() == [("save", "first"), ("save", "second"), ("save", "third")]
    newest = draft.revisions()[0]
    assert newest == {
        "id": newest["id"],
        "page_id": draft.id,
        "version": 3,
        "kind": "save",
        "label": None,
        "author": draft.notebook["owner"],
        "word_count": 1,
        "content_sha256": draft.author.get(draft.place)["content_sha256"],
        "created_at": draft.author.get(draft.place)["updated_at"],
    }
    assert draft.read(newest) == {**newest, "title": "Walks", "content": "third"}


def test_a_run_of_autosaves_rolls_one_revision_until_the_next_explicit_save(service: Service, draft: Draft) -> None:
    for text in ("a", "ab", "abc"):
        draft.autosave(text)
    draft.save("abcd")
    draft.autosave("abcde")
    service.drain()
    assert draft.told() == [("save", "first"), ("autosave", "abc"), ("save", "abcd"), ("autosave", "abcde")]


def test_a_run_of_autosaves_ends_after_the_window_which_begins_with_its_first(service: Service, draft: Draft) -> None:
    window = service.settings.autosave_revision_seconds
    draft.autosave("one")
    draft.rest(service, window - 5)
    draft.autosave("one still")
    draft.rest(service, window + 5)
    draft.autosave("two")
    service.drain()
    assert draft.told() == [("save", "first"), ("autosave", "one still"), ("autosave", "two")]


def test_a_save_of_what_was_autosaved_already_closes_that_revision(service: Service, draft: Draft) -> None:
    draft.autosave("kept")
    draft.save("kept")
    draft.autosave("later")
    service.drain()
    assert draft.told() == [("save", "first"), ("autosave", "kept"), ("autosave", "later")]


def test_a_refused_save_is_kept_as_a_conflict(service: Service, draft: Draft) -> None:
    kept = draft.refused("refused text")
    service.drain()
    assert next((each["id"], each["kind"]) for each in draft.revisions()) == (kept, "conflict")
    assert draft.told() == [("save", "first"), ("conflict", "refused text")]


def test_publishing_cuts_each_page_that_has_changed_since(service: Service, draft: Draft) -> None:
    draft.publish()
    draft.publish()
    draft.save("second")
    draft.publish()
    service.drain()
    assert draft.told() == [("save", "first"), ("publish", "first"), ("save", "second"), ("publish", "second")]


def test_the_order_in_which_events_arrive_makes_no_difference(service: Service, draft: Draft) -> None:
    chosen = random.Random(7)
    for number in range(12):
        (draft.save if chosen.random() < 0.4 else draft.autosave)(f"text {number}")
    draft.refused("refused")
    draft.publish()
    draft.author.put(f"{draft.history}/{draft.revisions()[3]['id']}", {"label": "a name"})
    service.drain()
    in_order = draft.revisions()
    events = logged(service.engine, draft.id, history_of(draft.id), draft.notebook["id"])
    for _ in range(5):
        chosen.shuffle(events)
        forget_revisions(service.engine)
        assert draft.revisions() == []
        for event in events:
            with service.engine.begin() as connection:
                revisions.project(connection, [event])
        assert draft.revisions() == in_order


def test_the_newest_text_is_in_the_list_before_any_worker_has_run(draft: Draft) -> None:
    for number in range(5):
        saved = draft.save(f"text {number}")
        assert draft.revisions()[0]["content_sha256"] == saved["content_sha256"]
        auto = draft.autosave(f"text {number} and more")
        assert draft.revisions()[0]["content_sha256"] == auto["content_sha256"]
    assert len(draft.revisions()) == 11


def test_each_save_of_sixteen_writers_is_a_revision_of_its_own(service: Service, draft: Draft) -> None:
    mine = {"id": draft.id, "notebook_id": draft.notebook["id"], "owner_id": draft.author.id}
    texts = [[f"writer {writer}, take {take}" for take in range(3)] for writer in range(16)]
    in_threads(lambda own: [save(service.engine, cast(Page, SimpleNamespace(**mine)), text) for text in own], texts)
    service.drain()
    assert [each["version"] for each in draft.revisions()] == list(range(1 + 16 * 3, 0, -1))
    assert sorted(draft.told()) == sorted(("save", text) for text in ["first", *itertools.chain(*texts)])


def test_a_damaged_event_costs_its_own_revision_only(service: Service, draft: Draft) -> None:
    draft.save("second")
    with service.engine.begin() as connection:
        columns = log.events.c
        first = (columns.aggregate_id == draft.id, columns.version == 1)
        connection.execute(update(log.events).where(*first).values(payload="{}"))
    assert draft.told() == [("save", "second")]


def test_the_list_comes_in_pages_and_answers_304(draft: Draft) -> None:
    for number in range(4):
        draft.save(f"text {number}")
    answer = draft.author.ask("GET", f"{draft.history}?per_page=2", expect=200)
    assert [each["version"] for each in answer.get_json()["items"]] == [5, 4]
    assert answer.get_json()["total"] == 5
    assert 'rel="next"' in answer.headers["Link"]
    again = {"If-None-Match": answer.headers["ETag"]}
    draft.author.ask("GET", f"{draft.history}?per_page=2", expect=304, headers=again)
    draft.save("newer")
    draft.author.ask("GET", f"{draft.history}?per_page=2", expect=200, headers=again)


def test_one_revision_and_a_diff_answer_304(draft: Draft) -> None:
    revision = f"{draft.history}/{draft.revisions()[0]['id']}"
    for path in (revision, f"{revision}/diff"):
        answer = draft.author.ask("GET", path, expect=200)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        draft.author.ask("GET", path, expect=304, headers={"If-None-Match": answer.headers["ETag"]})


def test_a_diff_leads_from_the_revision_to_what_it_is_held_against(draft: Draft) -> None:
    draft.save("The grey heron stood still.")
    draft.save("The grey heron flew.")
    newest, middle, oldest = draft.revisions()
    found = draft.author.get(f"{draft.history}/{middle['id']}/diff")
    assert found == {
        "from": middle["id"],
        "to": "current",
        "stats": {"inserted_words": 1, "deleted_words": 2},
        "hunks": [
            {"op": "equal", "text": "The grey heron "},
            {"op": "delete", "text": "stood still"},
            {"op": "insert", "text": "flew"},
            {"op": "equal", "text": "."},
        ],
    }
    assert draft.author.get(f"{draft.history}/{middle['id']}/diff?against=current") == found
    back = draft.author.get(f"{draft.history}/{newest['id']}/diff?against={oldest['id']}")
    assert (back["from"], back["to"]) == (newest["id"], oldest["id"])
    assert "".join(hunk["text"] for hunk in back["hunks"] if hunk["op"] != "insert") == "The grey heron flew."
    assert "".join(hunk["text"] for hunk in back["hunks"] if hunk["op"] != "delete") == "first"


def test_a_diff_of_a_revision_with_itself_is_equal(draft: Draft) -> None:
    only = draft.revisions()[0]["id"]
    found = draft.author.get(f"{draft.history}/{only}/diff?against={only}")
    assert found["hunks"] == [{"op": "equal", "text": "first"}]
    assert found["stats"] == {"inserted_words": 0, "deleted_words": 0}


def test_restoring_makes_a_new_version_with_the_old_title_and_text(service: Service, draft: Draft) -> None:
    draft.author.put(draft.place, {"title": "Another title", "content": "second"})
    oldest = draft.revisions()[-1]
    answer = draft.author.ask("POST", f"{draft.history}/{oldest['id']}/restore", expect=200)
    restored = answer.get_json()
    assert (restored["version"], restored["title"], restored["content"]) == (3, "Walks", "first")
    assert draft.author.get(draft.place) == restored
    assert draft.author.ask("GET", draft.place, expect=200).headers["ETag"] == answer.headers["ETag"]
    service.drain()
    assert draft.told() == [("save", "first"), ("save", "second"), ("restore", "first")]


def test_restoring_the_current_text_is_done_and_told_too(service: Service, draft: Draft) -> None:
    answer = draft.author.post(f"{draft.history}/{draft.revisions()[0]['id']}/restore", expect=200)
    assert answer["version"] == 2
    service.drain()
    assert draft.told() == [("save", "first"), ("restore", "first")]


def test_a_conflict_can_be_read_compared_and_restored_the_moment_it_was_refused(draft: Draft) -> None:
    kept = f"{draft.history}/{draft.refused('refused text')}"
    assert draft.author.get(kept)["content"] == "refused text"
    assert draft.author.get(f"{kept}/diff")["stats"] == {"inserted_words": 1, "deleted_words": 2}
    kept = f"{draft.history}/{draft.refused('refused again')}"
    assert draft.author.put(kept, {"label": "mine"})["label"] == "mine"
    assert draft.author.post(f"{kept}/restore", expect=200)["content"] == "refused again"


def test_restoring_honours_if_match(draft: Draft) -> None:
    oldest = f"{draft.history}/{draft.revisions()[0]['id']}/restore"
    draft.save("second")
    answer = draft.author.ask("POST", oldest, expect=412, headers={"If-Match": '"1-1"'})
    assert answer.get_json()["current"] == draft.author.get(draft.place)
    assert draft.author.get(draft.place)["content"] == "second"
    draft.author.post(oldest, expect=200, headers={"If-Match": answer.headers["ETag"]})


def test_a_restore_with_a_key_happens_once(draft: Draft) -> None:
    draft.save("second")
    oldest = f"{draft.history}/{draft.revisions()[-1]['id']}/restore"
    key = {"Idempotency-Key": "once"}
    first = draft.author.post(oldest, expect=200, headers=key)
    draft.save("third")
    again = draft.author.ask("POST", oldest, expect=200, headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_json() == first
    draft.author.delete(draft.place)
    assert draft.author.post(oldest, expect=200, headers=key) == first


def test_a_label_names_a_revision_and_the_newest_name_counts(service: Service, draft: Draft) -> None:
    only = f"{draft.history}/{draft.revisions()[0]['id']}"
    for label in ("one name", "another 名字"):
        answer = draft.author.put(only, {"label": label})
        assert answer == draft.revisions()[0]
        assert answer["label"] == draft.author.get(only)["label"] == label
    service.drain()
    assert draft.revisions()[0]["label"] == "another 名字"
    assert draft.author.get(draft.place)["version"] == 1


def test_a_label_closes_the_open_revision_and_no_other_one(service: Service, draft: Draft) -> None:
    draft.autosave("named")
    draft.author.put(f"{draft.history}/{draft.revisions()[0]['id']}", {"label": "a good moment"})
    draft.autosave("open")
    draft.author.put(f"{draft.history}/{draft.revisions()[-1]['id']}", {"label": "the beginning"})
    draft.autosave("open still")
    service.drain()
    assert draft.told() == [("save", "first"), ("autosave", "named"), ("autosave", "open still")]
    assert [each["label"] for each in draft.revisions()] == [None, "a good moment", "the beginning"]


@pytest.mark.parametrize("body", [{}, {"label": ""}, {"label": "x" * 121}, {"label": 1}, {"label": "a", "kind": "b"}])
def test_a_label_has_1_to_120_characters(draft: Draft, body: dict[str, Any]) -> None:
    only = f"{draft.history}/{draft.revisions()[0]['id']}"
    answer = draft.author.put(only, body, expect=422)
    assert set(answer["errors"]) <= {"label", "kind"}
    assert draft.author.get(only)["label"] is None


def everything(draft: Draft, revision_id: str) -> list[tuple[str, str]]:
    one = f"{draft.history}/{revision_id}"
    return [("GET", draft.history), ("GET", one), ("GET", f"{one}/diff"), ("POST", f"{one}/restore"), ("PUT", one)]


def test_other_people_get_404_whether_or_not_the_notebook_is_published(service: Service, draft: Draft) -> None:
    stranger = service.author()
    revision = draft.revisions()[0]["id"]
    for _ in range(2):
        for method, path in everything(draft, revision):
            stranger.ask(method, path, expect=404, json={"label": "mine"} if method == "PUT" else None)
            service.anyone().ask(method, path, expect=401, json={"label": "mine"} if method == "PUT" else None)
        draft.publish()
    assert draft.author.get(draft.place)["version"] == 1
    assert draft.author.get(f"{draft.history}/{revision}")["label"] is None


def test_a_revision_of_another_page_is_404(draft: Draft) -> None:
    other = Draft(draft.author, content="other")
    for method, path in everything(draft, other.revisions()[0]["id"])[1:]:
        draft.author.ask(method, path, expect=404, json={"label": "mine"} if method == "PUT" else None)
    mine = f"{draft.history}/{draft.revisions()[0]['id']}/diff"
    draft.author.get(f"{mine}?against={other.revisions()[0]['id']}", expect=404)
    draft.author.get(f"{mine}?against=", expect=422)


def test_in_the_trash_a_page_has_no_history(draft: Draft) -> None:
    revision = draft.revisions()[0]["id"]
    notebook = f"/notebooks/{draft.notebook['id']}"
    for thrown, taken_back in ((draft.place, f"{draft.place}/restore"), (notebook, f"{notebook}/restore")):
        draft.author.delete(thrown)
        for method, path in everything(draft, revision):
            draft.author.ask(method, path, expect=404, json={"label": "mine"} if method == "PUT" else None)
        draft.author.post(taken_back, expect=200)
        draft.author.get(draft.history)


def test_what_could_not_be_labelled_leaves_no_event_behind(service: Service, draft: Draft) -> None:
    draft.author.put(f"{draft.history}/{'0' * 32}", {"label": "nothing"}, expect=404)
    assert logged(service.engine, history_of(draft.id)) == []


def test_conflicts_and_labels_count_in_the_history_and_never_in_the_page(service: Service, draft: Draft) -> None:
    for number in range(3):
        kept = draft.refused(f"refused {number}")
        draft.author.put(f"{draft.history}/{kept}", {"label": f"conflict {number}"})
    assert draft.author.get(draft.place)["version"] == 1
    assert [event.version for event in logged(service.engine, history_of(draft.id))] == [1, 2, 3, 4, 5, 6]


def test_a_label_can_be_taken_off_and_with_it_the_pin(service: Service) -> None:
    draft = Draft(author := service.author())
    draft.autosave("written by itself")
    one = draft.revisions()[0]
    place = f"{draft.history}/{one['id']}"
    assert author.put(place, {"label": "Nombre"})["label"] == "Nombre"
    assert author.put(place, {"label": None})["label"] is None
    assert [draft.read(one)["label"], draft.revisions()[0]["label"]] == [None, None]
    with service.engine.connect() as connection:
        assert {each.label for each in thinning._history(connection, draft.id)} == {None}
    assert author.put(place, {"label": "第二"})["label"] == draft.read(one)["label"] == "第二"
    assert author.put(place, {"label": "  "})["label"] == draft.read(one)["label"] == "  "


@pytest.mark.parametrize(
    ("typed", "instead"),
    [
        ("Twenty minutes of typing, and more of it. " * 20, "x"),
        ("Veinte minutos de escribir, y más todavía. " * 20, ""),
        ("写了二十分钟，还要写下去。" * 20, "雨" * 260),
        ("Двадцать минут письма, и ещё немного. " * 20, "Совсем другой текст о цапле и реке. " * 21),
    ],
)
def test_typing_that_an_autosave_throws_away_is_in_the_list(service: Service, typed: str, instead: str) -> None:
    draft = Draft(service.author(), content="")
    for text in (typed, typed + "On.", instead, instead + "y"):
        draft.autosave(text)
    assert draft.told()[1:] == [("autosave", typed + "On."), ("autosave", instead + "y")]
