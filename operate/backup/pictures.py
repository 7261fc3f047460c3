"""The pictures of a backup alone, for a bucket that has lost its own while the database lives on."""

import contextlib
import sys

from tqdm import tqdm

from infra.marks import NotOurs
from infra.objects import Store
from infra.settings import Settings
from operate import claims
from operate.backup import rows
from operate.backup.archive import BackupRefused, Reader
from operate.backup.objects import OBJECTS, Bucket
from operate.backup.writing import object_keys
from workers.stock import PREFIX


def put_back(settings: Settings, reader: Reader) -> tuple[int, list[str]]:
    """Put what rows name, the backup has and the bucket does not: how much that was, and what is missing still. The
    service may run; interrupted, the next try goes on.

    Raises:
        BackupRefused: the bucket is another service's.
    """
    with contextlib.closing(rows.connect(settings.database_url)) as source:
        wanted = set(object_keys(source))
    bucket = Bucket(settings)
    try:
        claims.claim(settings)
    except NotOurs as refusal:
        raise BackupRefused(str(refusal)) from None
    missing = wanted - {each.key for each in Store(settings).under(PREFIX)}
    put = 0
    with tqdm(total=len(missing), desc="putting back", unit="object", file=sys.stderr) as bar:
        for entry in reader.entries():
            if entry.name.removeprefix(OBJECTS) in missing:
                bucket.put(entry)
                missing.remove(entry.name.removeprefix(OBJECTS))
                put += 1
                bar.update(1)
    return put, sorted(missing)
