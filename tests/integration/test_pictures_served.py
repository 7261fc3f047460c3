"""Serving pictures: caches, parts, sizes that are not made yet, and what happens while a server is away."""

import io
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import func, select

from deploy.embedded import EmbeddedServices
from domain.picture import object_key, pictures
from infra.objects import Store
from tests.chaos.system import until
from tests.conftest import PATIENCE
from tests.integration.drawing import UPRIGHT, corners, opened, photograph
from tests.integration.test_pictures import UPLOADS, media, send
from tests.service import Service

IMMUTABLE = "public, max-age=31536000, immutable"
# The contract's word for an upload without its store.
AT_MOST = 5.0


@pytest.fixture
def no_store(service: Service, servers: EmbeddedServices) -> Iterator[EmbeddedServices]:
    yield servers
    if "objects" not in servers.processes:
        servers.start_one("objects")


def test_a_picture_is_kept_by_caches_for_ever_and_known_by_its_etag(service: Service) -> None:
    author, anyone = service.author(), service.anyone()
    image = send(author, photograph())
    service.drain()
    for size in ("original", "large", "medium", "small"):
        answer = media(anyone, image, size)
        assert answer.headers["Cache-Control"] == IMMUTABLE
        etag = answer.headers["ETag"]
        assert etag.startswith('"')
        for known in (etag, f'"x", {etag}', "*"):
            same = media(anyone, image, size, expect=304, headers={"If-None-Match": known})
            assert (same.data, same.headers["ETag"]) == (b"", etag)
        head = anyone.ask("HEAD", f"/media/{image['id']}/{size}", expect=200)
        assert int(head.headers["Content-Length"]) == len(answer.data)
        assert not head.data


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-999999999", slice(5, None)),
    ],
)
@pytest.mark.parametrize("size", [(120, 80), (1500, 1500)])
def test_parts_of_a_picture(service: Service, asked: str, part: slice, size: tuple[int, int]) -> None:
    author = service.author()
    image = send(author, photograph(size=size, quality=100))
    whole = media(author, image).data
    answer = media(author, image, expect=206, headers={"Range": asked})
    assert answer.data == whole[part]
    first = whole.index(answer.data) if part.stop else len(whole) - len(answer.data)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.data) - 1}/{len(whole)}"
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_parts_that_are_not_there_and_wishes_that_are_not_for_us(service: Service) -> None:
    author = service.author()
    image = send(author, photograph())
    whole = media(author, image)
    refused = media(author, image, expect=416, headers={"Range": f"bytes={len(whole.data)}-"})
    assert refused.headers["Content-Range"] == f"bytes */{len(whole.data)}"
    for headers in (
        {"Range": "bytes=0-1,3-4"},
        {"Range": "lines=0-1"},
        {"Range": "bytes=x"},
        {"Range": "bytes=0-1", "If-Range": '"another"'},
    ):
        assert media(author, image, expect=200, headers=headers).data == whole.data
    ranged = {"Range": "bytes=0-1", "If-Range": whole.headers["ETag"]}
    assert media(author, image, expect=206, headers=ranged).data == whole.data[:2]


def test_a_size_that_is_not_made_yet_is_answered_with_a_larger_one_and_not_kept_for_ever(service: Service) -> None:
    author = service.author()
    image = send(author, photograph(size=(900, 600)))
    early = media(author, image, "small")
    assert early.data == media(author, image, "original").data
    assert early.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    service.drain()
    time.sleep(service.settings.lease_seconds)
    late = media(author, image, "small", headers={"If-None-Match": early.headers["ETag"]})
    assert max(opened(late.data).size) == 320
    assert late.headers["Cache-Control"] == IMMUTABLE


def test_what_is_not_there_is_404(service: Service) -> None:
    author = service.author()
    image = send(author, photograph())
    media(author, image, "huge", expect=404)
    media(author, {"id": "0" * 32}, expect=404)
    Store(service.settings).remove(object_key(image["id"], "original"))
    service.app.extensions["sinpluma"].reads.memory.clear()
    media(author, image, expect=404)


