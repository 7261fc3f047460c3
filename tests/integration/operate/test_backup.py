"""A backup under load, brought back elsewhere: everything acknowledged before it is there, byte for byte."""

import gc
import gzip
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, text

from infra.database import metadata, write_engine
from infra.identity import database_id, works_from
from infra.marks import FOLDER, KEY, claim_bucket
from infra.migrating import migrate
from infra.objects import Store
from infra.s3_client import connect
from infra.settings import CHECKOUT, Settings
from operate.backup import archive, in_the_way, restoring, rows, scratch, writing
from operate.backup.archive import BackupRefused, Reader
from operate.backup.pictures import put_back
from tests.comparison import differences
from tests.e2e.running import wait_for
from tests.integration.drawing import photograph
from tests.integration.operate.elsewhere import elsewhere, files, objects_of, schemas
from tests.integration.writing import dump
from tests.service import Author, Service

TEXTS = ("Some words.", "Otra señora, 学而时习之, 😀", "tabs\tand\nlines\r\n and \\ ' \" quotes \u2028", "x" * 300_000)
RECORD = [each for each in metadata.sorted_tables if each.name not in rows.NOT_CARRIED]


@pytest.fixture
def target(settings: Settings) -> Iterator[Settings]:
    with elsewhere(settings) as chosen:
        yield chosen


def a_life(service: Service) -> Author:
    """Pages with revisions, a publication, a label, a picture, something in the trash, and a receipt."""
    author = service.author()
    image = author.post("/uploads/images", data={"file": (io.BytesIO(photograph(size=(1000, 700))), "boat.jpg")})
    notebook = author.notebook(metadata={"tags": ["a", "ü"]})
    for content in TEXTS:
        page = author.page(notebook["id"], content=f"{content}\n\n![a boat]({image['url']})")
        author.put(f"/notebooks/{notebook['id']}/pages/{page['id']}", {"content": content + " More."})
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    service.drain()
    revision = author.get(f"/pages/{page['id']}/revisions")["items"][0]
    author.put(f"/pages/{page['id']}/revisions/{revision['id']}", {"label": "the best"})
    author.delete(f"/notebooks/{author.notebook('Thrown away')['id']}")
    author.ask("POST", "/notebooks", expect=201, json={"title": "Once"}, headers={"Idempotency-Key": "k1"})
    service.drain()
    return author


def shown(service: Service, author: Author) -> Any:
    """What the author is shown, all of it."""
    notebooks = author.get("/notebooks")["items"] + author.get("/notebooks?trashed=true")["items"]
    pages = [
        page for each in notebooks if each["page_count"] for page in author.get(f"/notebooks/{each['id']}")["pages"]
    ]
    revisions = [author.get(f"/pages/{page['id']}/revisions") for page in pages]
    texts = [
        author.get(f"/pages/{page['id']}/revisions/{each['id']}")
        for page, listed in zip(pages, revisions, strict=True)
        for each in listed["items"]
    ]
    return notebooks, pages, revisions, texts, author.get("/search?q=words"), author.get("/uploads/images")


def at(settings: Settings, engine: Engine, author: Author) -> tuple[Service, Author]:
    """The same author, at the service of these settings."""
    there = Service(settings, engine, wipe=False)
    return there, Author(there.client(), author.name, author.token, author.id)


def test_what_was_backed_up_is_shown_elsewhere_as_it_was(service: Service, target: Settings, tmp_path: Path) -> None:
    author = a_life(service)
    before, record = shown(service, author), dump(service.engine, RECORD)
    made = writing.back_up(service.settings, tmp_path / "b.tar.gz", with_secrets=False)
    assert made.missing == []
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    assert files(tmp_path) == {"b.tar.gz"}
    restored = restoring.restore(target, restoring.opened(tmp_path / "b.tar.gz"), force=False)
    assert (restored.rows, restored.objects, restored.warnings) == (made.rows, made.objects, [])
    there = write_engine(target, pool_size=2)
    try:
        assert dump(there, RECORD) == record
        assert differences(there) == []
        assert shown(*at(target, there, author)) == before
    finally:
        there.dispose()
    ours = objects_of(service.settings)
    assert objects_of(target) == {key: ours[key] for key in objects_of(target)}
    assert len(objects_of(target)) == made.objects >= 4
    assert not [name for name in schemas(target) if name.endswith(("_verify", "_restore"))]


