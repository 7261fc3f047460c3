"""What lies in a folder and in those in it. Nothing outside is ever looked at, wherever a link leads."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from seeding.errors import SeedError
from seeding.leftovers import Leftover
from seeding.links import TEXTS, suffix

# What systems leave everywhere; besides, what begins with a dot is theirs (`._01.md` is no chapter).
SYSTEMS_OWN = {"thumbs.db", "desktop.ini", "icon\r", "__macosx"}
OUT = "a symbolic link out of the folder"


@dataclass
class Found:
    """Paths below the folder, parted by `/`: files, what is hidden, and what is neither file nor folder."""

    files: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    left: list[Leftover] = field(default_factory=list)


def collect(folder: Path) -> Found:
    """List everything in the folder.

    Raises:
        SeedError: it, or a folder in it, can't be read.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise SeedError(f"{folder} {what}: --from takes a folder of Markdown files.")
    home, found, waiting = folder.resolve(), Found(), [""]
    while waiting:
        below = waiting.pop()
        for entry in _entries(home / below):
            name = f"{below}/{entry.name}" if below else entry.name
            if entry.name.startswith(".") or entry.name.lower() in SYSTEMS_OWN:
                _hide(name, entry.name, found)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(name)
            else:
                _sort(entry, name, home, found)
    return found


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise SeedError(f"{folder} cannot be read: {error.strerror}.") from error


def _hide(name: str, last: str, found: Found) -> None:
    """Somebody may have hidden a chapter, too."""
    if suffix(last) in TEXTS and not last.startswith("._"):
        found.left.append(Leftover(name, "its name begins with a dot: it is hidden"))
    else:
        found.hidden.append(name)


def _sort(entry: os.DirEntry[str], name: str, home: Path, found: Found) -> None:
    try:
        is_file, is_link = entry.is_file(), entry.is_symlink()
        is_inside = not is_link or Path(entry.path).resolve().is_relative_to(home)
    except (OSError, RuntimeError):
        # A ring of links.
        is_file, is_link, is_inside = False, True, True
    if not is_inside:
        found.left.append(Leftover(name, OUT))
    elif is_file:
        found.files.append(name)
    else:
        found.left.append(Leftover(name, "a symbolic link to no file" if is_link else "neither a file nor a folder"))
