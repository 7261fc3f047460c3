"""One file of a book: its title, its text, and the files that the text links to."""

import posixpath
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from infra.markdown import Block, Document, read
from seeding.encoding import read_text
from seeding.errors import SeedError
from seeding.front_matter import About, Unreadable, read_front_matter
from seeding.leftovers import shown

TITLE_LIMIT = 200
BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")
# Blanks, control and format characters, and marks that stand on a letter.
INVISIBLE = {"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Me"}
# Letters to Unicode, nothing to the eye.
BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"


@dataclass(frozen=True)
class Chapter:
    """A file as it was read. `name` is its path below the folder; `lost` are reasons why something is not whole."""

    name: str
    title: str
    content: str
    about: About = field(default_factory=About)
    lost: tuple[str, ...] = ()


def read_chapter(path: Path, name: str) -> Chapter:
    """Read one file.

    Raises:
        SeedError: it is no text, or its front matter or title can't be used; names the file and what to change.
    """
    text = read_text(path, shown(name))
    try:
        about, text = read_front_matter(text)
    except Unreadable as reason:
        raise SeedError(f"{shown(name)}: {reason}: mend it, or take its fences away.") from reason
    lost: tuple[str, ...] = ()
    title = about.title if is_visible(about.title) else ""
    if not title:
        title, text, lost = split_title(text, otherwise=_title_from_name(name))
    if len(title) > TITLE_LIMIT:
        raise SeedError(f"{shown(name)}: its title has {len(title)} characters; shorten it to {TITLE_LIMIT}.")
    return Chapter(name, title, text, about, lost)


def split_title(text: str, otherwise: str) -> tuple[str, str, tuple[str, ...]]:
    """Return title, content, and what the heading held that a title can't.

    The first heading of level 1 that has words is the title and leaves the content; `otherwise` serves without one.
    """
    document = read(text)
    for block in document.headings():
        if block.level == 1 and not block.inside and is_visible(title := block.plain()):
            return title, _without(text, block), _lost_in(document, block)
    return otherwise, text, ()


def _without(text: str, block: Block) -> str:
    """Take a heading out. What it parted stays parted."""
    # Up to three blanks may stand before a heading.
    before, after = text[: block.start].rstrip(" "), text[block.end :]
    if not before.strip():
        return BLANK_LINES.sub("", after)
    parted = before.endswith("\n\n") or after.startswith("\n") or not after
    return before + ("" if parted else "\n") + after


def _lost_in(document: Document, block: Block) -> tuple[str, ...]:
    inside = [link for link in document.links if block.start <= link.start < block.end]
    return tuple(
        f"its title holds {'a picture' if link.is_picture else 'a link'} ({link.target}): titles are plain text"
        for link in inside
    )


def _title_from_name(name: str) -> str:
    stem, _ = posixpath.splitext(posixpath.basename(name))
    title = " ".join(unicodedata.normalize("NFC", stem).split())
    return title if is_visible(title) else "Untitled"


def is_visible(title: str) -> bool:
    """Tell whether anything is left of it once white space and invisible characters are gone."""
    return any(unicodedata.category(each) not in INVISIBLE and each not in BLANK_LETTERS for each in title)
