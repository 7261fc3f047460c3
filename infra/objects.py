"""The door to the object store: any server that speaks S3."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

import urllib3
from minio.commonconfig import ENABLED
from minio.error import InvalidResponseError, MinioException, S3Error
from minio.versioningconfig import SUSPENDED

from infra.s3_client import READ_SECONDS, connect, pool, signer
from infra.settings import Settings
from infra.watch import Watch

# A request must be refused within five seconds when the store hangs.
REQUEST_SECONDS = 2.5
CHUNK_BYTES = 64 * 1024
# Larger objects are put in several parts, of which a client that dies leaves some in the store that no listing shows.
# The decoder writes none that is larger.
ONE_PIECE_BYTES = 64 * 1024 * 1024
GONE = ("NoSuchKey", "ResourceNotFound")


class StoreAway(Exception):
    """The store can't be reached, or refuses us."""


class NoSuchObject(Exception):
    """The store has nothing under that key."""


class BadCopy(Exception):
    """What the store has is not what was put there."""


@dataclass(frozen=True)
class Stored:
    """An object as the store lists it."""

    key: str
    bytes: int
    modified: datetime


class Store:
    """The objects of one bucket. Threads may share one, processes must not.

    Every method raises StoreAway when the store can't be reached or refuses.
    """

    def __init__(self, settings: Settings, read_seconds: float = READ_SECONDS) -> None:
        self.bucket = settings.s3_bucket
        self._client = connect(settings, read_seconds)
        self._public = signer(settings)
        self._endpoint = settings.s3_endpoint
        self._http = pool(settings, read_seconds)
        self._watch = Watch("the object store", partial(check, settings))
        self._versioned: bool | None = None

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """As below; and a store that has failed is left alone until it answers: while it hangs, uploads and pictures
        must not take all the threads there are."""
        if self._watch.is_down:
            raise StoreAway("it failed a moment ago")
        try:
            with _told(key):
                yield
        except StoreAway:
            self._watch.suspect()
            raise

    def put(self, key: str, source: Path, mime: str) -> None:
        """Store a file and make sure that the store has exactly its bytes.

        Raises:
            BadCopy: it has not.
        """
        length = source.stat().st_size
        with self._told(key), open(source, "rb") as file:
            self._client.put_object(self.bucket, key, file, length, content_type=mime, part_size=ONE_PIECE_BYTES)
        if not self._has(key, source, length):
            raise BadCopy(key)

    def _has(self, key: str, source: Path, length: int) -> bool:
        try:
            with self._told(key):
                found = self._client.stat_object(self.bucket, key)
        except NoSuchObject:
            return False
        if found.size != length:
            return False
        # Most stores answer with the MD5 of what they wrote; where it is something else the bytes are read back.
        return (found.etag or "").strip('"') == _digest(source, "md5") or self._digest(key) == _digest(source, "sha256")

    def _digest(self, key: str) -> str:
        digest = hashlib.sha256()
        for chunk in self.read(key):
            digest.update(chunk)
        return digest.hexdigest()

    def read(self, key: str, start: int = 0, length: int = 0) -> Iterator[bytes]:
        """The object's bytes, from ``start``, ``length`` of them (0: all that follow), as they come.

        Raises:
            NoSuchObject: before anything is answered.
        """
        with self._told(key):
            answer = self._client.get_object(self.bucket, key, offset=start, length=length)
        return _chunks(answer, key)

    def fetch(self, key: str, target: Path) -> None:
        """Write the object into a file.

        Raises:
            NoSuchObject
        """
        with open(target, "wb") as file:
            for chunk in self.read(key):
                file.write(chunk)

    def remove(self, key: str) -> None:
        """Remove an object with all its versions; that there is none is as good."""
        for version in self._versions(key) if self._keeps_versions() else [None]:
            with suppress(NoSuchObject), self._told(key):
                self._client.remove_object(self.bucket, key, version_id=version)

    def _versions(self, key: str) -> list[str | None]:
        """Of this key alone, the marks of deletions among them. A removal without one would only add such a mark."""
        with self._told(key):
            listed = self._client.list_objects(self.bucket, prefix=key, recursive=True, include_version=True)
            return [each.version_id for each in listed if each.object_name == key]

    def _keeps_versions(self) -> bool:
        """Asked once. A store that knows no such question keeps none."""
        if self._versioned is None:
            try:
                status = self._client.get_bucket_versioning(self.bucket).status
            except (S3Error, InvalidResponseError):
                status = None
            except (MinioException, urllib3.exceptions.HTTPError, OSError):
                # The removal that follows will tell that the store is away.
                return False
            self._versioned = status in (ENABLED, SUSPENDED)
        return self._versioned

    def has(self, key: str) -> bool:
        try:
            with self._told(key):
                self._client.stat_object(self.bucket, key)
        except NoSuchObject:
            return False
        return True

    def under(self, prefix: str) -> Iterator[Stored]:
        """All objects whose keys begin with ``prefix``."""
        with self._told(prefix):
            for each in self._client.list_objects(self.bucket, prefix=prefix, recursive=True):
                if not each.is_dir and each.object_name:
                    modified = each.last_modified or datetime.now(UTC)
                    yield Stored(each.object_name, each.size or 0, modified)

    def now(self) -> datetime | None:
        """The time at the store, None when it does not say."""
        # Any answer carries it, a refusal as well.
        with self._told("the time"):
            answer = self._http.request("HEAD", self._endpoint)
        said = answer.headers.get("Date")
        return parsedate_to_datetime(said) if said else None

    def public_url(self, key: str, lives: timedelta, signed_at: datetime) -> str | None:
        """A signed URL that a browser can read the object at, None when browsers can't reach the store."""
        if self._public is None:
            return None
        return self._public.presigned_get_object(self.bucket, key, expires=lives, request_date=signed_at)


