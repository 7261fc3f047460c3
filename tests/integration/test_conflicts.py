"""Two people, or two tabs, save one page: whoever comes second is told, and no text is lost."""

import itertools
import random
import time
from string import ascii_letters
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.commands import pages
from domain.commands.pages import EditPage, Merge
from tests.integration.writing import in_threads
from tests.service import Author, Service

BASE = "one\n\ntwo\n\nthree\n"
FIRST, LAST, BOTH = "ONE\n\ntwo\n\nthree\n", "one\n\ntwo\n\nTHREE\n", "ONE\n\ntwo\n\nTHREE\n"


class Desk:
    """An author with one page, who saves it as an editor does: on the version that was read."""

    def __init__(self, service: Service, content: str = BASE) -> None:
        self.service = service
        self.author = service.author()
        self.notebook = self.author.notebook("Walks")
        self.page = self.author.page(self.notebook["id"], "A page", content)
        self.place = f"/notebooks/{self.notebook['id']}/pages/{self.page['id']}"

    def read(self) -> str:
        """The ETag of the page as it is now."""
        return str(self.author.ask("GET", self.place, expect=200).headers["ETag"])

    def save(self, etag: str | None, expect: int = 200, more: dict[str, str] | None = None, **changes: Any) -> Any:
        headers = ({"If-Match": etag} if etag else {}) | (more or {})
        return self.author.put(self.place, changes, expect=expect, headers=headers)

    def revisions(self) -> list[dict[str, Any]]:
        """With their texts, newest first."""
        self.service.drain()
        listed = self.author.get(f"/pages/{self.page['id']}/revisions?per_page=100")["items"]
        return [self.author.get(f"/pages/{self.page['id']}/revisions/{each['id']}") for each in listed]


@pytest.fixture
def desk(service: Service) -> Desk:
    return Desk(service)


def test_a_save_on_what_was_read_is_taken(desk: Desk) -> None:
    saved = desk.save(desk.read(), content="new")
    assert (saved["version"], saved["content"]) == (2, "new")


def test_a_stale_edit_is_refused_and_its_text_is_kept(desk: Desk) -> None:
    etag = desk.read()
    current = desk.save(None, content="uno\n\ntwo\n\nthree\n")
    refused = desk.save(etag, expect=412, content="ONE\n\ntwo\n\nthree\n")
    assert refused["current"] == current == desk.author.get(desk.place)
    assert refused["merged"] is None
    (kept,) = [each for each in desk.revisions() if each["kind"] == "conflict"]
    assert kept["id"] == refused["conflict_revision_id"]
    assert (kept["title"], kept["content"], kept["version"]) == ("A page", "ONE\n\ntwo\n\nthree\n", 1)


@pytest.mark.parametrize(
    ("theirs", "mine", "merged"),
    [
        ({"content": FIRST}, {"content": LAST}, ("A page", BOTH)),
        ({"content": BASE + "\nfour\n"}, {"title": "Mine"}, ("Mine", BASE + "\nfour\n")),
        ({"title": "Theirs"}, {"content": FIRST}, ("Theirs", FIRST)),
        ({"content": "same"}, {"content": "same"}, ("A page", "same")),
        ({"title": "Theirs"}, {"title": "Mine"}, None),
        ({"content": BASE + "theirs\n"}, {"content": BASE + "mine\n"}, None),
        ({"content": ""}, {"content": FIRST}, None),
    ],
)
def test_both_edits_are_merged_on_their_common_base_when_that_is_clean(
    desk: Desk, theirs: dict[str, Any], mine: dict[str, Any], merged: tuple[str, str] | None
) -> None:
    etag = desk.read()
    desk.save(None, **theirs)
    refused = desk.save(etag, expect=412, **mine)
    assert refused["merged"] == (merged and {"title": merged[0], "content": merged[1]})
    if merged:
        saved = desk.save(desk.read(), **refused["merged"])
        assert (saved["title"], saved["content"]) == merged


def test_the_common_base_may_lie_several_versions_back(desk: Desk) -> None:
    etag = desk.read()
    for number in range(5):
        desk.save(None, content=f"one {number}\n\ntwo\n\nthree\n")
    refused = desk.save(etag, expect=412, content="one\n\ntwo\n\nthree!\n")
    assert refused["merged"]["content"] == "one 4\n\ntwo\n\nthree!\n"
    assert refused["current"]["version"] == 6


def test_a_refused_edit_changes_neither_the_page_nor_its_version(desk: Desk) -> None:
    etag = desk.read()
    current = desk.save(None, content="theirs")
    for number in range(3):
        desk.save(etag, expect=412, content=f"mine {number}")
    assert desk.author.get(desk.place) == current
    assert desk.save(None, content="later")["version"] == 3


def test_what_a_stale_edit_leaves_out_stays_as_it_was_read(desk: Desk) -> None:
    """Whoever changed a title only did not mean the text that came since."""
    etag = desk.read()
    desk.save(None, content="theirs")
    refused = desk.save(etag, expect=412, title="Mine")
    (kept,) = [each for each in desk.revisions() if each["id"] == refused["conflict_revision_id"]]
    assert (kept["title"], kept["content"]) == ("Mine", BASE)


def test_without_if_match_the_last_writer_wins_and_the_other_text_is_in_the_revisions(desk: Desk) -> None:
    desk.save(None, content="first")
    desk.save(None, content="second")
    assert desk.author.get(desk.place)["content"] == "second"
    assert [each["content"] for each in desk.revisions()] == ["second", "first", BASE]


