"""Reading a folder of text files as a book. What can be wrong with it is found before anything is sent."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from seeding.book import Book, Document
from seeding.chapter import Chapter, read_chapter
from seeding.collecting import Found, collect
from seeding.errors import PictureProblem, SeedError
from seeding.leftovers import Leftover, shown
from seeding.linking import Linking
from seeding.links import PICTURES, TEXTS, relinked, suffix
from seeding.names import Names
from seeding.order import in_order

CONTENT_LIMIT = 1024 * 1024
PICTURE_LIMIT = 10_000_000
KINDS = ".md, .markdown, .mdown or .txt"
# As long as any address that the server gives: a text must have room for its links before they are known.
ANY_TARGET = "/" + "x" * 99


def read_folder(folder: Path, title: str | None = None, drawn: Iterable[str] = ()) -> Book:
    """Read every text file of the folder and of those in it; all that is wrong is reported at once.

    `drawn` are names of pictures that exist without being files.

    Raises:
        SeedError: something can't become a page, so nothing is begun.
    """
    found = collect(folder)
    home, texts = folder.resolve(), [name for name in found.files if suffix(name) in TEXTS]
    if not texts:
        raise SeedError(f"{folder} holds no text: --from takes a folder with files that end in {KINDS}.")
    chapters = _chapters(home, texts)
    pages = [each for each in chapters if not each.about.left_out]
    if not pages:
        raise SeedError(f"{folder}: every text in it is left out by its front matter ({chapters[0].about.left_out}).")
    names = Names([*found.files, *drawn])
    linking = Linking(names, texts, (each.name for each in pages))
    documents = tuple(linking.document(each) for each in _sorted(pages))
    _refuse(_too_long(documents))
    drafts = [Leftover(each.name, each.about.left_out) for each in chapters if each.about.left_out]
    return Book(
        # A hash: metadata is public once the notebook is, and where a folder lies is nobody's business.
        source="folder-" + hashlib.sha256(str(home).encode("utf-8", "surrogateescape")).hexdigest()[:32],
        title=title or shown(home.name) or "Notebook",
        documents=documents,
        read_picture=lambda name: read_picture(home, name),
        retitle=title is not None,
        left=(*linking.left, *drafts, *found.left, *_unused(found.files, linking.pictures)),
        remarks=tuple(_remarks(found, names)),
    )


def _chapters(home: Path, texts: Iterable[str]) -> list[Chapter]:
    chapters, problems = [], []
    for name in texts:
        try:
            name.encode()
            chapters.append(read_chapter(home / name, name))
        except UnicodeEncodeError:
            problems.append(f"{shown(name)}: its name is not UTF-8: rename the file.")
        except SeedError as error:
            problems.append(str(error))
    _refuse(problems)
    return chapters


def _refuse(problems: list[str]) -> None:
    if problems:
        raise SeedError("nothing was imported:\n  " + "\n  ".join(problems))


def _sorted(chapters: list[Chapter]) -> list[Chapter]:
    weights = {each.name: each.about.weight for each in chapters if each.about.weight is not None}
    by_name = {each.name: each for each in chapters}
    return [by_name[name] for name in in_order(by_name, weights)]


def _too_long(documents: Iterable[Document]) -> list[str]:
    """Name those that the server would refuse, as they are or with longer links in them."""
    problems = []
    for each in documents:
        size = len(relinked(each.content, each.links, lambda link: ANY_TARGET).encode())
        if size > CONTENT_LIMIT:
            limit = f"a page holds 1 MiB ({CONTENT_LIMIT:,} bytes): split the file."
            problems.append(f"{shown(each.name)}: {size:,} bytes; {limit}")
    return problems


def _unused(files: Iterable[str], pictures: set[str]) -> Iterator[Leftover]:
    for name in files:
        if suffix(name) in PICTURES and name not in pictures:
            yield Leftover(name, "no text shows or links to it")
        elif suffix(name) not in TEXTS and name not in pictures:
            yield Leftover(name, f"neither a text ({KINDS}) nor a picture")


def _remarks(found: Found, names: Names) -> Iterator[str]:
    """What is worth a line although nothing is missing by it."""
    for twins in names.twins():
        alike = ", ".join(map(shown, twins))
        yield f"these names differ only in case or normal form; each is a file of its own: {alike}"
    if found.hidden:
        yield f"hidden, so not looked at: {', '.join(map(shown, sorted(found.hidden)))}"


def read_picture(home: Path, name: str) -> bytes:
    """Read a picture that lies in the imported folder.

    Outside of it nothing is read, also not through `..` or a symbolic link: a Markdown file that came from somebody
    else must not be able to publish pictures from all over this machine.
    """
    try:
        path = (home / name).resolve()
        if not path.is_relative_to(home):
            raise PictureProblem("it lies outside the imported folder")
        if not path.is_file():
            raise PictureProblem("there is no such file")
        if path.stat().st_size > PICTURE_LIMIT:
            raise PictureProblem(f"it is larger than {PICTURE_LIMIT:,} bytes")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        # ValueError is what a NUL in a name raises.
        raise PictureProblem(f"it cannot be read ({error})") from error
