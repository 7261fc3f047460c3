"""The sweep: every orphan goes, nothing that is used ever goes, and where it is not sure it touches nothing."""

import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from domain.commands.pictures import RESERVE, reserve_picture
from domain.commands.sweeping import orphan_objects
from domain.picture import object_key, pictures, reservations
from domain.unit_of_work import Cause, perform
from events.deliveries import deliveries
from events.subscriptions import TRACK_REFERENCES
from infra import objects
from infra.clock import now, secret_id
from infra.objects import Store, StoreAway
from infra.settings import CHECKOUT, Settings
from operate.sweep import report
from tests.integration.drawing import photograph
from tests.integration.test_parked import park
from tests.integration.test_picture_references import link
from tests.integration.test_pictures import UPLOADS, media, send
from tests.service import Author, Service
from workers import sweep as sweeping
from workers.clock import Chore, Clock, all_chores
from workers.sweep import Removal, Sweep, SweepRefused, every

GRACE = 60
# Two looks with the grace between them, without waiting for it.
FIRST, SECOND = 0.0, GRACE + 1.0


@pytest.fixture(autouse=True)
def _empty_bucket(service: Service) -> None:
    store = Store(service.settings)
    for each in list(store.under("")):
        store.remove(each.key)


def sweep(service: Service, after: float = FIRST, dry_run: bool = False, **settings: Any) -> list[Removal]:
    """What a run removes that many seconds from now."""
    chosen = replace(service.settings, **{"orphan_grace_seconds": GRACE, **settings})
    return Sweep(service.engine, chosen, now() + timedelta(seconds=after), dry_run).run()


def put(service: Service, picture_id: str, content: bytes = b"a stray object", settings: Settings | None = None) -> str:
    key = object_key(picture_id, "original")
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        Store(settings or service.settings).put(key, Path(file.name), "image/jpeg")
    return key


def keys(service: Service) -> set[str]:
    return {each.key for each in Store(service.settings).under("pictures/")}


def ids(author: Author) -> set[str]:
    return {image["id"] for image in author.get(UPLOADS)["items"]}


def used_picture(author: Author) -> dict[str, Any]:
    image: dict[str, Any] = send(author, photograph())
    author.page(author.notebook()["id"], content=link(image))
    return image


def test_what_nothing_uses_goes_with_its_objects_and_what_is_used_stays(service: Service) -> None:
    author = service.author()
    used, unused = used_picture(author), send(author, photograph())
    service.drain()
    assert sweep(service, FIRST) == []
    assert sweep(service, GRACE - 5) == []
    assert [each.what for each in sweep(service, SECOND)] == ["picture", "objects"]
    assert ids(author) == {used["id"]}
    assert {key.split("/")[1] for key in keys(service)} == {used["id"]}
    media(service.anyone(), unused, expect=404)
    with service.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(pictures)) == 1
    assert sweep(service, SECOND) == []


def test_a_picture_that_is_used_again_has_its_whole_grace_again(service: Service) -> None:
    author = service.author()
    image = send(author, photograph())
    notebook = author.notebook()["id"]
    page = f"/notebooks/{notebook}/pages/{author.page(notebook, content='')['id']}"
    sweep(service, FIRST)
    author.put(page, {"content": link(image), "autosave": True})
    service.drain()
    assert sweep(service, SECOND) == []
    author.put(page, {"content": "gone", "autosave": True})
    service.drain()
    assert sweep(service, SECOND) == []
    assert ids(author) == {image["id"]}
    assert sweep(service, SECOND + SECOND)


@pytest.mark.parametrize("given_up", [False, True], ids=["not yet", "given up"])
def test_a_link_that_no_worker_has_seen_holds_the_picture(service: Service, given_up: bool) -> None:
    author = service.author()
    image = send(author, photograph())
    sweep(service, FIRST)
    author.page(author.notebook()["id"], content=link(image))
    if given_up:
        service.relay.run_once()
        park(service.engine, deliveries.c.reaction == TRACK_REFERENCES)
    # The save itself lets it off at the first of these looks; from then on only the link holds it.
    for look in (1, 2, 3):
        assert sweep(service, look * SECOND) == []
    assert ids(author) == {image["id"]}


def test_an_avatar_and_the_trash_hold_their_pictures(service: Service) -> None:
    author = service.author()
    face, trashed = send(author, photograph()), send(author, photograph())
    author.put(f"/users/{author.id}", {"avatar_image_id": face["id"]})
    notebook = author.notebook()["id"]
    author.page(notebook, content=link(trashed))
    author.delete(f"/notebooks/{notebook}")
    service.drain()
    sweep(service, FIRST)
    assert sweep(service, SECOND) == []


def test_other_peoples_links_hold_nothing(service: Service) -> None:
    author, other = service.author(), service.author()
    image = send(author, photograph())
    other.page(other.notebook()["id"], content=link(image))
    service.drain()
    sweep(service, FIRST)
    assert sweep(service, SECOND)[0].key == image["id"]


