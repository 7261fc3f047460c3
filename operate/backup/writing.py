"""`run.py backup FILE`: the record and the objects in one file, as they were at one moment, while the service runs."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from minio.error import MinioException
from sqlalchemy import Engine
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from domain.picture import object_key
from events.pictures import Thumbnail
from infra.clock import iso, now
from infra.database import write_engine
from infra.objects import NoSuchObject, Store, check
from infra.settings import Settings
from operate.backup import rows
from operate.backup.archive import END, FORMAT, MANIFEST, BackupRefused, Contents, End, Manifest, Writer
from workers.clock import hold

SWEEP = "sweep-pictures"
SECRETS = "secrets.json"


@dataclass(frozen=True)
class Made:
    """What a backup holds."""

    rows: int
    objects: int
    missing: list[str]
    bytes: int


def back_up(settings: Settings, path: Path, with_secrets: bool) -> Made:
    """
    Raises:
        BackupRefused: the file can't be written, or the sweep is at work.
    """
    engine = write_engine(settings, pool_size=2)
    try:
        with _no_sweep(engine), Writer(path) as file, contextlib.closing(rows.connect(settings.database_url)) as source:
            return _write(file, source, settings, with_secrets)
    finally:
        engine.dispose()


@contextlib.contextmanager
def _no_sweep(engine: Engine) -> Iterator[None]:
    """Objects of the snapshot must still be there when they are read; only the sweep removes any."""
    with hold(engine, SWEEP) as taken:
        if taken is None:
            raise BackupRefused("the sweep or another backup is at work; try again when it has ended")
        yield


def _write(file: Writer, source: Any, settings: Settings, with_secrets: bool) -> Made:
    _refuse_missing_bucket(settings)
    rows.begin_snapshot(source)
    tables = rows.carried_tables(source)
    manifest = _manifest(source, tables, with_secrets)
    file.add(MANIFEST, msgspec.json.encode(manifest))
    if with_secrets:
        file.add(SECRETS, msgspec.json.encode(_secrets(settings)))
    contents = _write_tables(file, source, tables)
    keys = object_keys(source) if "pictures" in tables else []
    missing = _write_objects(file, Store(settings), keys)
    file.add(END, msgspec.json.encode(End(file.entries, contents, missing)))
    total = sum(each.rows for each in contents.values())
    return Made(total, len(keys) - len(missing), missing, sum(length for _, length, _ in file.entries))


def _refuse_missing_bucket(settings: Settings) -> None:
    try:
        check(settings)
    except LookupError:
        bucket = settings.s3_bucket
        helps = "set S3_BUCKET right, or if it is lost: docs/runbook.md, The object store is down, or hangs"
        raise BackupRefused(f"the store has no bucket {bucket}; {helps}") from None
    except (MinioException, HTTPError) as error:
        raise BackupRefused(f"the object store can't be asked: {type(error).__name__}; log/objects.log") from None


def _manifest(source: Any, tables: dict[str, list[str]], with_secrets: bool) -> Manifest:
    if "events" not in tables:
        raise BackupRefused("the database has no tables yet; there is nothing to back up")
    schema = rows.ask(source, "SELECT version_num FROM alembic_version")
    server = rows.ask(source, "SELECT VERSION()")
    return Manifest(FORMAT, iso(now()), schema[0][0], server[0][0], tables, with_secrets)


def _secrets(settings: Settings) -> dict[str, str]:
    """What tokens are signed with. Passwords of servers belong to the machine, and a restore keeps its own."""
    chosen = {
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "JWT_SECRET_KEY_PREVIOUS": settings.jwt_secret_key_previous,
    }
    return {name: value for name, value in chosen.items() if value}


def _write_tables(file: Writer, source: Any, tables: dict[str, list[str]]) -> dict[str, Contents]:
    contents = {}
    total = sum(rows.count(source, name) for name in tables)
    with tqdm(total=total, desc="rows", unit="row", file=sys.stderr) as bar:
        for name, columns in tables.items():
            digest = rows.Digest()
            for number, chunk in enumerate(rows.chunks(rows.lines(source, name, columns))):
                for line in chunk:
                    digest.add(line)
                file.add(f"tables/{name}/{number:06}", b"\n".join(chunk))
                bar.update(len(chunk))
            contents[name] = Contents(digest.rows, digest.hex())
    return contents


def object_keys(source: Any) -> list[str]:
    """What the rows of pictures name."""
    found = rows.ask(source, "SELECT id, thumbnails FROM pictures WHERE removed_at IS NULL ORDER BY id")
    return [key for picture_id, thumbnails in found for key in _keys_of(picture_id, thumbnails)]


def _keys_of(picture_id: str, thumbnails: str) -> list[str]:
    made = msgspec.json.decode(thumbnails, type=tuple[Thumbnail, ...])
    names = dict.fromkeys(("original", *(each.stored_as for each in made)))
    return [object_key(picture_id, name) for name in names]


def _write_objects(file: Writer, store: Store, keys: list[str]) -> list[str]:
    """The keys that the store does not have."""
    missing = []
    with tempfile.TemporaryDirectory(dir=file.path.parent, prefix=".sinpluma-backup-") as folder:
        one = Path(folder) / "object"
        for key in tqdm(keys, desc="objects", unit="object", file=sys.stderr):
            try:
                store.fetch(key, one)
            except NoSuchObject:
                missing.append(key)
                continue
            with open(one, "rb") as source:
                file.add_stream(f"objects/{key}", source, one.stat().st_size)
    return missing
