"""What caches hold: for how long, in which shape, and under which ids."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from api import presenters
from domain.commands.accounts import EditProfile, edit_profile
from infra import shared_cache
from infra.settings import Settings
from infra.shared_cache import SECONDS_TO_LIVE, SharedCache
from queries.answer import Shape
from tests.integration.writing import do
from tests.service import Author, Service


@pytest.fixture
def published(service: Service) -> tuple[Author, str]:
    """An author, and the way to a published page."""
    author = service.author()
    notebook = author.notebook()
    page = author.page(notebook["id"], content="A heron stands.")
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    return author, f"/notebooks/{notebook['id']}/pages/{page['id']}"


def reader(settings: Settings, service: Service) -> Author:
    """Someone who asks a process of their own."""
    return Service(settings, service.engine, wipe=False).anyone()


def until(condition: Callable[[], bool], work: Callable[[], object]) -> None:
    for _ in range(1000):
        work()
        if condition():
            return
    raise AssertionError("it never came about")


def soon_forgotten(redis: Redis) -> list[bytes]:
    """Let all that has a time to live end soon; the names."""
    names = [name for name in redis.scan_iter("sinpluma:*") if redis.ttl(name) > 0]
    for name in names:
        redis.expire(name, 60)
    return names


def test_what_is_read_again_and_again_never_leaves_the_shared_cache(
    service: Service, settings: Settings, published: tuple[Author, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, page = published
    monkeypatch.setattr(shared_cache, "TELL_AGAIN_SECONDS", 0.0)
    someone = reader(settings, service)
    someone.get(page)
    someone.get(page.partition("/pages")[0])
    names = soon_forgotten(service.redis)
    kinds = {name.split(b":")[1] for name in names}
    assert kinds == {b"publication", b"profile", b"answer"}

    def read() -> None:
        someone.get(page)
        someone.get(page.partition("/pages")[0])

    until(lambda: all(service.redis.ttl(name) > 60 for name in names), read)


def test_what_was_told_lately_is_not_told_again(service: Service, published: tuple[Author, str]) -> None:
    someone, page = service.anyone(), published[1]
    someone.get(page)
    before = service.redis.info("commandstats")["cmdstat_set"]["calls"]
    for _ in range(20):
        someone.get(page)
    assert service.redis.info("commandstats")["cmdstat_set"]["calls"] == before


def test_an_equal_version_renews_the_time_to_live_and_an_older_one_does_nothing(
    service: Service, settings: Settings
) -> None:
    cache = SharedCache(shared_cache.connect(settings))
    assert cache.put_newest("publication:a", 2, b"two")
    service.redis.expire("sinpluma:publication:a", 60)
    assert cache.put_newest("publication:a", 1, b"one")
    assert service.redis.ttl("sinpluma:publication:a") <= 60
    assert cache.put_newest("publication:a", 2, b"two")
    assert service.redis.ttl("sinpluma:publication:a") > SECONDS_TO_LIVE - 60
    assert cache.newest("publication:a") == b"two"
    assert cache.put_newest("publication:a", 3, b"three")
    assert cache.newest("publication:a") == b"three"


def with_a_mood(row: dict[str, Any]) -> dict[str, Any]:
    return {**presenters.page_row(row), "mood": "grey"}


@pytest.mark.parametrize("view", ["draft", "published"])
def test_a_new_field_makes_new_bytes_and_new_etags_in_both_directions(
    service: Service, settings: Settings, published: tuple[Author, str], view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a rolling update: processes of both kinds beside each other, one Redis, readers who know an ETag."""
    author, page = published
    new = Service(settings, service.engine, wipe=False)
    old_code = Author(service.client(), author.name, author.token, author.id)
    new_code = Author(new.client(), author.name, author.token, author.id)
    path = f"{page}?view={view}"
    before = old_code.ask("GET", path, expect=200)
    old_shape = presenters.PAGE
    monkeypatch.setattr(presenters, "PAGE", Shape(with_a_mood, "of the new code"))
    known = {"If-None-Match": before.headers["ETag"]}
    after = new_code.ask("GET", path, expect=200, headers=known)
    assert after.get_json() == {**before.get_json(), "mood": "grey"}
    assert after.headers["ETag"] != before.headers["ETag"]
    # The old code's process goes on beside it, and its memory has what the new code asked for as well.
    assert old_code.ask("GET", path, expect=200, headers=known).get_json()["mood"] == "grey"
    monkeypatch.setattr(presenters, "PAGE", old_shape)
    assert old_code.ask("GET", path, expect=304, headers=known).headers["ETag"] == before.headers["ETag"]
    assert new_code.ask("GET", path, expect=200).get_json() == before.get_json()


