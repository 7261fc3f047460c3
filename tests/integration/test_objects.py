"""The door to the object store, held against two servers that have nothing in common but S3."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from minio.error import MinioException

from infra import objects
from infra.clock import now
from infra.objects import BadCopy, NoSuchObject, Store, StoreAway
from infra.settings import Settings

KEY = "pictures/0123/original"


@pytest.fixture
def store(each_store: Settings) -> Store:
    made = Store(each_store)
    for each in list(made.under("")):
        made.remove(each.key)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "file"
    found.write_bytes(os.urandom(200_000))
    return found


def test_what_is_put_can_be_read_listed_and_removed(store: Store, file: Path, tmp_path: Path) -> None:
    store.put(KEY, file, "image/jpeg")
    assert store.has(KEY)
    assert b"".join(store.read(KEY)) == file.read_bytes()
    store.fetch(KEY, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()
    (listed,) = store.under("pictures/")
    assert (listed.key, listed.bytes) == (KEY, 200_000)
    assert abs(listed.modified - now()) < timedelta(minutes=1)
    assert list(store.under("other/")) == []
    store.remove(KEY)
    assert not store.has(KEY)


@pytest.mark.parametrize(("start", "length"), [(0, 1), (10, 20), (199_990, 0), (199_990, 10)])
def test_a_part_can_be_read(store: Store, file: Path, start: int, length: int) -> None:
    store.put(KEY, file, "image/jpeg")
    whole = file.read_bytes()
    assert b"".join(store.read(KEY, start, length)) == whole[start : start + length if length else None]


def test_what_is_put_again_is_replaced(store: Store, file: Path) -> None:
    store.put(KEY, file, "image/jpeg")
    file.write_bytes(b"something else")
    store.put(KEY, file, "image/png")
    assert b"".join(store.read(KEY)) == b"something else"


def test_what_is_not_there_is_told_apart_from_a_store_that_is_away(store: Store) -> None:
    assert not store.has(KEY)
    with pytest.raises(NoSuchObject):
        store.read(KEY)
    store.remove(KEY)


@pytest.mark.parametrize("length", [0, 1, 6_000_000, 17_000_000])
def test_every_length_is_put_in_one_piece_and_known_by_its_hash(
    store: Store, file: Path, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object of several parts has an ETag of its own kind, and one that is cut off leaves parts that no listing
    shows."""
    monkeypatch.setattr(Store, "_digest", lambda *_: pytest.fail("the ETag did not do"))
    file.write_bytes(os.urandom(length))
    store.put(KEY, file, "image/jpeg")
    (listed,) = store.under("")
    assert listed.bytes == length
    assert len(store._client.stat_object(store.bucket, KEY).etag or "") == 32


def test_a_store_whose_etag_is_no_hash_is_read_back(store: Store, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = objects._digest
    monkeypatch.setattr(objects, "_digest", lambda path, name: "x" if name == "md5" else digest(path, name))
    store.put(KEY, file, "image/jpeg")
    monkeypatch.setattr(objects, "_digest", lambda path, name: "x")
    with pytest.raises(BadCopy):
        store.put(KEY, file, "image/jpeg")


def test_more_than_one_page_of_a_listing_is_read(store: Store, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(b"x")
    for number in range(7):
        store.put(f"pictures/{number}/original", file, "image/jpeg")
    ask, pages = store._client._list_objects, []

    def three_at_a_time(*arguments: object, **options: object) -> Iterator[object]:
        pages.append(1)
        return ask(*arguments, **options | {"max_keys": 3})  # type: ignore[arg-type]

    monkeypatch.setattr(store._client, "_list_objects", three_at_a_time)
    assert len(list(store.under("pictures/"))) == 7


def test_it_says_what_time_it_is(store: Store) -> None:
    told = store.now()
    assert told is not None
    assert abs(told - now()) < timedelta(minutes=1)


def test_a_signed_url_shows_one_object_for_a_while(each_store: Settings, store: Store, file: Path) -> None:
    store.put(KEY, file, "image/jpeg")
    public = Store(replace(each_store, s3_public_endpoint=each_store.s3_endpoint))
    url = public.public_url(KEY, timedelta(hours=1), datetime.now(UTC)) or ""
    answer = httpx.get(url)
    assert (answer.status_code, answer.content) == (200, file.read_bytes())
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert httpx.get(url, headers={"Range": "bytes=0-9"}).content == file.read_bytes()[:10]
    late = public.public_url(KEY, timedelta(hours=1), datetime.now(UTC) - timedelta(hours=2)) or ""
    for refused in (url.replace("0123", "4567"), late, url.partition("?")[0]):
        assert httpx.get(refused).status_code in (400, 401, 403)
    assert store.public_url(KEY, timedelta(hours=1), datetime.now(UTC)) is None


@pytest.mark.parametrize("wrong", [{"s3_secret_key": "wrong"}, {"s3_access_key": "un:known"}])
def test_a_store_that_does_not_know_us_is_away_and_has_not_lost_anything(
    each_store: Settings, store: Store, file: Path, wrong: dict[str, Any]
) -> None:
    store.put(KEY, file, "image/jpeg")
    stranger = Store(replace(each_store, **wrong))
    for ask in (
        lambda: stranger.has(KEY),
        lambda: stranger.read(KEY),
        lambda: stranger.remove(KEY),
        lambda: stranger.put(KEY, file, "image/jpeg"),
        lambda: list(stranger.under("")),
    ):
        with pytest.raises(StoreAway):
            ask()
    with pytest.raises((MinioException, LookupError)):
        objects.check(replace(each_store, **wrong))
    assert store.has(KEY)


def test_a_bucket_that_is_missing_is_not_an_empty_one(each_store: Settings, file: Path) -> None:
    nowhere = replace(each_store, s3_bucket="no-such-bucket")
    with pytest.raises(LookupError):
        objects.check(nowhere)
    with pytest.raises(StoreAway):
        list(Store(nowhere).under(""))
    with pytest.raises(StoreAway):
        Store(nowhere).put(KEY, file, "image/jpeg")


def test_a_bucket_is_made_once_however_often_it_is_asked_for(each_store: Settings) -> None:
    another = replace(each_store, s3_bucket="made-twice")
    for _ in range(2):
        objects.create_bucket(another)
    objects.check(another)
    assert list(Store(another).under("")) == []
