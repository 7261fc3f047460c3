"""What is published is a snapshot: readers see exactly what was there at the last publish, less what was taken away."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine

from infra.settings import Settings
from tests.integration.writing import in_threads, repeated_in_background
from tests.service import Author, Service


@dataclass
class Writing:
    """What an author has, and what readers ought to see of it: the rules of the contract in a few dictionaries."""

    author: Author
    place: str
    draft: list[str] = field(default_factory=list)
    trash: list[str] = field(default_factory=list)
    texts: dict[str, tuple[str, str]] = field(default_factory=dict)
    # ``{page id: (title, content)}`` in order, None when it is not published.
    shown: dict[str, tuple[str, str]] | None = None

    def page(self, page_id: str) -> str:
        return f"{self.place}/pages/{page_id}"

    def add(self, dice: random.Random) -> None:
        order = dice.choice([None, 1, 2, 99])
        title, content = f"Page {len(self.texts)}", f"text {dice.random()}"
        more = {} if order is None else {"order": order}
        made = self.author.page(self.place.split("/")[2], title, content, **more)
        self.draft.insert(len(self.draft) if order is None else min(order - 1, len(self.draft)), made["id"])
        self.texts[made["id"]] = (title, content)

    def save(self, dice: random.Random) -> None:
        if self.draft:
            page_id = dice.choice(self.draft)
            content = f"text {dice.random()}"
            self.author.put(self.page(page_id), {"content": content, "autosave": dice.random() < 0.5})
            self.texts[page_id] = (self.texts[page_id][0], content)

    def reorder(self, dice: random.Random) -> None:
        dice.shuffle(self.draft)
        self.author.put(f"{self.place}/pages/order", {"page_ids": self.draft})

    def trash_page(self, dice: random.Random) -> None:
        if self.draft:
            page_id = self.draft.pop(dice.randrange(len(self.draft)))
            self.author.delete(self.page(page_id))
            self.trash.append(page_id)
            if self.shown:
                self.shown.pop(page_id, None)

    def restore_page(self, dice: random.Random) -> None:
        if self.trash:
            page_id = self.trash.pop(dice.randrange(len(self.trash)))
            assert self.author.post(f"{self.page(page_id)}/restore", expect=200)["order"] == len(self.draft) + 1
            self.draft.append(page_id)

    def publish(self, dice: random.Random) -> None:
        self.author.post(f"{self.place}/publish", expect=200)
        self.shown = {page_id: self.texts[page_id] for page_id in self.draft}

    def unpublish(self, dice: random.Random) -> None:
        self.author.post(f"{self.place}/unpublish", expect=200)
        self.shown = None

    def trash_and_restore(self, dice: random.Random) -> None:
        self.author.delete(self.place)
        self.author.post(f"{self.place}/restore", expect=200)
        self.shown = None


STEPS = [Writing.add, Writing.save, Writing.publish] * 3 + [
    Writing.reorder,
    Writing.trash_page,
    Writing.restore_page,
    Writing.unpublish,
    Writing.trash_and_restore,
]


def begin(service: Service) -> Writing:
    author = service.author()
    return Writing(author, f"/notebooks/{author.notebook('Walks')['id']}")


def what_readers_see(reader: Author, writing: Writing) -> dict[str, tuple[str, str]] | None:
    """Asked for the notebook and for every page there ever was; both must agree."""
    held = {page_id: reader.client.get(f"/api/v1{writing.page(page_id)}") for page_id in writing.texts}
    pages = {page_id: answer.get_json() for page_id, answer in held.items() if answer.status_code == 200}
    answer = reader.client.get(f"/api/v1{writing.place}")
    if answer.status_code == 404:
        assert pages == {}
        return None
    listed = answer.get_json()["pages"]
    assert {page["id"] for page in listed} == set(pages)
    assert [pages[page["id"]]["order"] for page in listed] == list(range(1, len(listed) + 1))
    return {page["id"]: (page["title"], pages[page["id"]]["content"]) for page in listed}


@pytest.mark.parametrize("seed", range(3))
def test_readers_see_the_last_published_state_whatever_the_author_does(
    service: Service, settings: Settings, db: Engine, seed: int
) -> None:
    other = Service(settings, db, wipe=False)
    dice = random.Random(seed)
    writing = begin(service)
    for _ in range(25):
        dice.choice(STEPS)(writing, dice)
        for reader in (service.anyone(), other.anyone()):
            seen = what_readers_see(reader, writing)
            assert seen == writing.shown
            assert seen is None or list(seen) == list(writing.shown or ())
        mine = writing.author.get(writing.place)
        assert [page["id"] for page in mine["pages"]] == writing.draft
        assert mine["status"] == ("draft" if writing.shown is None else "published")
        if dice.random() < 0.3:
            service.drain()


def test_a_publication_is_one_state_of_the_notebook_even_while_others_save(service: Service) -> None:
    """Each page says in its text which version it is; a reader never sees text and version of different saves."""
    writing = begin(service)
    for _ in range(4):
        writing.add(random.Random(1))
    reader = service.anyone()

    def save(page_id: str) -> None:
        mine = Author(service.client(), "", writing.author.token, writing.author.id)
        for version in range(2, 22):
            assert mine.put(writing.page(page_id), {"content": f"version {version}"})["version"] == version

    def publish_and_read() -> None:
        published = writing.author.post(f"{writing.place}/publish", expect=200)
        for page in published["pages"]:
            seen = reader.get(writing.page(page["id"]))
            assert seen["content"].endswith(str(seen["version"])) or seen["version"] == 1
            assert seen["version"] == page["version"], "the answer lists what was published, and no later save"

    with repeated_in_background(publish_and_read):
        in_threads(save, writing.draft)
    writing.author.post(f"{writing.place}/publish", expect=200)
    assert [reader.get(writing.page(each))["content"] for each in writing.draft] == ["version 21"] * 4


def test_an_unpublished_change_is_one_that_readers_do_not_see(service: Service) -> None:
    writing = begin(service)
    dice = random.Random(1)
    writing.add(dice)
    writing.add(dice)
    assert not pending(writing), "what was never published differs in nothing"
    writing.publish(dice)
    assert not pending(writing)
    for change in (
        lambda: writing.save(dice),
        lambda: writing.add(dice),
        lambda: writing.author.put(writing.place, {"title": f"Walks {dice.random()}"}),
        lambda: writing.author.put(writing.place, {"metadata": {"n": dice.random()}}),
        lambda: writing.author.put(f"{writing.place}/pages/order", {"page_ids": writing.draft[::-1]}),
    ):
        change()
        assert pending(writing)
        writing.draft = [page["id"] for page in writing.author.get(writing.place)["pages"]]
        writing.publish(dice)
        assert not pending(writing)
    writing.trash_page(dice)
    assert not pending(writing), "a deleted page is gone for readers too"
    writing.restore_page(dice)
    assert pending(writing)
    writing.unpublish(dice)
    assert not pending(writing)


def pending(writing: Writing) -> bool:
    alone = writing.author.get(writing.place)["has_unpublished_changes"]
    (listed,) = writing.author.get("/notebooks")["items"]
    assert listed["has_unpublished_changes"] is alone
    return bool(alone)


def test_a_repeated_publish_changes_nothing_and_a_new_one_does(service: Service) -> None:
    writing = begin(service)
    dice = random.Random(1)
    writing.add(dice)
    first = writing.author.post(f"{writing.place}/publish", expect=200)
    reader = service.anyone()
    seen = reader.ask("GET", writing.place, expect=200)
    assert writing.author.post(f"{writing.place}/publish", expect=200) == first
    again = reader.ask("GET", writing.place, expect=200)
    assert (again.get_data(), again.headers["ETag"]) == (seen.get_data(), seen.headers["ETag"])
    writing.save(dice)
    second = writing.author.post(f"{writing.place}/publish", expect=200)
    assert second["version"] > first["version"]
    assert second["published_at"] > first["published_at"]


def search(someone: Author, words: str, **more: str) -> list[str]:
    asked = "&".join(f"{name}={value}" for name, value in more.items())
    return [hit["page_id"] for hit in someone.get(f"/search?q={words}&{asked}")["items"]]


def test_a_search_by_readers_finds_the_snapshot_and_nothing_that_was_taken_away(service: Service) -> None:
    author, reader = service.author(), service.anyone()
    place = f"/notebooks/{author.notebook('Walks')['id']}"
    page = author.page(place.split("/")[2], "A bird", "A heron stands")
    author.post(f"{place}/publish", expect=200)
    author.put(f"{place}/pages/{page['id']}", {"content": "A stork stands"})
    service.drain()
    assert (search(reader, "heron"), search(reader, "stork")) == ([page["id"]], [])
    assert (search(author, "heron"), search(author, "stork")) == ([], [page["id"]])
    author.post(f"{place}/unpublish", expect=200)
    assert search(reader, "heron") == [], "before any worker has run"
    service.drain()
    assert search(reader, "heron") == []
    assert search(author, "stork") == [page["id"]]


@pytest.mark.parametrize("what", ["notebook", "page"])
def test_a_deleted_page_is_found_by_nobody_at_once(service: Service, what: str) -> None:
    author, reader = service.author(), service.anyone()
    place = f"/notebooks/{author.notebook('Walks')['id']}"
    page = author.page(place.split("/")[2], "A bird", "A heron stands")
    author.post(f"{place}/publish", expect=200)
    service.drain()
    assert search(reader, "heron") == search(author, "heron") == [page["id"]]
    author.delete(place if what == "notebook" else f"{place}/pages/{page['id']}")
    for _ in range(2):
        assert search(reader, "heron") == search(author, "heron") == []
        assert reader.get("/search?q=heron")["total"] == 0
        service.drain()


def test_what_comes_back_from_the_trash_is_found_by_its_author_and_by_no_reader(service: Service) -> None:
    author, reader = service.author(), service.anyone()
    place = f"/notebooks/{author.notebook('Walks')['id']}"
    page = author.page(place.split("/")[2], "A bird", "A heron stands")
    author.post(f"{place}/publish", expect=200)
    author.delete(place)
    author.post(f"{place}/restore", expect=200)
    service.drain()
    assert (search(author, "heron"), search(reader, "heron")) == ([page["id"]], [])
    author.delete(f"{place}/pages/{page['id']}")
    author.post(f"{place}/pages/{page['id']}/restore", expect=200)
    service.drain()
    assert (search(author, "heron"), search(reader, "heron")) == ([page["id"]], [])


def test_publishing_cuts_a_revision_of_each_page_that_changed_since(service: Service) -> None:
    author = service.author()
    place = f"/notebooks/{author.notebook('Walks')['id']}"
    pages = [author.page(place.split("/")[2], f"Page {number}") for number in range(2)]
    author.post(f"{place}/publish", expect=200)
    author.put(f"{place}/pages/{pages[0]['id']}", {"content": "changed"})
    author.post(f"{place}/publish", expect=200)
    author.post(f"{place}/publish", expect=200)
    service.drain()
    kinds = [kinds_of(author, page) for page in pages]
    assert kinds == [["publish", "save", "publish", "save"], ["publish", "save"]]


def kinds_of(author: Author, page: dict[str, Any]) -> list[str]:
    return [each["kind"] for each in author.get(f"/pages/{page['id']}/revisions")["items"]]


def test_what_is_published_again_is_listed_before_any_worker_has_heard_of_the_trash(service: Service) -> None:
    author = service.author()
    notebook = author.notebook("Tides")
    author.page(notebook["id"])
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    service.drain()

    author.delete(f"/notebooks/{notebook['id']}")
    assert service.anyone().get("/notebooks?public=true")["items"] == []

    author.post(f"/notebooks/{notebook['id']}/restore", expect=200)
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    assert [each["title"] for each in author.get("/notebooks?public=true")["items"]] == ["Tides"]