def test_an_autosave_that_comes_late_is_kept_like_any_other(desk: Desk) -> None:
    etag = desk.read()
    desk.save(None, content="theirs")
    refused = desk.save(etag, expect=412, content="typed meanwhile", autosave=True)
    kept = {each["id"]: each["content"] for each in desk.revisions()}
    assert kept[refused["conflict_revision_id"]] == "typed meanwhile"


@pytest.mark.parametrize("etag", ['"nothing of ours"', '"999999999-1"', '"0-1"', "garbage", '"p1-1"'])
def test_a_version_that_never_was_is_refused_without_a_merge(desk: Desk, etag: str) -> None:
    refused = desk.save(etag, expect=412, content="mine")
    assert refused["merged"] is None
    assert refused["current"]["content"] == BASE
    (kept,) = [each for each in desk.revisions() if each["kind"] == "conflict"]
    assert (kept["id"], kept["content"], kept["version"]) == (refused["conflict_revision_id"], "mine", 0)


def test_a_star_takes_whatever_is_there(desk: Desk) -> None:
    desk.save(None, content="theirs")
    assert desk.save("*", content="mine")["version"] == 3


def test_a_repeated_stale_edit_with_a_key_gets_the_same_answer_and_one_revision(desk: Desk) -> None:
    etag = desk.read()
    desk.save(None, content="theirs")
    key = {"Idempotency-Key": "my stale save"}
    answers = [desk.save(etag, expect=412, more=key, content="mine") for _ in range(3)]
    assert len({answer["conflict_revision_id"] for answer in answers}) == 1
    assert [each["content"] for each in desk.revisions() if each["kind"] == "conflict"] == ["mine"]


def test_of_many_who_save_on_the_same_version_one_is_taken_and_no_text_is_lost(desk: Desk) -> None:
    etag = desk.read()
    texts = [f"text of writer {number}" for number in range(8)]

    def write(content: str) -> Any:
        mine = Author(desk.service.client(), "", desk.author.token, desk.author.id)
        answer = mine.client.put(
            f"/api/v1{desk.place}",
            json={"content": content},
            headers={"If-Match": etag, "Authorization": f"Bearer {mine.token}"},
        )
        return answer.status_code, answer.get_json()

    answers = in_threads(write, texts)
    assert sorted(status for status, _ in answers) == [200] + [412] * 7
    (taken,) = [body for status, body in answers if status == 200]
    assert all(body["current"] == taken for status, body in answers if status == 412)
    assert sorted(each["content"] for each in desk.revisions()) == sorted([BASE, *texts])


def test_nobody_else_can_leave_a_conflict_behind(desk: Desk, service: Service) -> None:
    stranger = service.author()
    stranger.put(desk.place, {"content": "not mine"}, expect=404, headers={"If-Match": '"9-1"'})
    desk.author.post(f"/notebooks/{desk.notebook['id']}/publish", expect=200)
    stranger.put(desk.place, {"content": "not mine"}, expect=403, headers={"If-Match": '"9-1"'})
    assert [each["kind"] for each in desk.revisions()] == ["publish", "save"]


# --- what a merge may cost --------------------------------------------------------------------------------------------


def random_lines(seed: int, count: int) -> str:
    return "".join(f"{letter}\n" for letter in random.Random(seed).choices(ascii_letters, k=count))


@pytest.mark.parametrize("lines", [50_000, 500_000], ids=["99 KB", "1 MiB"])
def test_the_merge_of_two_tangled_texts_is_given_up_and_the_refused_one_is_kept(service: Service, lines: int) -> None:
    desk = Desk(service, random_lines(1, lines))
    stale = desk.read()
    desk.save(stale, content=random_lines(2, lines))
    mine = random_lines(3, lines)
    began = time.process_time()
    refused = desk.save(stale, 412, content=mine)
    assert time.process_time() - began < 2.0
    assert refused["merged"] is None
    kept = desk.author.get(f"/pages/{desk.page['id']}/revisions/{refused['conflict_revision_id']}")
    assert (kept["kind"], kept["content"]) == ("conflict", mine)


def test_nobody_waits_for_a_merge_that_another_one_needs(
    desk: Desk, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the merge is made, the page is free: another save goes through, and the merge is made anew with it."""
    stale = desk.read()
    desk.save(stale, content=FIRST)
    seen: list[int] = []
    made = pages.merge_of

    def meanwhile(engine: Engine, command: EditPage) -> Merge | None:
        merge = made(engine, command)
        if not seen:
            seen.append(desk.save(None, content="ONE\n\nTWO\n\nthree\n")["version"])
        return merge

    monkeypatch.setattr("domain.commands.pages.merge_of", meanwhile)
    refused = desk.save(stale, 412, content=LAST)
    assert refused["current"]["version"] == seen[0]
    assert refused["merged"]["content"] == "ONE\n\nTWO\n\nTHREE\n"


def test_a_page_that_never_rests_costs_no_more_than_two_merges(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = desk.read()
    desk.save(stale, content=FIRST)
    made, saves = pages.merge_of, itertools.count()

    def meanwhile(engine: Engine, command: EditPage) -> Merge | None:
        merge = made(engine, command)
        desk.save(None, content=f"{FIRST}\n{next(saves)}\n")
        return merge

    monkeypatch.setattr("domain.commands.pages.merge_of", meanwhile)
    refused = desk.save(stale, 412, content=LAST)
    assert (refused["merged"], next(saves)) == (None, 2)
    assert refused["conflict_revision_id"]
