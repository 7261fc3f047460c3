"""The demo content: three short notebooks about writing, in three languages, with pictures drawn on the spot."""

from dataclasses import dataclass, replace
from pathlib import Path

from seeding.book import Book
from seeding.drawings import DRAWINGS, draw
from seeding.folder import read_folder

TEXTS = Path(__file__).parent / "demo_texts"


@dataclass(frozen=True)
class Demo:
    """One of the notebooks: its folder under demo_texts, and what readers are told about it."""

    folder: str
    title: str
    description: str
    publish: bool

    def book(self) -> Book:
        """Read it; its identity is its name, so that a checkout elsewhere finds the same notebook again."""
        book = read_folder(TEXTS / self.folder, self.title, drawn=DRAWINGS)
        return replace(
            book,
            source=f"demo-{self.folder}",
            description=self.description,
            read_picture=draw,
            retitle=False,
        )


# One stays a draft, so that a newcomer sees both states.
DEMOS = (
    Demo("a-small-book-of-drafts", "A Small Book of Drafts", "On first lines, paper boats and reading aloud.", True),
    Demo("cuaderno-de-mano", "Cuaderno de mano", "Notas sobre escribir, llover y cortar.", False),
    Demo("zhi-shang-xing-zou", "纸上行走", "清晨、书信，和写错的字。", True),
)