def test_the_objects_of_a_deleted_picture_go(service: Service) -> None:
    author = service.author()
    kept, gone = send(author, photograph()), send(author, photograph())
    service.drain()
    author.delete(f"{UPLOADS}/{gone['id']}")
    assert [(each.what, each.key) for each in sweep(service)] == [("objects", gone["id"])]
    assert {key.split("/")[1] for key in keys(service)} == {kept["id"]}


def test_an_upload_that_died_half_way_goes_and_can_not_be_born_any_more(service: Service) -> None:
    author = service.author()
    kept = used_picture(author)
    cause = Cause(author.id, "a-test")
    picture_id = perform(service.engine, cause, lambda uow: reserve_picture(RESERVE, uow))
    put(service, picture_id)
    assert sweep(service, FIRST) == []
    assert [(each.what, each.key) for each in sweep(service, SECOND)] == [("upload", picture_id)]
    assert {key.split("/")[1] for key in keys(service)} == {kept["id"]}
    with service.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(reservations)) == 0


def test_an_object_that_no_row_knows_goes_when_it_is_found_again(service: Service) -> None:
    author = service.author()
    used_picture(author)
    stray = put(service, secret_id())
    assert sweep(service, SECOND) == []
    with service.engine.connect() as connection:
        assert connection.scalar(select(orphan_objects.c.key)) == stray
    assert [each.key for each in sweep(service, SECOND + SECOND)] == [stray]
    assert stray not in keys(service)
    with service.engine.connect() as connection:
        assert connection.scalar(select(orphan_objects.c.key)) is None


def test_a_dry_run_tells_all_and_changes_nothing(service: Service) -> None:
    author = service.author()
    used_picture(author)
    unused = send(author, photograph())
    sweep(service, FIRST)
    before = keys(service)
    (told,) = sweep(service, SECOND, dry_run=True)
    assert (told.what, told.key, told.bytes) == ("picture", unused["id"], unused["bytes"])
    assert keys(service) == before
    assert len(ids(author)) == 2


def test_it_refuses_an_empty_database(service: Service) -> None:
    author = service.author()
    used_picture(author)
    before = keys(service)
    with service.engine.begin() as connection:
        connection.execute(delete(pictures))
    for after in (FIRST, SECOND, SECOND + SECOND):
        with pytest.raises(SweepRefused, match="database knows none"):
            sweep(service, after)
    assert keys(service) == before


def test_it_refuses_a_database_that_knows_less_than_half_of_the_bucket(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "MOST_REMOVALS", 1)
    author = service.author()
    used_picture(author)
    strays = {put(service, secret_id()) for _ in range(3)}
    for after in (FIRST, SECOND, SECOND + SECOND):
        with pytest.raises(SweepRefused, match="does not know 3 of 4 pictures; was it restored"):
            sweep(service, after)
    assert strays < keys(service)


def test_it_refuses_another_bucket(service: Service) -> None:
    author = service.author()
    used_picture(author)
    with service.engine.begin() as connection:
        connection.execute(update(pictures).values(created_at=now() - timedelta(days=1)))
    elsewhere = replace(service.settings, s3_bucket="another-bucket")
    objects.create_bucket(elsewhere)
    with pytest.raises(SweepRefused, match="bucket"):
        sweep(service, SECOND, s3_bucket="another-bucket")


def test_it_refuses_another_bucket_with_other_peoples_objects(service: Service) -> None:
    used_picture(service.author())
    elsewhere = replace(service.settings, s3_bucket="somebody-elses")
    objects.create_bucket(elsewhere)
    theirs = put(service, secret_id(), settings=elsewhere)
    for after in (FIRST, SECOND, SECOND + SECOND):
        with pytest.raises(SweepRefused, match="database knows none"):
            sweep(service, after, s3_bucket="somebody-elses")
    assert Store(elsewhere).has(theirs)


def test_it_refuses_a_bucket_that_is_not_there(service: Service) -> None:
    used_picture(service.author())
    with pytest.raises(StoreAway):
        sweep(service, SECOND, s3_bucket="no-such-bucket")


