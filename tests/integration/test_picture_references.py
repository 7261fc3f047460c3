"""What uses a picture, and that nothing used is deleted by mistake."""

from typing import Any

import pytest
from sqlalchemy import select

from domain.picture import pictures
from events import log
from events.subscriptions import TRACK_REFERENCES
from read_models import references
from read_models.references import picture_references, reference_sources
from tests.integration.drawing import photograph
from tests.integration.test_pictures import UPLOADS, send
from tests.integration.writing import dump, event_ids
from tests.service import Author, Service
from workers.reaction_table import SUBSCRIPTIONS


def link(image: dict[str, Any]) -> str:
    return f"Look: ![boat]({image['url']})"


def why(author: Author, image: dict[str, Any]) -> list[dict[str, Any]]:
    """The references that a deletion is refused for."""
    refused: list[dict[str, Any]] = author.delete(f"{UPLOADS}/{image['id']}", expect=409)["references"]
    return refused


def kinds(author: Author, image: dict[str, Any]) -> list[str]:
    return [each["kind"] for each in why(author, image)]


@pytest.mark.parametrize("worked", [True, False])
def test_a_link_counts_at_once_worker_or_no_worker(service: Service, worked: bool) -> None:
    author = service.author()
    image = send(author, photograph())
    notebook = author.notebook()["id"]
    page = author.page(notebook, content=link(image))["id"]
    if worked:
        service.drain()
    place = {"page_id": page, "notebook_id": notebook}
    assert why(author, image) == [{"kind": "page", **place}, {"kind": "revision", **place}]
    assert author.get(f"{UPLOADS}?unused=true")["total"] == 0
    author.delete(f"{UPLOADS}/{image['id']}?force=true")
    author.get(f"{UPLOADS}/{image['id']}", expect=404)


def test_each_kind_of_use(service: Service) -> None:
    author = service.author()
    image, other = send(author, photograph()), send(author, photograph())
    notebook = author.notebook()["id"]
    page = f"/notebooks/{notebook}/pages/{author.page(notebook, content=link(image))['id']}"
    author.post(f"/notebooks/{notebook}/publish", expect=200)
    assert kinds(author, image) == ["page", "published", "revision"]
    author.put(page, {"content": "no picture"})
    assert kinds(author, image) == ["published", "revision"]
    author.post(f"/notebooks/{notebook}/publish", expect=200)
    assert kinds(author, image) == ["revision"]
    author.put(f"/users/{author.id}", {"avatar_image_id": other["id"]})
    assert why(author, other) == [{"kind": "avatar", "page_id": None, "notebook_id": None}]
    author.put(f"/users/{author.id}", {"avatar_image_id": None})
    author.delete(f"{UPLOADS}/{other['id']}")


def test_what_lies_in_the_trash_goes_on_using_its_pictures(service: Service) -> None:
    author = service.author()
    image = send(author, photograph())
    notebook = author.notebook()["id"]
    page = author.page(notebook, content=link(image))["id"]
    author.post(f"/notebooks/{notebook}/publish", expect=200)
    author.delete(f"/notebooks/{notebook}/pages/{page}")
    assert kinds(author, image) == ["page", "revision"]
    author.delete(f"/notebooks/{notebook}")
    assert kinds(author, image) == ["page", "revision"]


def test_other_peoples_links_do_not_hold_a_picture(service: Service) -> None:
    author, other = service.author(), service.author()
    image = send(author, photograph())
    other.page(other.notebook()["id"], content=link(image))
    service.drain()
    assert author.get(f"{UPLOADS}?unused=true")["total"] == 1
    author.delete(f"{UPLOADS}/{image['id']}")


def test_autosaves_hold_what_their_revision_shows_last(service: Service) -> None:
    author = service.author()
    image = send(author, photograph())
    notebook = author.notebook()["id"]
    page = f"/notebooks/{notebook}/pages/{author.page(notebook, content='')['id']}"
    author.put(page, {"content": link(image), "autosave": True})
    assert kinds(author, image) == ["page", "revision"]
    author.put(page, {"content": "gone again", "autosave": True})
    assert author.get(f"{UPLOADS}?unused=true")["total"] == 1
    author.delete(f"{UPLOADS}/{image['id']}")


def test_a_refused_text_holds_its_pictures(service: Service) -> None:
    author = service.author()
    image = send(author, photograph())
    notebook = author.notebook()["id"]
    page = f"/notebooks/{notebook}/pages/{author.page(notebook, content='one')['id']}"
    author.put(page, {"content": "two"})
    author.put(page, {"content": link(image)}, headers={"If-Match": '"1"'}, expect=412)
    assert kinds(author, image) == ["revision"]


def test_any_order_of_events_gives_the_same_references(service: Service) -> None:
    author = service.author()
    image, other = send(author, photograph()), send(author, photograph())
    notebook = author.notebook()["id"]
    page = f"/notebooks/{notebook}/pages/{author.page(notebook, content=link(image))['id']}"
    for number in range(3):
        author.put(page, {"content": link(other) + str(number), "autosave": True})
        author.post(f"/notebooks/{notebook}/publish", expect=200)
    author.put(page, {"content": link(image) + link(other)})
    author.post(f"/notebooks/{notebook}/unpublish", expect=200)
    service.drain()
    both = (reference_sources, picture_references)
    expected = dump(service.engine, both)
    with service.engine.connect() as connection:
        every = log.load(connection, event_ids(service.engine))
    ids = [event.id for event in every if TRACK_REFERENCES in (SUBSCRIPTIONS.get(event.fact.name) or ())]
    for order in (ids, ids[::-1], ids[::2] + ids[1::2]):
        with service.engine.begin() as connection:
            for each in both:
                connection.execute(each.delete())
        for event_id in order:
            with service.engine.begin() as connection:
                references.project(connection, log.load(connection, [event_id]))
        assert dump(service.engine, both) == expected


def test_a_save_notes_on_the_picture_itself_that_it_is_used(service: Service) -> None:
    author = service.author()
    image = send(author, photograph())
    author.page(author.notebook()["id"], content=link(image))
    with service.engine.connect() as connection:
        assert connection.scalar(select(pictures.c.linked_at)) is not None
