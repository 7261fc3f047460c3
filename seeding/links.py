"""The links of a chapter to files of its folder, and the chapter with other targets in them."""

import posixpath
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from infra.markdown import Document, Link, read
from seeding.names import Names, NotFound

TEXTS = {".md", ".markdown", ".mdown", ".txt"}
# By their names; what of it the server takes, it tells by their contents.
PICTURES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif"}
PICTURES |= {".svg", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"}
# What could end a target, in `()`, in `<>`, in quotes or without any.
ENDING = re.compile(r"[\0-\x20\"'&()<>\[\\\]^`{|}\x7f]")
WIKI = re.compile(r"!?\[\[(?P<target>[^\[\]|\n]+)(?:\|(?P<words>[^\[\]\n]*))?\]\]")
# `{{< ref "b.md" >}}` of Hugo, `{% link b.md %}` of Jekyll: the shortcode stands for the address alone.
SHORTCODE = re.compile(
    r"\{\{[<%][ ]*(?:rel)?ref[ ]+[\"']?(?P<hugo>[^\s\"'<>]+)[\"']?[ ]*[>%]\}\}"
    r"|\{%-?[ ]*link[ ]+(?P<jekyll>[^\s%]+)[ ]*-?%\}"
)
SIZE = re.compile(r"[0-9]*(?:x[0-9]*)?")
TO_ESCAPE = re.compile(r"([\\\[\]*_`<&])")


@dataclass(frozen=True)
class LocalLink:
    """One target in a chapter's text: what stands between `start` and `end` means the file `name`, and `part` of it.

    `pattern` is what to write there, with `{}` for the new target. `is_picture` says that it shall be seen in its
    place, `alt` describes it, where that is known.
    """

    start: int
    end: int
    name: str
    part: str = ""
    is_picture: bool = False
    alt: str = ""
    pattern: str = "{}"

    def written(self, target: str) -> str:
        """Return what to write in its place."""
        # Not `format`: the words of a writer may hold braces.
        return self.pattern.replace("{}", target + self.part, 1)


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
    for each in [*read_content.links, *_dialects(content, read_content)]:
        try:
            link = _local(content, each, document, names)
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


def _local(content: str, link: Link, document: str, names: Names) -> LocalLink | None:
    """What the link means in the folder; None when it means nothing there.

    Raises:
        NotFound: it means a file there that does not exist.
    """
    found = _file_of(link, document, names)
    if found is None:
        return None
    name, part = found
    part = ENDING.sub(lambda each: f"%{ord(each[0]):02X}", part)
    if link.form == "wiki":
        return _from_wiki(content, link, name, part)
    if link.place is None and link.is_picture:
        return LocalLink(link.start, link.end, name, part, True, link.text, f"![{_escaped(link.text)}]({{}})")
    if link.place is None:
        raise NotFound("where its target stands can't be told")
    return LocalLink(*link.place, name, part, link.is_picture, link.text if link.is_picture else "")


def _file_of(link: Link, document: str, names: Names) -> tuple[str, str] | None:
    look = names.find_anywhere if link.form in ("wiki", "shortcode") else names.find
    try:
        return look(link.target, document)
    except NotFound:
        path, mark, part = link.target.partition("#")
        for kind in TEXTS:
            # A link between notes, or of a site, often leaves the ending out.
            with suppress(NotFound):
                return look(f"{path}{kind}{mark}{part}", document)
        # `[the door](door)` and `[about](/about/)` need not be files at all.
        if link.is_picture or link.form == "wiki" or suffix(path) in TEXTS | PICTURES:
            raise
        return None


def _from_wiki(content: str, link: Link, name: str, part: str) -> LocalLink:
    """`[[name|words]]` becomes a link, and `![[name|words]]` a picture, unless it is a text."""
    found = WIKI.fullmatch(content[link.start : link.end])
    words = (found["words"] or "").strip() if found else ""
    if link.is_picture and suffix(name) not in TEXTS:
        # `|300` is a width.
        alt = "" if SIZE.fullmatch(words) else words
        return LocalLink(link.start, link.end, name, part, True, alt, f"![{_escaped(alt)}]({{}})")
    return LocalLink(link.start, link.end, name, part, pattern=f"[{_escaped(words or link.target)}]({{}})")


def _dialects(content: str, document: Document) -> Iterator[Link]:
    """Links between notes and shortcodes of sites. They are no Markdown, so they stand in its text; never in code."""
    if "[[" not in content and "{{" not in content and "{%" not in content:
        return
    shown = sorted(
        (piece.start, piece.end)
        for block in document.blocks
        if block.kind not in ("code", "html")
        for piece in block.pieces
        if piece.is_exact
    )
    for pattern in (WIKI, SHORTCODE):
        for found in pattern.finditer(content):
            at = bisect_right(shown, (found.start(), len(content))) - 1
            if found[0].startswith("!") or at < 0 or found.start() >= shown[at][1]:
                continue
            whole = found.span()
            if pattern is WIKI:
                yield Link("wiki", False, found["target"].strip(), "", *whole, whole)
            else:
                yield Link("shortcode", False, found["hugo"] or found["jekyll"], "", *whole, whole)


def _escaped(words: str) -> str:
    return TO_ESCAPE.sub(r"\\\1", words)


def suffix(name: str) -> str:
    """The ending of a file's name, in small letters."""
    return posixpath.splitext(name)[1].lower()