SPELT = {
    "a blank behind": "{}%20",
    "a blank before": "%20{}",
    "capitals": "{upper}",
    "a digit less": "{short}",
    "a digit more": "{}0",
    "another script's digit": "{short}%D9%A3",
    "a tab": "{}%09",
}


@pytest.mark.parametrize("how", SPELT.values(), ids=SPELT)
def test_an_id_spelt_otherwise_is_404_and_makes_no_entry_in_any_cache(
    service: Service, published: tuple[Author, str], how: str
) -> None:
    author, page = published
    author.get(page)
    notebook_id, page_id = page.split("/")[2], page.split("/")[4]
    memory = service.app.extensions["sinpluma"].reads.memory
    before = memory.used_bytes, sorted(service.redis.scan_iter())

    def spelt(identifier: str) -> str:
        return how.format(identifier, upper=identifier[:-1] + "A", short=identifier[:-1])

    for path in (
        f"/notebooks/{spelt(notebook_id)}",
        f"/notebooks/{notebook_id}/pages/{spelt(page_id)}",
        f"/pages/{spelt(page_id)}/revisions",
        f"/users/{spelt(str(author.id))}",
        f"/media/{spelt(page_id)}/small",
        f"/uploads/images/{spelt(page_id)}",
    ):
        author.get(path, expect=404)
        service.anyone().get(path, expect=404)
    assert (memory.used_bytes, sorted(service.redis.scan_iter())) == before


def test_no_process_keeps_more_than_the_setting_allows(service: Service, settings: Settings) -> None:
    small = Service(replace(settings, cache_bytes=1024 * 1024), service.engine, wipe=False)
    author = service.author()
    notebook = author.notebook()
    pages = [author.page(notebook["id"], content="x" * 200_000)["id"] for _ in range(8)]
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    memory = small.app.extensions["sinpluma"].reads.memory
    for page in pages:
        small.anyone().get(f"/notebooks/{notebook['id']}/pages/{page}")
        assert memory.used_bytes <= 1024 * 1024
    assert memory.used_bytes > 600_000


def test_a_list_tells_of_each_change_whatever_was_told_before(service: Service) -> None:
    """What is finished of a notebook is told again only as long as nothing that it is made of has changed."""
    author = service.author()
    notebook = author.notebook()["id"]
    author.notebook("Another")
    place = f"/notebooks/{notebook}"
    page = f"{place}/pages/{author.page(notebook)['id']}"
    renamed = {"display_name": "Somebody else"}
    changes: list[Callable[[], object]] = [
        lambda: author.put(place, {"title": "Walks", "metadata": {"a": 1}}),
        lambda: author.put(page, {"content": "One, two, three."}),
        lambda: author.put(page, {"content": "Two, three, four."}),
        lambda: author.post(f"{place}/publish", expect=200),
        lambda: author.put(page, {"content": "Five, six, seven."}),
        lambda: author.delete(page),
        lambda: author.post(f"{page}/restore", expect=200),
        lambda: do(service.engine, edit_profile, EditProfile(str(author.id), renamed), str(author.id)),
        lambda: author.post(f"{place}/unpublish", expect=200),
        lambda: author.delete(place),
    ]
    for change in changes:
        change()
        service.app.extensions["sinpluma"].reads.current.wait_out()
        for path in ("/notebooks", "/notebooks?trashed=true"):
            cold = Service(service.settings, service.engine, wipe=False)
            author.client, warm = cold.client(), author.client
            afresh = author.get(path)
            author.client = warm
            assert author.get(path) == afresh
            service.drain()
            assert author.get(path) == afresh
            assert afresh["total"] == len(afresh["items"])


def test_behind_the_last_page_of_a_list_the_total_is_known(service: Service) -> None:
    author = service.author()
    for _ in range(3):
        author.notebook()
    assert [author.get(f"/notebooks?page={page}&per_page=2")["total"] for page in (1, 2, 3, 9)] == [3, 3, 3, 3]
    assert author.get("/notebooks?trashed=true")["total"] == 0
