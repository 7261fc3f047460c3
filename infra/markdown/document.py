"""A Markdown text as a reader sees it, with its places in the source."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyromark
from pyromark import Options

from infra.markdown.front_matter import FrontMatter, split_front_matter
from infra.markdown.shown import shown_text
from infra.markdown.targets import defined_target, inline_target, normal_label, written_target
from infra.markdown.walk import FoundLink, Piece, ShownBlock, Walk

_OPTIONS = Options.ENABLE_TABLES | Options.ENABLE_STRIKETHROUGH | Options.ENABLE_FOOTNOTES | Options.ENABLE_TASKLISTS
_PARSER = pyromark.Markdown(options=_OPTIONS)


@dataclass(frozen=True, slots=True)
class Block:
    """See the package. ``text`` is what is shown of it."""

    kind: str
    level: int
    inside: tuple[str, ...]
    start: int
    end: int
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "".join([piece.text for piece in self.pieces])

    def plain(self) -> str:
        """Its text in one line, as a title is."""
        return " ".join(self.text.split())


@dataclass(frozen=True, slots=True)
class Link:
    """See the package."""

    form: str
    is_picture: bool
    target: str
    text: str
    start: int
    end: int
    place: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Document:
    front_matter: FrontMatter | None
    blocks: tuple[Block, ...]
    links: tuple[Link, ...]

    def headings(self) -> Iterator[Block]:
        return (block for block in self.blocks if block.kind == "heading")


def seen(text: str) -> str:
    """What a reader sees of a Markdown text, blocks with a blank line between them."""
    _, begin = split_front_matter(text)
    return shown_text(_PARSER.events(text[begin:]))


def read(text: str) -> Document:
    """A Markdown text block by block, with its links and pictures."""
    front_matter, begin = split_front_matter(text)
    walk = Walk(places(text, begin)).through(_PARSER.events_with_range(text[begin:]))
    links = _links(text, walk.links, _definitions(text, begin))
    blocks = tuple(_block(text, shown) for shown in walk.blocks)
    return Document(front_matter, blocks, tuple(sorted(links, key=lambda link: link.start)))


def _block(text: str, shown: ShownBlock) -> Block:
    place, start = shown.place, shown.place.start
    # The parser leaves the blanks before a heading out; cut without them, they would indent what follows.
    while place.kind == "heading" and not shown.inside and start and text[start - 1] in " \t":
        start -= 1
    return Block(place.kind, place.level, shown.inside, start, place.end, tuple(shown.pieces))


def _definitions(text: str, begin: int) -> dict[str, tuple[int, int, str]]:
    """Where each definition stands, and its target, by its label as references are matched."""
    at = places(text, begin)
    found: dict[str, tuple[int, int, str]] = {}
    for label, it in _PARSER.reference_definitions(text[begin:]).items():
        found.setdefault(normal_label(label), (at(it["span"]["start"]), at(it["span"]["end"]), it["dest"]))
    return found


def _links(text: str, found: list[FoundLink], defined: dict[str, tuple[int, int, str]]) -> Iterator[Link]:
    for link in found:
        place = link.place
        if link.form == "inline":
            place = inline_target(text, link.after_words, link.end, link.target)
        elif link.form == "reference":
            definition = defined.get(normal_label(link.label))
            place = defined_target(text, *definition) if definition and definition[2] == link.target else None
        elif link.form == "autolink":
            place = link.start + 1, link.end - 1
        elif link.form == "html":
            place = written_target(text, link.place or (0, 0), link.label, link.start, link.end)
        yield Link(link.form, link.is_picture, link.target, link.text, link.start, link.end, place)


def places(text: str, begin: int) -> Callable[[int], int]:
    """Where offsets in the UTF-8 of ``text[begin:]`` are in ``text``. Cheap while it never goes far back or ahead."""
    if text.isascii():
        return begin.__add__
    data = text[begin:].encode()
    byte, character = 0, begin

    def at(place: int) -> int:
        nonlocal byte, character
        if place >= byte:
            character += len(data[byte:place].decode())
        else:
            character -= len(data[place:byte].decode())
        byte = place
        return character

    return at
