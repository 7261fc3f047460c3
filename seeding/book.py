"""What an import brings: one book is one notebook, one document is one page."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from seeding.leftovers import Leftover
from seeding.links import LocalLink


@dataclass(frozen=True)
class Document:
    """A page to be: `name` identifies it inside its book from run to run, `links` are those to files of its book."""

    name: str
    title: str
    content: str
    links: tuple[LocalLink, ...] = ()

    @property
    def digest(self) -> str:
        """What tells its text from others, whatever its name; empty for an empty one, of which there may be many."""
        return hashlib.sha256(self.content.encode()).hexdigest() if self.content else ""


@dataclass(frozen=True)
class Book:
    """A notebook to be.

    `source` identifies it from run to run, whatever its title. `read_picture` answers the bytes behind the name that a
    document links to, or raises PictureProblem. `retitle` says that the title was asked for by name, so a notebook that
    is already there takes it. `left` is what of its source does not come along, `remarks` what else is worth a line.
    """

    source: str
    title: str
    documents: tuple[Document, ...]
    read_picture: Callable[[str], bytes]
    description: str = ""
    retitle: bool = False
    left: tuple[Leftover, ...] = ()
    remarks: tuple[str, ...] = ()