def test_a_backup_under_load_holds_everything_acknowledged_before_it(
    service: Service, target: Settings, tmp_path: Path
) -> None:
    author = service.author()
    notebook = author.notebook()
    stop, acknowledged = threading.Event(), list[str]()

    def write() -> None:
        mine = Author(service.client(), author.name, author.token, author.id)
        while not stop.is_set():
            acknowledged.append(mine.page(notebook["id"], content="Written meanwhile.")["id"])

    writers = [threading.Thread(target=write) for _ in range(2)]
    for each in writers:
        each.start()
    try:
        wait_for(lambda: len(acknowledged) > 20, 30, "some pages")
        before = set(acknowledged)
        writing.back_up(service.settings, tmp_path / "b", with_secrets=False)
        wait_for(lambda: len(acknowledged) > len(before) + 5, 30, "pages during and after it")
    finally:
        stop.set()
        for each in writers:
            each.join()
    restoring.restore(target, restoring.opened(tmp_path / "b"), force=False)
    there = write_engine(target, pool_size=2)
    try:
        with there.connect() as connection:
            pages = set(connection.scalars(text("SELECT id FROM pages")))
            listed = connection.scalar(text("SELECT page_ids FROM notebooks"))
            views = set(connection.scalars(text("SELECT page_id FROM page_views")))
        assert before <= pages <= set(acknowledged) | pages
        # Of one moment: the notebook lists exactly the pages that there are, and the read models show them.
        assert pages == set(listed.split(",")) == views
        assert differences(there) == []
    finally:
        there.dispose()


def test_a_restore_takes_the_place_of_what_is_there_only_when_forced(
    service: Service, target: Settings, tmp_path: Path
) -> None:
    author = a_life(service)
    first = restoring.opened(_backed_up(service.settings, tmp_path / "first"))
    author.post("/uploads/images", data={"file": (io.BytesIO(photograph(size=(90, 70))), "later.jpg")})
    second = restoring.opened(_backed_up(service.settings, tmp_path / "second"))
    restoring.restore(target, second, force=False)
    newer = set(objects_of(target))
    with pytest.raises(BackupRefused, match=r"1 accounts.*--force"):
        restoring.restore(target, first, force=False)
    assert set(objects_of(target)) == newer
    assert restoring.restore(target, first, force=True).removed == 1
    assert set(objects_of(target)) < newer


def test_the_database_stays_the_one_that_it_was_and_takes_the_newer_schema(
    service: Service, target: Settings, tmp_path: Path
) -> None:
    migrate(target, "0011")
    before = identity_of(target)[0]
    assert before
    restoring.restore(target, restoring.opened(_backed_up(service.settings, tmp_path / "b")), force=False)
    assert identity_of(target) == (before, "0010")


def identity_of(settings: Settings) -> tuple[str | None, str | None]:
    engine = write_engine(settings, pool_size=1)
    try:
        with engine.connect() as connection:
            return database_id(connection), works_from(connection)
    finally:
        engine.dispose()


def test_a_proof_changes_nothing(service: Service, settings: Settings, tmp_path: Path) -> None:
    a_life(service)
    path = _backed_up(settings, tmp_path / "b")
    before = dump(service.engine)
    proven = restoring.verify(settings, restoring.opened(path))
    assert proven.rows > 20
    assert dump(service.engine) == before
    assert not [name for name in schemas(settings) if name.endswith(("_verify", "_restore"))]


def test_a_bucket_that_another_service_has_marked_is_taken_over_only_when_told(
    service: Service, target: Settings, tmp_path: Path
) -> None:
    """As after the loss of a database: the new one has another id, and bucket and Redis bear the old one's."""
    a_life(service)
    reader = restoring.opened(_backed_up(service.settings, tmp_path / "b"))
    store = Store(target)
    claim_bucket(store, "0" * 32)
    with pytest.raises(BackupRefused, match=rf"marked as that of the database {'0' * 32}.*--take-over"):
        restoring.restore(target, reader, force=True)
    assert [each.key for each in store.under("")] == [f"{FOLDER}{'0' * 32}"]
    assert not [name for name in schemas(target) if name.endswith("_restore")]
    assert restoring.restore(target, reader, force=False, take_over=True).warnings == []
    assert [each.key for each in store.under(FOLDER)] == [f"{FOLDER}{identity_of(target)[0]}"]
    assert service.redis.get(KEY) == str(identity_of(target)[0]).encode()
    service.redis.delete(KEY)