@pytest.mark.parametrize("kind", ["picture", "object", "upload"])
def test_it_removes_so_many_at_once_and_no_more(service: Service, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    author = service.author()
    used_picture(author)
    # Known to be used: what is marked and found used when its turn comes takes a place all the same.
    service.drain()
    for _ in range(3):
        if kind == "picture":
            send(author, photograph())
        elif kind == "object":
            put(service, secret_id())
        else:
            perform(service.engine, Cause(author.id, "a-test"), lambda uow: reserve_picture(RESERVE, uow))
    sweep(service, FIRST)
    monkeypatch.setattr(sweeping, "MOST_REMOVALS", 2)
    # The brake that compares both is of no concern here.
    monkeypatch.setattr(Sweep, "_refuse_other_database", lambda *_: None)
    counts = [sum(each.what == kind for each in sweep(service, SECOND)) for _ in range(3)]
    assert counts == [2, 1, 0]


def test_a_tombstone_whose_objects_could_not_go_is_cleared_by_the_next_run(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    author = service.author()
    used_picture(author)
    gone = send(author, photograph())
    service.drain()
    author.delete(f"{UPLOADS}/{gone['id']}")

    def away(*_: object) -> None:
        raise StoreAway("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "remove", away)
        with pytest.raises(StoreAway):
            sweep(service)
    media(service.anyone(), gone, expect=404)
    assert any(gone["id"] in key for key in keys(service))
    assert [(each.what, each.key) for each in sweep(service)] == [("objects", gone["id"])]
    assert not any(gone["id"] in key for key in keys(service))


def test_objects_that_a_row_names_and_the_store_has_not_are_told_of(service: Service) -> None:
    author = service.author()
    whole, torn = used_picture(author), used_picture(author)
    service.drain()
    store = Store(service.settings)
    lost = [object_key(torn["id"], size) for size in ("original", "large")]
    for key in lost:
        store.remove(key)
    chosen = replace(service.settings, orphan_grace_seconds=GRACE)
    for dry_run in (True, False):
        run = Sweep(service.engine, chosen, now() + timedelta(seconds=SECOND), dry_run)
        assert run.run() == []
        assert run.missing == lost
    told = list(report(chosen, service.engine, now() + timedelta(seconds=SECOND), dry_run=True))
    assert [line.split(":")[0] for line in told[:-1]] == [f"missing {key}" for key in lost]
    assert ids(author) == {whole["id"], torn["id"]}


@pytest.mark.parametrize("days", [2, -2])
def test_it_refuses_when_the_clock_is_days_off(service: Service, days: int) -> None:
    author = service.author()
    send(author, photograph())
    sweep(service, FIRST)
    with pytest.raises(SweepRefused, match="clock"):
        sweep(service, days * 86400.0)
    assert ids(author)


def test_links_and_a_sweep_without_any_grace_never_cross(service: Service) -> None:
    """While pictures are linked as fast as they come, a sweep runs over and over. What a save got in time is there;
    what the sweep got first is gone as a whole, before the link was acknowledged."""
    author = service.author()
    used_picture(author)
    notebook = author.notebook()["id"]
    uploaded = [send(author, photograph()) for _ in range(12)]
    stop = threading.Event()
    failures: list[BaseException] = []

    def sweeping() -> None:
        try:
            while not stop.is_set():
                sweep(service, orphan_grace_seconds=0)
        except BaseException as error:
            failures.append(error)

    sweeper = threading.Thread(target=sweeping)
    sweeper.start()
    linked = []
    for image in uploaded:
        author.page(notebook, content=link(image))
        if image["id"] in ids(author):
            linked.append(image)
    stop.set()
    sweeper.join(30)
    assert not failures
    service.drain()
    sweep(service, orphan_grace_seconds=0)
    for image in linked:
        assert media(author, image).data


def test_the_clock_sweeps_at_the_pace_of_the_grace(service: Service) -> None:
    author = service.author()
    used_picture(author)
    send(author, photograph())
    hasty = replace(service.settings, orphan_grace_seconds=0)
    assert every(hasty) == timedelta(seconds=5)
    assert every(service.settings) == timedelta(hours=1)
    (chore,) = (each for each in all_chores(hasty) if each.name == "sweep-pictures")
    service.drain()
    for number in range(2):
        again = (Chore(f"{chore.name}-{number}", chore.every, chore.work),)
        assert Clock(service.engine, hasty, again).run_due()
    assert len(ids(author)) == 1


def test_the_command_tells_what_it_would_do_and_fails_where_it_refuses(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    author = service.author()
    used_picture(author)

    def run(*options: str) -> Any:
        command = [sys.executable, "run.py", "sweep", *options]
        return subprocess.run(command, cwd=CHECKOUT, env=os.environ, capture_output=True, text=True, timeout=60)

    told = run("--dry-run")
    assert (told.returncode, told.stdout) == (0, "0 would be removed, 0 bytes\n"), told.stderr
    image = send(author, photograph())
    author.delete(f"{UPLOADS}/{image['id']}")
    wish = f"objects {image['id']}: deleted at "
    for options, verb in ((["--dry-run"], "would be removed"), ([], "removed")):
        said = run(*options).stdout.splitlines()
        assert said[0].startswith(wish)
        assert said[0].endswith(f", {image['bytes']} bytes")
        assert said[1] == f"1 {verb}, {image['bytes']} bytes"
    assert not any(image["id"] in key for key in keys(service))
    with service.engine.begin() as connection:
        connection.execute(delete(pictures))
    refused = run()
    assert refused.returncode == 1
    assert "nothing is swept: the database knows none" in refused.stderr
    monkeypatch.setenv("S3_BUCKET", "no-such-bucket")
    refused = run()
    assert refused.returncode == 1
    assert "nothing is swept: the store" in refused.stderr
    assert "NoSuchBucket" in refused.stderr