def _chunks(answer: Any, key: str) -> Iterator[bytes]:
    # Closed and released whatever happens: the reader may leave half-way.
    try:
        with _told(key):
            yield from answer.stream(CHUNK_BYTES)
    finally:
        answer.close()
        answer.release_conn()


@contextmanager
def _told(key: str) -> Iterator[None]:
    """The client's many errors as the two that matter."""
    try:
        yield
    except (S3Error, InvalidResponseError) as error:
        if _is_gone(error):
            raise NoSuchObject(key) from error
        raise StoreAway(_reason(error)) from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        raise StoreAway(f"the store can't be reached: {type(error).__name__}") from error


def _is_gone(error: S3Error | InvalidResponseError) -> bool:
    if isinstance(error, S3Error):
        return error.code in GONE
    # rclone says in its XML errors' type which charset they have, and minio then takes them for no XML at all.
    return error._code == 404 and "NoSuchBucket" not in str(error._body)


def _reason(error: S3Error | InvalidResponseError) -> str:
    """In the store's own word, such as NoSuchBucket or AccessDenied."""
    word = error.code if isinstance(error, S3Error) else f"{error._code} {error._body}"
    return f"the store refuses: {word}"[:300]


def _digest(source: Path, name: str) -> str:
    with open(source, "rb") as file:
        return hashlib.file_digest(file, name).hexdigest()


def check(settings: Settings) -> None:
    """
    Raises:
        MinioException, urllib3.exceptions.HTTPError: the store is away, or refuses us.
        LookupError: it has no such bucket.
    """
    if not connect(settings, read_seconds=2).bucket_exists(settings.s3_bucket):
        raise LookupError("no such bucket")


def create_bucket(settings: Settings) -> None:
    """Make the bucket unless it is there. Two hosts may do this at once."""
    client = connect(settings)
    if not client.bucket_exists(settings.s3_bucket):
        try:
            client.make_bucket(settings.s3_bucket)
        except MinioException:
            if not client.bucket_exists(settings.s3_bucket):
                raise