def test_a_bucket_that_was_lost_gets_its_pictures_back_and_nothing_else_changes(
    service: Service, settings: Settings, tmp_path: Path
) -> None:
    store = Store(settings)
    for each in list(store.under("")):
        # Of other tests.
        store.remove(each.key)
    author = a_life(service)
    reader = restoring.opened(_backed_up(settings, tmp_path / "b"))
    later = author.post("/uploads/images", data={"file": (io.BytesIO(photograph(size=(90, 70))), "later.jpg")})
    service.drain()
    before, record = objects_of(settings), dump(service.engine, RECORD)
    for each in list(store.under("")):
        store.remove(each.key)
    connect(settings).remove_bucket(settings.s3_bucket)
    put, missing = put_back(settings, reader)
    lost = {key for key in before if later["id"] in key}
    assert (put, set(missing)) == (len(before.keys() - lost), lost)
    assert objects_of(settings) == {key: data for key, data in before.items() if key not in lost}
    assert [each.key for each in store.under(FOLDER)] == [f"{FOLDER}{identity_of(settings)[0]}"]
    assert dump(service.engine, RECORD) == record
    assert put_back(settings, reader)[0] == 0
    store.remove(f"{FOLDER}{identity_of(settings)[0]}")
    claim_bucket(store, "0" * 32)
    with pytest.raises(BackupRefused, match="0" * 32):
        put_back(settings, reader)
    store.remove(f"{FOLDER}{'0' * 32}")


def test_a_service_that_is_connected_is_not_restored_over(
    service: Service, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_the_way, "LINGER_SECONDS", 0.3)
    path = _backed_up(settings, tmp_path / "b")
    with pytest.raises(BackupRefused, match=r"in use from 127\.0\.0\.1"):
        restoring.restore(settings, restoring.opened(path), force=True)


def test_two_restores_at_once_are_one_too_many(
    settings: Settings, service: Service, target: Settings, tmp_path: Path
) -> None:
    reader = restoring.opened(_backed_up(settings, tmp_path / "b"))
    with scratch.alone(target), pytest.raises(BackupRefused, match="another restore"):
        restoring.restore(target, reader, force=False)


def test_an_object_that_the_store_has_lost_is_told(service: Service, settings: Settings, tmp_path: Path) -> None:
    author = service.author()
    image = author.post("/uploads/images", data={"file": (io.BytesIO(photograph(size=(1000, 700))), "boat.jpg")})
    key = f"pictures/{image['id']}/original"
    Store(settings).remove(key)
    made = writing.back_up(settings, tmp_path / "b", with_secrets=False)
    assert made.missing == [key]
    assert restoring.opened(tmp_path / "b").end.missing == [key]


def test_secrets_are_in_it_only_when_asked_for(service: Service, settings: Settings, tmp_path: Path) -> None:
    writing.back_up(settings, tmp_path / "without", with_secrets=False)
    writing.back_up(settings, tmp_path / "with", with_secrets=True)
    secret = settings.jwt_secret_key.encode()
    assert secret not in gzip.decompress((tmp_path / "without").read_bytes())
    assert secret in gzip.decompress((tmp_path / "with").read_bytes())


def _backed_up(settings: Settings, path: Path) -> Path:
    writing.back_up(settings, path, with_secrets=False)
    return path


