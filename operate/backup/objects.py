"""The pictures of a backup, put into a bucket; and taken out of it again when the restore does not come to its end."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.objects import Store, StoreAway, create_bucket
from infra.s3_client import connect
from infra.settings import Settings
from operate.backup.archive import Entry
from workers.stock import PREFIX

# Browsers get the content type from the picture's row; the one in the store is never used.
MIME = "application/octet-stream"
OBJECTS = "objects/"


class Bucket:
    """``with Bucket(settings) as bucket``: what was put is removed again, unless ``keep`` was called."""

    def __init__(self, settings: Settings) -> None:
        create_bucket(settings)
        self._store = Store(settings)
        self._before = {each.key for each in self._store.under(PREFIX)}
        self._put: set[str] = set()
        self._kept = False

    def put(self, entry: Entry) -> None:
        """Store the entry's bytes under its key; the store is asked whether it has exactly those."""
        key = entry.name.removeprefix(OBJECTS)
        with tempfile.TemporaryDirectory(prefix="sinpluma-restore-") as folder:
            one = Path(folder) / "object"
            with open(one, "wb") as target:
                while piece := entry.source.read(1024 * 1024):
                    target.write(piece)
            self._put.add(key)
            self._store.put(key, one, MIME)

    def keep(self) -> None:
        self._kept = True

    def remove_others(self) -> int:
        """Remove the pictures that the backup does not have; how many objects that were."""
        others = sorted(self._before - self._put)
        for key in others:
            self._store.remove(key)
        return len(others)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept:
            # An object left behind belongs to no row, and the sweep removes it.
            with contextlib.suppress(StoreAway):
                for key in sorted(self._put - self._before):
                    self._store.remove(key)


@contextlib.contextmanager
def scratch_bucket(settings: Settings) -> Iterator[Settings]:
    """Settings with a bucket that is gone at the end."""
    chosen = replace(settings, s3_bucket=f"{settings.s3_bucket[:56]}-verify")
    create_bucket(chosen)
    try:
        yield chosen
    finally:
        with contextlib.suppress(Exception):  # the store's many kinds; an empty bucket left behind does no harm
            connect(chosen).remove_bucket(chosen.s3_bucket)
