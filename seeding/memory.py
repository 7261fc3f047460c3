"""What a run leaves for the next one, under SINPLUMA_VAR/seed: a password, and which file became which page.

Nothing here is the truth. What is remembered is checked against the server before it is used, and an import that lost
its memory finds its notebook by the mark in the metadata and its pages by their titles. Only the demo account's
password cannot be found again.
"""

import json
import os
import secrets
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seeding.errors import SeedError

# Ids are opaque (contract): whatever JSON value the server made of them is handed back as it came.
Id = str | int
BETWEEN_NOTES = 10  # times what writing one takes


@dataclass
class PageMemory:
    """One file's page; `sha256` is of title and text as they were sent.

    Without an id it is an intention: its creation was about to be sent, and may have arrived.
    """

    title: str
    id: Id | None = None
    version: int | None = None
    sha256: str | None = None
    # Of the file's text as it was read, links and all: by it a file is known again under another name.
    text: str | None = None


@dataclass
class PictureMemory:
    """One uploaded picture and the bytes it was made from."""

    sha256: str
    id: Id
    url: str


@dataclass
class ImportMemory:
    """All that is remembered of one import: by one account, on one server, from one source."""

    path: Path
    notebook_id: Id | None = None
    pages: dict[str, PageMemory] = field(default_factory=dict)
    pictures: dict[str, PictureMemory] = field(default_factory=dict)
    # The ids of the pages in the order that the folder had.
    order: list[Id] = field(default_factory=list)
    _saving_took: float = field(default=0.0, init=False, repr=False, compare=False)
    _saved_at: float = field(default=0.0, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, path: Path) -> "ImportMemory":
        """Read the memory, or begin an empty one."""
        stored = _read(path)
        try:
            pages = {name: PageMemory(**page) for name, page in stored.get("pages", {}).items()}
            pictures = {name: PictureMemory(**picture) for name, picture in stored.get("pictures", {}).items()}
            return cls(path, stored.get("notebook_id"), pages, pictures, list(stored.get("order", [])))
        except (TypeError, AttributeError) as error:
            raise _unreadable(path) from error

    def save(self) -> None:
        """Write it down, in one piece or not at all."""
        began = time.monotonic()
        stored = {name: value for name, value in asdict(self).items() if name != "path" and not name.startswith("_")}
        _write(self.path, stored)
        self._saved_at = time.monotonic()
        self._saving_took = self._saved_at - began

    def note(self) -> None:
        """Write it down unless that was done a moment ago: of 10,000 pages it takes longer than to make one.

        What a run that is killed did not write down, the next one finds on the server.
        """
        if time.monotonic() - self._saved_at >= BETWEEN_NOTES * self._saving_took:
            self.save()

    def begin(self, notebook_id: Id) -> None:
        """Remember for this notebook; what was known of another one's pages means nothing here."""
        if self.notebook_id != notebook_id:
            self.notebook_id = notebook_id
            self.pages = {}
            self.order = []
            self.save()


def demo_password(path: Path, server: str) -> str:
    """Return the demo account's password on this server, invented and written down when it is first asked for.

    It is on disk before the account exists: dying in between costs nothing, the other order would lock us out.
    """
    passwords = _read(path)
    if server not in passwords:
        passwords[server] = secrets.token_urlsafe(18)
        _write(path, passwords)
    return str(passwords[server])


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON object; a file that is not there is an empty one."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unreadable(path) from error
    if not isinstance(stored, dict):
        raise _unreadable(path)
    return stored


def _write(path: Path, value: dict[str, Any]) -> None:
    """Replace the file in one step, readable by its owner only: mkstemp makes files with mode 600."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
        os.replace(name, path)
    except OSError as error:
        raise SeedError(f"{path} cannot be written ({error.strerror}); SINPLUMA_VAR must be writable.") from error


def _unreadable(path: Path) -> SeedError:
    return SeedError(f"{path} is damaged or cannot be read. Move it away and run again.")
