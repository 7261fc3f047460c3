"""`run.py backup FILE` and `run.py restore FILE` (docs/adr/0033)."""

import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pymysql
from sqlalchemy.exc import DBAPIError

from deploy.embedded import ServiceError
from deploy.private import replace_secrets
from infra import logs
from infra.migrating import MigrationFailed
from infra.objects import BadCopy, StoreAway
from infra.settings import Settings, explicit_environment
from operate.backup import restoring, writing
from operate.backup.archive import BackupRefused
from operate.backup.pictures import put_back
from operate.backup.restoring import Restored
from operate.servers import ServiceRuns, running

INTERRUPTED = 130
MOST_TOLD = 10
REFUSALS = (
    *(BackupRefused, ServiceRuns, ServiceError, MigrationFailed),
    *(StoreAway, BadCopy, DBAPIError, pymysql.MySQLError, OSError),
)


def backup(path: Path, with_secrets: bool) -> int:
    """Write the record and the objects into a file; what to exit with."""
    return _guarded("no backup was made", partial(_backup, path, with_secrets))


def _backup(path: Path, with_secrets: bool) -> None:
    with running(alone=False) as settings:
        logs.configure(settings, "backup")
        made = writing.back_up(settings, path, with_secrets)
    print(f"{path}: {made.rows} rows and {made.objects} objects; `run.py restore {path} --verify` proves it")
    _tell_missing(made.missing, "the store does not have")


def restore(file: Path, verify: bool, force: bool, pictures: bool, take_over: bool, with_secrets: bool) -> int:
    """Bring a backup back, or only its pictures, or only prove that it can be; what to exit with."""
    if pictures:
        return _guarded("run it again, it goes on", partial(_restore_pictures, file))
    outcome = "it was not proven" if verify else "nothing was restored, and nothing was changed"
    return _guarded(outcome, partial(_restore, file, verify, force, take_over, with_secrets))


def _restore_pictures(path: Path) -> None:
    reader = restoring.opened(path)
    with running(alone=False) as settings:
        logs.configure(settings, "restore")
        put, missing = put_back(settings, reader)
    print(f"{put} objects that the bucket {settings.s3_bucket} had lost were put back from {path}")
    _tell_missing(missing, "neither the bucket nor the backup has")


def _restore(path: Path, verify: bool, force: bool, take_over: bool, with_secrets: bool) -> None:
    reader = restoring.opened(path)
    if with_secrets and not reader.manifest.has_secrets:
        raise BackupRefused(f"{path} has no secrets in it; leave --with-secrets out")
    with running(alone=not verify) as settings:
        logs.configure(settings, "restore")
        done = restoring.verify(settings, reader) if verify else restoring.restore(settings, reader, force, take_over)
        if with_secrets and not verify:
            done.warnings += _take_secrets(settings, done.secrets)
    _tell(path, done, verify)


def _guarded(outcome: str, work: Callable[[], None]) -> int:
    """Print a refusal as one line; treat SIGTERM as Ctrl-C, so that what was begun is undone."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        work()
    except KeyboardInterrupt:
        print(f"sinpluma: interrupted: {outcome}", file=sys.stderr)
        return INTERRUPTED
    except REFUSALS as error:
        print(f"sinpluma: {outcome}: {getattr(error, 'orig', None) or error}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _tell(path: Path, done: Restored, verify: bool) -> None:
    what = "can be restored" if verify else "is restored"
    print(f"{path} {what}: {done.rows} rows, as they were; {done.objects} objects; all read models made anew")
    if done.removed:
        print(f"{done.removed} objects that the backup does not know were removed")
    _tell_missing(done.missing, "the backup does not have")
    for warning in done.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _tell_missing(missing: list[str], who: str) -> None:
    for key in missing[:MOST_TOLD]:
        print(f"warning: {who} {key}, which a picture names", file=sys.stderr)
    if len(missing) > MOST_TOLD:
        print(f"warning: {who} {len(missing) - MOST_TOLD} objects more", file=sys.stderr)


def _take_secrets(settings: Settings, secrets: dict[str, str]) -> list[str]:
    """Sign with the keys of the backup from now on, unless the operator says otherwise."""
    given = [name for name in secrets if name in explicit_environment()]
    replace_secrets(settings.var, {name: value for name, value in secrets.items() if name not in given})
    return [f"{name} is set in the environment or .env, and stays as it is; the backup has another" for name in given]