def test_with_a_public_store_readers_are_sent_there(service: Service) -> None:
    author = service.author()
    image = send(author, photograph())
    settings = replace(service.settings, s3_public_endpoint=service.settings.s3_endpoint)
    reader = Service(settings, service.engine, wipe=False).anyone()
    answer = media(reader, image, expect=302)
    signed = answer.headers["Location"]
    assert signed.startswith(service.settings.s3_endpoint)
    assert urlsplit(signed).path.endswith(object_key(image["id"], "original"))
    assert corners(opened(httpx.get(signed).content)) == UPRIGHT
    assert media(reader, image, expect=302).headers["Location"] == signed
    forged = signed.replace(image["id"], "0" * 32)
    assert httpx.get(forged).status_code in (400, 403)


def test_without_the_store_uploads_are_refused_in_time_and_everything_comes_back(
    service: Service, no_store: EmbeddedServices
) -> None:
    author = service.author()
    waiting, small = send(author, photograph(size=(640, 480))), send(author, photograph())
    assert media(author, small).data
    no_store.stop_one("objects")
    began = time.monotonic()
    refused = author.ask("POST", UPLOADS, expect=503, data={"file": (io.BytesIO(photograph()), "a.jpg")})
    assert time.monotonic() - began < AT_MOST
    assert refused.headers["Retry-After"]
    assert author.get(UPLOADS)["total"] == 2
    # Cached, and nothing to do with pictures: works.
    assert media(author, small).data
    assert author.notebook()
    service.relay.run_once()
    service.work()
    assert author.get(f"{UPLOADS}/{waiting['id']}")["status"] == "processing"
    no_store.start_one("objects")
    with service.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(pictures)) == 2

    def is_ready() -> bool:
        # In new queues all that is pending is due, also what a worker has tried before it saw that the store is back.
        service.redis.flushall()
        service.relay.run_once()
        service.work()
        return bool(author.get(f"{UPLOADS}/{waiting['id']}")["status"] == "ready")

    until(is_ready, PATIENCE, "the picture's sizes")
    assert send(author, photograph())


def test_a_store_that_hangs_holds_no_request_longer_than_five_seconds(
    service: Service, servers: EmbeddedServices
) -> None:
    author = service.author()
    servers.kill("objects", signal.SIGSTOP)
    try:
        began = time.monotonic()
        send(author, photograph(), expect=503)
        assert time.monotonic() - began < AT_MOST
    finally:
        servers.kill("objects", signal.SIGCONT)
    assert send(author, photograph())


def test_a_picture_that_fails_says_why_and_can_be_retried(service: Service) -> None:
    author = service.author()
    image = send(author, photograph())
    store = Store(service.settings)
    key = object_key(image["id"], "original")
    original = b"".join(store.read(key))
    store.remove(key)
    service.drain()
    failed = author.get(f"{UPLOADS}/{image['id']}")
    assert (failed["status"], failed["error"]) == ("failed", "The original is not in the store.")
    put(service, key, original)
    assert author.post(f"{UPLOADS}/{image['id']}/retry", expect=200)["status"] == "processing"
    author.post(f"{UPLOADS}/{image['id']}/retry", expect=409)
    service.drain()
    ready = author.get(f"{UPLOADS}/{image['id']}")
    assert ready["status"] == "ready"
    assert "error" not in ready


def put(service: Service, key: str, content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        Store(service.settings).put(key, Path(file.name), "image/jpeg")


def test_a_picture_deleted_before_its_sizes_are_made_stays_deleted(service: Service) -> None:
    author = service.author()
    image = send(author, photograph())
    author.delete(f"{UPLOADS}/{image['id']}")
    service.drain()
    author.get(f"{UPLOADS}/{image['id']}", expect=404)


def test_an_avatar_must_be_a_picture_of_ones_own(service: Service) -> None:
    author, other = service.author(), service.author()
    image = send(author, photograph())
    path = f"/media/{image['id']}/small"
    profile = author.put(f"/users/{author.id}", {"avatar_image_id": image["id"]})
    assert profile["avatar_url"] == f"/api/v1{path}"
    assert author.notebook()["owner"]["avatar_url"] == f"/api/v1{path}"
    assert media(service.anyone(), image, "small").data
    other.put(f"/users/{other.id}", {"avatar_image_id": image["id"]}, expect=422)
    author.put(f"/users/{author.id}", {"avatar_image_id": "0" * 32}, expect=422)
