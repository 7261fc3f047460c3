"""What an import brings: one book is one notebook, one document is one page."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """A page to be: `name` identifies it inside its book from run to run, links to pictures are still local."""

    name: str
    title: str
    content: str


@dataclass(frozen=True)
class Book:
    """A notebook to be.

    `source` identifies it from run to run, whatever its title. `read_picture` answers the bytes behind the name that a
    document links to, or raises PictureProblem. `retitle` says that the title was asked for by name, so a notebook that
    is already there takes it.
    """

    source: str
    title: str
    documents: tuple[Document, ...]
    read_picture: Callable[[str], bytes]
    description: str = ""
    retitle: bool = False
