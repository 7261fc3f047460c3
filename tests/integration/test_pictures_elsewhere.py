"""The life of a picture on the other object store.

``make test S3=swift ARGS="-k picture"`` holds all tests of pictures against it.
"""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import Engine

from infra.clock import now
from infra.objects import Store
from infra.settings import Settings
from tests.integration.drawing import UPRIGHT, corners, opened, photograph
from tests.integration.test_pictures import UPLOADS, media, send
from tests.service import Service
from workers import thumbnails
from workers.sweep import Sweep

GRACE = 60


@pytest.fixture
def elsewhere(each_store: Settings, db: Engine, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service with that store; the worker reads its settings from the environment."""
    for name in ("s3_endpoint", "s3_access_key", "s3_secret_key"):
        monkeypatch.setenv(name.upper(), getattr(each_store, name))
    monkeypatch.setattr(thumbnails, "_stores", {})
    for each in list(Store(each_store).under("")):
        Store(each_store).remove(each.key)
    return Service(each_store, db)


def test_a_picture_from_its_upload_to_its_end(elsewhere: Service) -> None:
    author, anyone = elsewhere.author(), elsewhere.anyone()
    image = send(author, photograph(orientation=6, size=(1000, 600)))
    elsewhere.drain()
    assert author.get(f"{UPLOADS}/{image['id']}")["status"] == "ready"
    for size in ("original", "large", "medium", "small"):
        assert corners(opened(media(anyone, image, size).data)) == UPRIGHT
    whole = media(anyone, image).data
    assert media(anyone, image, expect=206, headers={"Range": "bytes=5-9"}).data == whole[5:10]
    # The longest unused is looked at first; one that is used shows that bucket and database belong together.
    used = send(author, photograph())
    author.page(author.notebook()["id"], content=f"![]({used['url']})")
    elsewhere.drain()
    settings = replace(elsewhere.settings, orphan_grace_seconds=GRACE)
    assert Sweep(elsewhere.engine, settings, now()).run() == []
    gone = Sweep(elsewhere.engine, settings, now() + timedelta(seconds=GRACE + 1)).run()
    assert [(each.what, each.key) for each in gone] == [("picture", image["id"]), ("objects", image["id"])]
    left = {each.key.split("/")[1] for each in Store(settings).under("pictures/")}
    assert left == {used["id"]}


def test_readers_are_sent_to_a_public_store(elsewhere: Service) -> None:
    image = send(elsewhere.author(), photograph())
    settings = replace(elsewhere.settings, s3_public_endpoint=elsewhere.settings.s3_endpoint)
    signed = media(Service(settings, elsewhere.engine, wipe=False).anyone(), image, expect=302).headers["Location"]
    assert urlsplit(signed).netloc == urlsplit(settings.s3_endpoint).netloc
    assert corners(opened(httpx.get(signed).content)) == UPRIGHT
