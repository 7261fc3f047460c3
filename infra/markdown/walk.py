"""From the parser's events to blocks of what is shown."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from infra.markdown.tags import HtmlLink, Tags

_KINDS = {"Paragraph": "paragraph", "Heading": "heading", "Item": "item", "TableCell": "cell", "CodeBlock": "code"}
_KINDS["HtmlBlock"] = "html"
_CONTAINERS = {"BlockQuote": "quote", "List": "list", "FootnoteDefinition": "footnote", "Table": "table"}
_REFERENCES = frozenset(("Reference", "Collapsed", "Shortcut"))


class Piece(NamedTuple):
    """A run of shown text; with ``is_exact`` it stands in the source as it is."""

    text: str
    start: int
    end: int
    is_exact: bool = False


@dataclass(slots=True)
class Place:
    """A block in the source. Several runs of text can be of one: before, between and after what an item holds."""

    kind: str
    level: int
    start: int
    end: int = 0


@dataclass(slots=True)
class ShownBlock:
    place: Place
    inside: tuple[str, ...]
    pieces: list[Piece]


@dataclass(slots=True)
class FoundLink:
    """``after_words``: where its words end. ``place`` is known of HTML alone; ``label`` is its target as it is written
    there, or a reference's label."""

    form: str
    is_picture: bool
    target: str
    text: str
    start: int
    end: int
    place: tuple[int, int] | None = None
    label: str = ""
    after_words: int = 0
    first_piece: int = 0


@dataclass(slots=True)
class Walk:
    """After ``through`` all events, ``blocks`` and ``links`` are complete. ``at`` says where a place of the parser's,
    an offset in UTF-8, is in the source."""

    at: Callable[[int], int]
    blocks: list[ShownBlock] = field(default_factory=list)
    links: list[FoundLink] = field(default_factory=list)
    _pieces: list[Piece] = field(default_factory=list)
    _html: list[Piece] = field(default_factory=list)
    _open: list[Place] = field(default_factory=list)
    _open_links: list[FoundLink] = field(default_factory=list)
    _inside: list[str] = field(default_factory=list)
    _tags: Tags = field(default_factory=Tags)

    def through(self, events: Iterable[tuple[Any, Any]]) -> "Walk":
        at = self.at
        for event, where in events:
            if event.__class__ is str:
                if event != "Rule":
                    self._show("\n", at(where["start"]), at(where["end"]))
                continue
            ((name, value),) = event.items()
            # Each place in the order of the text, so that `at` never has to go far.
            if name == "Text":
                self._show(value, at(where["start"]), at(where["end"]), can_be_exact=True)
            elif name == "Start":
                self._start(value, at(where["start"]))
            elif name == "End":
                self._end(value, at(where["end"]))
            elif name == "Code":
                self._show(value, at(where["start"]), at(where["end"]))
            elif name == "Html" or name == "InlineHtml":
                self._markup(name, Piece(value, at(where["start"]), at(where["end"]), True))
        return self

    def _show(self, text: str, start: int, end: int, can_be_exact: bool = False) -> None:
        if not self._tags.hidden_until:
            self._pieces.append(Piece(text, start, end, can_be_exact and end - start == len(text)))
        if self._open_links:
            self._open_links[-1].after_words = end

    def _start(self, tag: Any, start: int) -> None:
        name, about = (tag, {}) if tag.__class__ is str else next(iter(tag.items()))
        if name in _KINDS:
            self._flush()
            self._open.append(Place(_KINDS[name], int(about["level"][1]) if name == "Heading" else 0, start))
        elif name in _CONTAINERS:
            self._flush()
            self._inside.append(_CONTAINERS[name])
        elif name == "Link" or name == "Image":
            self._start_link(about, name == "Image", start)

    def _end(self, tag: Any, end: int) -> None:
        name = tag if tag.__class__ is str else next(iter(tag))
        if name in _KINDS:
            self._flush()
            self._open.pop().end = end
        elif name in _CONTAINERS:
            self._flush()
            self._inside.pop()
        elif name == "Link" or name == "Image":
            self._end_link(end)
        elif self._open_links:
            # The end of an emphasis in its words.
            self._open_links[-1].after_words = end

    def _flush(self) -> None:
        if not (self._pieces or self._html):
            return
        if self._html:
            html, self._html = self._html, []
            self._read_html(html)
        pieces, self._pieces = self._pieces, []
        if any(not piece.text.isspace() for piece in pieces):
            self.blocks.append(ShownBlock(self._open[-1], tuple(self._inside), pieces))
        self._tags.hidden_until = ""

    def _start_link(self, about: Any, is_picture: bool, start: int) -> None:
        written = about["link_type"]
        form = "inline" if written == "Inline" else "reference" if written in _REFERENCES else "autolink"
        link = FoundLink(form, is_picture, about["dest_url"], "", start, start, label=about["id"])
        link.after_words = start + 1 + is_picture
        self.links.append(link)
        self._open_links.append(link)
        if is_picture:
            self._gap(start)
        link.first_piece = len(self._pieces)

    def _end_link(self, end: int) -> None:
        link = self._open_links.pop()
        link.end = end
        link.text = "".join([piece.text for piece in self._pieces[link.first_piece :]])
        if link.is_picture:
            self._gap(end)
        if self._open_links:
            self._open_links[-1].after_words = end

    def _gap(self, place: int) -> None:
        """A picture stands beside the words around it, never in the middle of one."""
        if not self._tags.hidden_until:
            self._pieces.append(Piece(" ", place, place))

    def _markup(self, name: str, html: Piece) -> None:
        if name == "Html":
            self._html.append(html)
            return
        self._read_html([html])
        if self._open_links:
            self._open_links[-1].after_words = html.end

    def _read_html(self, html: list[Piece]) -> None:
        source = Joined(html)
        for found in self._tags.read(source.text):
            start, end = source.start(found.start), source.end(found.end)
            if isinstance(found, HtmlLink):
                place = source.start(found.place[0]), source.end(found.place[1])
                written = source.text[slice(*found.place)]
                same = (found.is_picture, found.target, found.text, start, end, place, written)
                self.links.append(FoundLink("html", *same))
            else:
                self._pieces.append(Piece(found.text, start, end, found.is_exact and end - start == len(found.text)))


class Joined:
    """Pieces as one text whose places are known in the source. What is not exact is blotted out with NUL."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = list(pieces)
        self.text = "".join([piece.text if piece.is_exact else "\0" * len(piece.text) for piece in self._pieces])
        self._begins = []
        length = 0
        for piece in self._pieces:
            self._begins.append(length)
            length += len(piece.text)

    def start(self, place: int) -> int:
        """Where the character at ``place`` stands."""
        number = bisect_right(self._begins, place) - 1
        piece = self._pieces[number]
        return min(piece.start + place - self._begins[number], piece.end)

    def end(self, place: int) -> int:
        """Where the character before ``place`` ends."""
        return self.start(place - 1) + 1 if place else self.start(0)
