"""Finding the file that a link means, among the files of the folder."""

import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from urllib.parse import unquote

# With a scheme, or another machine's: not in the folder.
ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
# On the writer's machine, or in its network.
THE_WRITERS_OWN = re.compile(r"file:|[A-Za-z]:[\\/]|\\\\", re.IGNORECASE)
OUTSIDE = "it lies outside the imported folder"
# Where generators of sites keep what a site shows under `/`.
SITE_FOLDERS = ("", "static", "public", "assets", "content")


class NotFound(Exception):
    """The link means a file, and there is none, or not one alone; the message says which."""


class Names:
    """The names of a folder's files: paths below it, parted by `/`."""

    def __init__(self, names: Iterable[str]) -> None:
        """Made once: 10,000 files are looked up by every link of 10,000 files."""
        self._exact = set(names)
        # The nearest likeness first: the same in another normal form, then in other case too.
        self._alike = [_by(self._exact, form) for form in (_normal, _folded)]
        self._by_end = _by(self._exact, lambda name: _folded(posixpath.basename(name)))

    def find(self, target: str, document: str) -> tuple[str, str] | None:
        """Return the file that `target` means in a document, and the `#part` behind it; None for what is elsewhere.

        Names are tried as they are written, then without percent signs; from the document's folder, then from the top.

        Raises:
            NotFound: there is no such file, or several that differ only in case or normal form.
        """
        if THE_WRITERS_OWN.match(target):
            raise NotFound(OUTSIDE)
        if not target or target.startswith("#") or ELSEWHERE.match(target):
            return None
        home = posixpath.dirname(document)
        for path, part in _readings(target):
            for place in _places(path, home):
                name = self._named(place)
                if name is not None:
                    return name, part
        raise NotFound(_why_not(target, home))

    def find_anywhere(self, target: str, document: str) -> tuple[str, str] | None:
        """Return the same for a link of a notebook like Obsidian's, which names a file wherever it lies."""
        try:
            return self.find(target, document)
        except NotFound:
            path, _, part = target.partition("#")
            end = _folded(path.lstrip("/"))
            found = [
                name
                for name in self._by_end.get(posixpath.basename(end), ())
                if f"/{_folded(name)}".endswith(f"/{end}")
            ]
            if len(found) > 1:
                raise NotFound(f"several files are called so: {', '.join(sorted(found))}") from None
            if not found:
                raise
            return found[0], part and f"#{part}"

    def twins(self) -> list[list[str]]:
        """List the names that differ only in case or normal form."""
        return sorted(sorted(alike) for alike in self._alike[-1].values() if len(alike) > 1)

    def _named(self, path: str) -> str | None:
        if path in self._exact:
            return path
        for form, alike in zip((_normal, _folded), self._alike, strict=True):
            found = alike.get(form(path), [])
            if len(found) > 1:
                raise NotFound(f"several files differ only in case or normal form: {', '.join(sorted(found))}")
            if found:
                return found[0]
        return None


def is_outside(target: str, document: str) -> bool:
    """Tell whether a target leads out of the folder by its `..`."""
    path = unquote(target).replace("\\", "/").lstrip("/")
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(document), path))
    return beside.startswith("..")


def _readings(target: str) -> Iterable[tuple[str, str]]:
    """As a name with `#` or `?` in it, without them, and both without percent signs."""
    bare, mark, part = target.partition("#")
    bare = bare.partition("?")[0]
    yield target, ""
    yield unquote(target), ""
    yield bare, mark + part
    yield unquote(bare), mark + part
    yield unquote(bare).replace("\\", "/"), mark + part


def _places(path: str, home: str) -> Iterable[str]:
    """Where below the folder a path may lie. What leads out of it lies nowhere."""
    if not path or path.endswith("/"):
        return
    tried = [] if path.startswith("/") else [posixpath.join(home, path)]
    below = path.lstrip("/")
    tried += [posixpath.join(folder, below) for folder in (SITE_FOLDERS if path.startswith("/") else ("",))]
    for place in tried:
        normal = posixpath.normpath(place)
        if not normal.startswith("../") and normal not in ("..", "."):
            yield normal


def _why_not(target: str, home: str) -> str:
    outside = is_outside(target, posixpath.join(home, "document"))
    return OUTSIDE if outside else "there is no such file in the folder"


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return _normal(_normal(name).casefold())


def _by(names: Iterable[str], form: Callable[[str], str]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for name in names:
        found[form(name)].append(name)
    return dict(found)