@pytest.fixture(scope="module")
def sound(settings: Settings, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _backed_up(settings, tmp_path_factory.mktemp("sound") / "b")


def changed(sound: Path, tmp_path: Path, change: Any) -> Path:
    """The same backup with other entries: ``change`` takes and answers ``{name: bytes}``."""
    with tarfile.open(sound) as old:
        entries = change({each.name: old.extractfile(each).read() for each in old})  # type: ignore[union-attr]
    with tarfile.open(tmp_path / "changed", "w:gz") as new:
        for name, data in entries.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            new.addfile(about, io.BytesIO(data))
    return tmp_path / "changed"


def manifest(**more: Any) -> Any:
    def change(entries: dict[str, bytes]) -> dict[str, bytes]:
        told = msgspec.json.decode(entries[archive.MANIFEST]) | more
        entries[archive.MANIFEST] = msgspec.json.encode(told)
        end = msgspec.json.decode(entries[archive.END])
        import hashlib

        data = entries[archive.MANIFEST]
        end["entries"][0] = [archive.MANIFEST, len(data), hashlib.sha256(data).hexdigest()]
        return entries | {archive.END: msgspec.json.encode(end)}

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (manifest(sinpluma_backup=2), "newer SinPluma"),
        (manifest(schema="9999"), "newer one"),
        (manifest(tables={"x`; DROP TABLE users": ["id"]}), "can't be ours"),
        (lambda entries: {"hello.txt": b"hello"}, "no backup of SinPluma"),
        (lambda entries: {name: data for name, data in entries.items() if name != archive.END}, "was cut off"),
        (
            lambda entries: {n: d for n, d in entries.items() if not n.startswith("tables/thinn")} | {"x": b""},
            "damaged",
        ),
        (lambda entries: {n: d + b" " if "tables" in n else d for n, d in entries.items()}, "damaged at tables/"),
    ],
)
def test_what_is_no_sound_backup_is_refused(
    service: Service, settings: Settings, tmp_path: Path, change: Any, told: str
) -> None:
    service.author()
    sound = _backed_up(settings, tmp_path / "b")
    with pytest.raises(BackupRefused, match=told):
        restoring.opened(changed(sound, tmp_path, change))


def test_every_cut_and_every_flipped_bit_is_found(sound: Path, tmp_path: Path) -> None:
    whole = sound.read_bytes()
    places = range(0, len(whole), max(len(whole) // 60, 1))
    for place in places:
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :]):
            # Some bits mean nothing: of the time in gzip's own header, and those that fill up its last byte.
            if unpacked(damaged) == unpacked(whole):
                continue
            (tmp_path / "d").write_bytes(damaged)
            with pytest.raises(BackupRefused):
                Reader(tmp_path / "d").check(_Silent())


def unpacked(data: bytes) -> bytes | None:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None


class _Silent:
    def update(self, count: int) -> None:
        pass


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BackupRefused, match="can't be read"):
        restoring.opened(tmp_path / name)


def test_a_backup_never_writes_over_a_file(settings: Settings, sound: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="is there already"):
        writing.back_up(settings, sound, with_secrets=False)
    with pytest.raises(BackupRefused, match="can't be written"):
        writing.back_up(settings, tmp_path / "no" / "folder", with_secrets=False)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"S3_BUCKET": "never-made"}, "the store has no bucket never-made"),
        ({"S3_ENDPOINT": "http://127.0.0.1:1", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"}, "can't be asked"),
    ],
)
def test_a_backup_without_its_bucket_is_refused_in_one_line(
    service: Service, tmp_path: Path, given: dict[str, str], told: str
) -> None:
    there = os.environ | given
    command = [sys.executable, "run.py", "backup", str(tmp_path / "b")]
    done = subprocess.run(command, cwd=CHECKOUT, env=there, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "no backup was made: " in done.stderr
    assert told in done.stderr
    assert files(tmp_path) == set()


def test_what_is_half_written_goes_without_a_word(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def half() -> None:
        with archive.Writer(tmp_path / "b") as file:
            file.add("one", b"x" * 100_000)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    gc.collect()
    assert capfd.readouterr().err == ""
    assert files(tmp_path) == set()


def test_ctrl_c_in_the_middle_of_a_restore_changes_nothing(service: Service, target: Settings, tmp_path: Path) -> None:
    a_life(service)
    path = _backed_up(service.settings, tmp_path / "b")
    there = os.environ | {
        "DATABASE_URL": target.database_url,
        "S3_BUCKET": target.s3_bucket,
        "SINPLUMA_VAR": str(tmp_path / "var"),
        "SINPLUMA_PORT": str(target.port),
        "SINPLUMA_CRASH": f"restore brought back:1:{tmp_path / 'count'}:stop",
    }
    command = [sys.executable, "run.py", "restore", str(path)]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=there, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: "State:\tT" in Path(f"/proc/{process.pid}/status").read_text(), 60, "the restore to stand still")
    assert len(objects_of(target)) >= 4
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "interrupted: nothing was restored, and nothing was changed" in told
    assert objects_of(target) == {}
    assert not [name for name in schemas(target) if name.endswith(("_verify", "_restore"))]
    with write_engine(target, pool_size=1).connect() as connection:
        assert list(connection.scalars(text("SHOW TABLES"))) == []
