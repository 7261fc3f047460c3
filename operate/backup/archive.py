"""One file: a gzip tar of named entries, from a manifest at its beginning to the checksums of all of them at its end.

A file without that end was cut off, and one with other checksums was damaged; both are detected before the file is
used. Everything in it is JSON or a picture's bytes: to read it runs nothing."""

import contextlib
import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

import msgspec

FORMAT = 1
MANIFEST, END = "sinpluma-backup.json", "end.json"
# Texts shrink to a third at this level; pictures do not shrink at any.
LEVEL = 4
PIECE_BYTES = 1024 * 1024


class BackupRefused(Exception):
    """This backup can't be made, or this file can't be restored; says why and what to do. Nothing was changed."""


class Manifest(msgspec.Struct, forbid_unknown_fields=False):
    """What is known before the rows are read. ``schema``: the migration that the tables had; ``tables``: by name, the
    columns in the order of each row."""

    sinpluma_backup: int
    made_at: str
    schema: str
    server: str
    tables: dict[str, list[str]]
    has_secrets: bool


class Contents(msgspec.Struct):
    """A table's number of rows, and a digest that does not depend on their order."""

    rows: int
    digest: str


class End(msgspec.Struct):
    """``entries``: name, bytes and SHA-256 of each; ``missing``: objects that rows name and the store did not have."""

    entries: list[tuple[str, int, str]]
    tables: dict[str, Contents]
    missing: list[str]


class Writer:
    """``with Writer(path) as file``: the file is there when the block has ended well, else not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self.entries: list[tuple[str, int, str]] = []

    def __enter__(self) -> Self:
        if self.path.exists():
            raise BackupRefused(f"{self.path} is there already; name another file, or remove it")
        try:
            # Readable by its owner only: it holds every text.
            descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise BackupRefused(f"{self._part} is there: another backup writes it, or remove what one left") from None
        except OSError as error:
            raise BackupRefused(f"{self.path} can't be written: {error.strerror}") from None
        self._file = os.fdopen(descriptor, "wb")
        self._gzip = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=LEVEL, filename="")
        self._tar = tarfile.open(fileobj=self._gzip, mode="w|", format=tarfile.PAX_FORMAT)
        return self

    def add(self, name: str, data: bytes) -> None:
        self.add_stream(name, io.BytesIO(data), len(data))

    def add_stream(self, name: str, source: io.BufferedReader | io.BytesIO, length: int) -> None:
        """Add ``length`` bytes of an open file."""
        digest = hashlib.file_digest(source, "sha256").hexdigest()
        source.seek(0)
        about = tarfile.TarInfo(name)
        about.size = length
        about.mode = 0o600
        self._tar.addfile(about, source)
        self.entries.append((name, length, digest))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._close()
                self._part.rename(self.path)
        finally:
            self._let_go()
            self._part.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, ConnectionError):
            raise BackupRefused(f"{self.path} can't be written: {error.strerror or error}") from error

    def _let_go(self) -> None:
        """Without a word: what is half written ends in three layers, each of which would complain of the next."""
        for layer in (self._tar, self._gzip, self._file):
            with contextlib.suppress(OSError, ValueError):
                layer.close()

    def _close(self) -> None:
        self._tar.close()
        self._gzip.close()
        self._file.flush()
        os.fsync(self._file.fileno())


Decoded = TypeVar("Decoded")


@dataclass(frozen=True)
class Entry:
    name: str
    length: int
    source: IO[bytes]

    def read(self) -> bytes:
        return self.source.read()


class Reader:
    """A backup that is there. ``check`` it first: the other methods trust the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest: Manifest
        self.end: End

    def check(self, progress: Any) -> None:
        """Read all of it and hold it against its checksums; ``progress.update`` is told the bytes.

        Raises:
            BackupRefused: it is damaged, cut off, newer than this code, or no backup of ours.
        """
        found: list[tuple[str, int, str]] = []
        end: bytes | None = None
        with self._told():
            for entry in self.entries():
                if not found:
                    self.manifest = self._manifest(entry)
                    entry.source.seek(0)
                if end is not None:
                    raise BackupRefused(f"{self.path} is damaged: it goes on behind its end")
                if entry.name == END:
                    end = entry.read()
                    continue
                found.append((entry.name, entry.length, _digest(entry.source, progress)))
        if end is None:
            raise BackupRefused(f"{self.path} was cut off; take another copy of it, or an older backup")
        self.end = self._decoded(end, End)
        self._compare(found)

    def _compare(self, found: list[tuple[str, int, str]]) -> None:
        for seen, told in zip(found, self.end.entries, strict=False):
            if seen != told:
                raise BackupRefused(f"{self.path} is damaged at {told[0]}; take another copy of it, or an older backup")
        if len(found) != len(self.end.entries):
            raise BackupRefused(f"{self.path} is damaged: entries are missing")

    def entries(self) -> Iterator[Entry]:
        """Each entry in turn; it can be read until the next one is asked for."""
        with gzip.open(self.path, "rb") as unpacked:
            with tarfile.open(fileobj=unpacked, mode="r|") as tar:
                for about in tar:
                    source = tar.extractfile(about)
                    if source is None:
                        raise BackupRefused(f"{self.path} is damaged: {about.name!r} is no file")
                    yield Entry(about.name, about.size, _Again(source, about.size) if _is_small(about) else source)
            # Behind the tar's own end stands the checksum of all that came before.
            while unpacked.read(PIECE_BYTES):
                pass

    def _manifest(self, first: Entry) -> Manifest:
        if first.name != MANIFEST:
            raise BackupRefused(f"{self.path} is no backup of SinPluma")
        version = self._decoded(first.read(), _OnlyVersion).sinpluma_backup
        if version > FORMAT:
            raise BackupRefused(
                f"{self.path} was made by a newer SinPluma (format {version}); restore it with that one"
            )
        first.source.seek(0)
        return self._decoded(first.read(), Manifest)

    def _decoded(self, data: bytes, kind: type[Decoded]) -> Decoded:
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.MsgspecError:
            raise BackupRefused(f"{self.path} is damaged: its description can't be read") from None

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, tarfile.ReadError, zlib.error) as error:
            if not hasattr(self, "manifest"):
                raise BackupRefused(f"{self.path} is no backup of SinPluma, or only its beginning") from error
            raise BackupRefused(f"{self.path} is damaged or was cut off: {error}") from error
        except gzip.BadGzipFile as error:
            what = "is damaged" if hasattr(self, "manifest") else "is no backup of SinPluma"
            raise BackupRefused(f"{self.path} {what}: {error}") from error
        except OSError as error:
            raise BackupRefused(f"{self.path} can't be read: {error.strerror}") from error


class _OnlyVersion(msgspec.Struct):
    sinpluma_backup: int


def _is_small(about: tarfile.TarInfo) -> bool:
    return about.name in (MANIFEST, END) and about.size < 256 * PIECE_BYTES


class _Again(io.BytesIO):
    """A small entry in memory: the tar is read as a stream, which does not go back."""

    def __init__(self, source: IO[bytes], length: int) -> None:
        super().__init__(source.read(length))


def _digest(source: IO[bytes], progress: Any) -> str:
    digest = hashlib.sha256()
    while piece := source.read(PIECE_BYTES):
        digest.update(piece)
        progress.update(len(piece))
    return digest.hexdigest()
