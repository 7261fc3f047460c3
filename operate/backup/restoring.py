"""`run.py restore FILE`: a backup checked, brought back beside what is there, proven, and then put in its place."""

import contextlib
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pymysql
from redis.exceptions import RedisError
from sqlalchemy import Engine
from tqdm import tqdm

from infra import broker, crash
from infra.database import write_engine
from infra.marks import NotOurs
from infra.migrating import migrate
from infra.objects import StoreAway
from infra.settings import Settings
from operate import claims
from operate.backup import rows
from operate.backup.archive import BackupRefused, Reader
from operate.backup.in_the_way import refuse_data, refuse_others, refuse_while_used
from operate.backup.objects import OBJECTS, Bucket, scratch_bucket
from operate.backup.scratch import Scratch, alone
from operate.backup.writing import SECRETS
from operate.database_check import known_revisions
from read_models.rebuilding.rebuild import Rebuild
from workers.reaction_table import MODELS

_NAME = re.compile(r"[a-z0-9_]{1,64}").fullmatch
OURS_IN_REDIS = ("rq:*", "sinpluma:*")


@dataclass
class Restored:
    rows: int
    objects: int
    # Objects that rows name and the backup has not.
    missing: list[str]
    # Pictures that were in the bucket and not in the backup.
    removed: int
    secrets: dict[str, str]
    # What the operator should know.
    warnings: list[str]


def opened(path: Path) -> Reader:
    """The backup, its every byte checked.

    Raises:
        BackupRefused
    """
    reader = Reader(path)
    size = path.stat().st_size if path.is_file() else 0
    with tqdm(desc="checking", unit="B", unit_scale=True, file=sys.stderr, disable=not size) as bar:
        reader.check(bar)
    if reader.manifest.schema not in known_revisions():
        raise BackupRefused(
            f"{path} has schema version {reader.manifest.schema}, which this SinPluma does not know: it was made by a "
            "newer one; restore it with that one"
        )
    names = [*reader.manifest.tables, *(each for columns in reader.manifest.tables.values() for each in columns)]
    if not all(_NAME(name) for name in names):
        raise BackupRefused(f"{path} names tables that can't be ours")
    return reader


def verify(settings: Settings, reader: Reader) -> Restored:
    """Bring the backup back in a scratch database and a scratch bucket, and remove both."""
    with (
        alone(settings),
        scratch_bucket(settings) as elsewhere,
        Bucket(elsewhere) as bucket,
        Scratch(settings, "verify") as scratch,
    ):
        return _bring_back(scratch, bucket, reader)


def restore(settings: Settings, reader: Reader, force: bool, take_over: bool = False) -> Restored:
    """Bring the backup back in place of what is there: all of it, or nothing is changed.

    Raises:
        BackupRefused: the service runs, or there is data and no ``force``, or another service has marked Redis or the
            bucket and no ``take_over``, or another restore is at work.
    """
    with alone(settings) as holding:
        refuse_while_used(settings, holding)
        refuse_data(holding, force)
        if not take_over:
            refuse_others(settings)
        with Bucket(settings) as bucket, Scratch(settings, "restore") as scratch:
            restored = _bring_back(scratch, bucket, reader)
            crash.point("restore brought back")
            refuse_while_used(settings, holding)
            with _uninterrupted():
                scratch.swap()
                bucket.keep()
                _clear_away(settings, bucket, force, restored)
    return restored


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C comes too late here: it would leave open what has happened."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _clear_away(settings: Settings, bucket: Bucket, force: bool, restored: Restored) -> None:
    """What belongs to the data that was there before. The restore is done, whatever fails here."""
    try:
        restored.removed = bucket.remove_others() if force else 0
    except StoreAway as error:
        restored.warnings.append(f"pictures from before are still in the bucket, and the sweep takes them: {error}")
    try:
        _forget_in_redis(settings)
    except RedisError as error:
        kind = type(error).__name__
        restored.warnings.append(f"Redis could not be emptied ({kind}): empty it before the service starts (FLUSHDB)")
    try:
        # What had other marks was refused, or is to be taken over.
        claims.take_over(settings)
    except (NotOurs, *claims.AWAY) as error:
        helps = "before the service starts: python -m operate.claims --take-over"
        restored.warnings.append(f"Redis and bucket could not be marked ({error}); {helps}")


def _bring_back(scratch: Scratch, bucket: Bucket, reader: Reader) -> Restored:
    migrate(scratch.settings, reader.manifest.schema)
    restored = Restored(0, 0, list(reader.end.missing), 0, {}, [])
    with contextlib.closing(rows.connect(scratch.settings.database_url)) as target:
        _load(target, bucket, reader, restored)
        _compare(target, reader)
    migrate(scratch.settings)
    _rebuild(scratch.settings)
    return restored


def _load(target: Any, bucket: Bucket, reader: Reader, restored: Restored) -> None:
    tables = reader.manifest.tables
    for name in tables:
        # Rows that a migration inserted are in the backup as well.
        rows.ask(target, f"DELETE FROM `{name}`")  # noqa: S608 - a name that was checked
    target.commit()
    with tqdm(total=len(reader.end.entries), desc="bringing back", unit="part", file=sys.stderr) as bar:
        for entry in reader.entries():
            bar.update(1)
            if entry.name.startswith("tables/"):
                name = entry.name.split("/")[1]
                lines = entry.read().split(b"\n")
                with _told(name):
                    rows.insert(target, name, tables[name], lines)
                restored.rows += len(lines)
            elif entry.name.startswith(OBJECTS):
                bucket.put(entry)
                restored.objects += 1
            elif entry.name == SECRETS:
                restored.secrets = msgspec.json.decode(entry.read(), type=dict[str, str])


@contextlib.contextmanager
def _told(table: str) -> Iterator[None]:
    try:
        yield
    except pymysql.MySQLError as error:
        raise BackupRefused(f"the database does not take a row of {table}: {error}; nothing was changed") from error


def _compare(target: Any, reader: Reader) -> None:
    """What the server has now is what stood in the file, byte for byte."""
    for name, told in reader.end.tables.items():
        digest = rows.Digest()
        for line in rows.lines(target, name, reader.manifest.tables[name]):
            digest.add(line)
        if (digest.rows, digest.hex()) != (told.rows, told.digest):
            raise BackupRefused(f"{name} is not in the database as it was in the backup; nothing was changed")


def _rebuild(settings: Settings) -> None:
    engine = write_engine(settings, pool_size=3)
    try:
        for model in MODELS.values():
            _rebuild_one(engine, model.name)
    finally:
        engine.dispose()


def _rebuild_one(engine: Engine, name: str) -> None:
    work = Rebuild(engine, MODELS[name])
    with tqdm(total=work.size(), desc=f"rebuilding {name}", unit="event", file=sys.stderr) as bar:
        for count in work.run():
            bar.update(count)


def _forget_in_redis(settings: Settings) -> None:
    """Versions restart where the backup ended, so cached entries of later versions would pass for current ones."""
    redis = broker.connect(settings)
    try:
        for pattern in OURS_IN_REDIS:
            for key in redis.scan_iter(pattern, count=1000):
                redis.unlink(key)
    finally:
        redis.close()
