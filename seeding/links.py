"""The links of a chapter to files of its folder, and the chapter with other targets in them."""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from infra.markdown import Link, read
from seeding.dialects import Foreign, escaped, foreign_links, without_liquid
from seeding.names import Names, NotFound, is_outside

TEXTS = (".md", ".markdown", ".mdown", ".txt")
# By their names; what of it the server takes, it tells by their contents.
PICTURES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif"}
PICTURES |= {".svg", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"}
# Of the folder that a link names, in a site.
FRONT_PAGES = ("", "/index", "/_index")
# What could end a target, in `()`, in `<>`, in quotes or without any.
ENDING = re.compile(r"[\0-\x20\"'&()<>\[\\\]^`{|}\x7f]")


@dataclass(frozen=True)
class LocalLink:
    """One target in a chapter's text: what stands between `start` and `end` means the file `name`, and `part` of it.

    There the new target is to be written, between `before` and `after`. `is_picture` says that it shall be seen in its
    place, `alt` describes it, where that is known.
    """

    start: int
    end: int
    name: str
    part: str = ""
    is_picture: bool = False
    alt: str = ""
    before: str = ""
    after: str = ""

    def written(self, target: str) -> str:
        """Return what to write in its place."""
        return self.before + target + self.part + self.after


@dataclass(frozen=True)
class DeadLink:
    """A link that means a file which can't be found; `reason` says why."""

    target: str
    reason: str
    is_picture: bool


def local_links(content: str, document: str, names: Names) -> tuple[list[LocalLink], list[DeadLink]]:
    """Find every link of the chapter `document` that means a file, in the order of their places."""
    read_content = read(content)
    found: dict[tuple[int, int], LocalLink] = {}
    dead: list[DeadLink] = []
    links: list[Link | Foreign] = [*read_content.links, *foreign_links(content, read_content)]
    for each in links:
        try:
            link = _local(each, document, names)
        except NotFound as reason:
            dead.append(DeadLink(each.target, str(reason), each.is_picture))
            continue
        if link is not None:
            # The links to one definition share one place.
            found.setdefault((link.start, link.end), link)
    return sorted(found.values(), key=lambda link: link.start), dead


def relinked(content: str, links: Iterable[LocalLink], target_of: Callable[[LocalLink], str | None]) -> str:
    """Return the content with new targets; a link without one stays as it is."""
    parts, done = [], 0
    for link in links:
        target = target_of(link)
        if target is not None and link.start >= done:
            parts += [content[done : link.start], link.written(target)]
            done = link.end
    return "".join([*parts, content[done:]])


def _local(link: Link | Foreign, document: str, names: Names) -> LocalLink | None:
    """What the link means in the folder; None when it means nothing there.

    Raises:
        NotFound: it means a file there that does not exist.
    """
    found = _file_of(link, document, names)
    if found is None:
        return None
    name, part = found
    part = ENDING.sub(lambda each: f"%{ord(each[0]):02X}", part)
    if isinstance(link, Foreign):
        # Of `![[b]]` only the file tells whether it is a picture.
        is_picture = link.is_picture and not (link.is_note and suffix(name) in TEXTS)
        around = link.shown if is_picture else link.before, link.after
        return LocalLink(link.start, link.end, name, part, is_picture, link.alt if is_picture else "", *around)
    if link.place is None and link.is_picture:
        return LocalLink(link.start, link.end, name, part, True, link.text, f"![{escaped(link.text)}](", ")")
    if link.place is None:
        raise NotFound("where its target stands can't be told")
    return LocalLink(*link.place, name, part, link.is_picture, link.text if link.is_picture else "")


def _file_of(link: Link | Foreign, document: str, names: Names) -> tuple[str, str] | None:
    is_note = isinstance(link, Foreign) and link.is_note
    look = names.find_anywhere if is_note else names.find
    target = without_liquid(link.target)
    try:
        return look(target, document)
    except NotFound:
        path, mark, part = target.partition("#")
        for name in _texts_called(path):
            with suppress(NotFound):
                return look(f"{name}{mark}{part}", document)
        # `[the door](door)` and `[about](/about/)` need not be files at all.
        is_file = suffix(path) in (*TEXTS, *PICTURES) or is_outside(target, document)
        if link.is_picture or is_note or is_file:
            raise
        return None


def _texts_called(path: str) -> Iterator[str]:
    """A link between notes, or of a site, often leaves the ending out, or names a folder."""
    for page in FRONT_PAGES:
        yield from (path.rstrip("/") + page + kind for kind in TEXTS)


def suffix(name: str) -> str:
    """The ending of a file's name, in small letters."""
    return posixpath.splitext(name)[1].lower()
