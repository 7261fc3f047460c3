"""Reading a folder of Markdown files as a book. What can be wrong with it is found before anything is sent."""

import hashlib
from pathlib import Path

from seeding.book import Book, Document
from seeding.errors import PictureProblem, SeedError
from seeding.markdown import split_title

MARKDOWN = {".md", ".markdown"}
CONTENT_LIMIT = 1024 * 1024
TITLE_LIMIT = 200
PICTURE_LIMIT = 10_000_000


def read_folder(folder: Path, title: str | None = None) -> Book:
    """Read every Markdown file of the folder, sorted by name; all that is wrong is reported at once."""
    documents, problems = [], []
    for path in _markdown_files(folder):
        try:
            documents.append(read_document(path))
        except SeedError as error:
            problems.append(str(error))
    if problems:
        raise SeedError("nothing was imported:\n  " + "\n  ".join(problems))
    home = folder.resolve()
    return Book(
        # A hash: metadata is public once the notebook is, and where a folder lies is nobody's business.
        source="folder-" + hashlib.sha256(str(home).encode("utf-8", "surrogateescape")).hexdigest()[:32],
        title=title or home.name or "Notebook",
        documents=tuple(documents),
        read_picture=lambda name: read_picture(home, name),
        retitle=title is not None,
    )


def _markdown_files(folder: Path) -> list[Path]:
    """List the folder's Markdown files in order; a folder that has none is a mistake worth a message."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise SeedError(f"{folder} {what}: --from takes a folder of Markdown files.")
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in MARKDOWN and path.is_file()]
    except OSError as error:
        raise SeedError(f"{folder} cannot be read: {error.strerror}.") from error
    # Hidden files are editors' and systems' own (`._01.md` is no chapter).
    visible = sorted((path for path in found if not path.name.startswith(".")), key=lambda path: path.name)
    if not visible:
        raise SeedError(f"{folder} holds no Markdown file: --from takes a folder with files that end in .md.")
    return visible


def read_document(path: Path) -> Document:
    """Read one file as a page, and refuse what the server would refuse, naming the file and what to change."""
    text = _read_text(path)
    title, content = split_title(text, otherwise=path.stem)
    if len(title) > TITLE_LIMIT:
        raise SeedError(f"{path}: its title has {len(title)} characters; shorten it to {TITLE_LIMIT}.")
    size = len(content.encode())
    if size > CONTENT_LIMIT:
        raise SeedError(f"{path}: {size:,} bytes; a page holds 1 MiB ({CONTENT_LIMIT:,} bytes): split the file.")
    return Document(path.name, title, content)


def _read_text(path: Path) -> str:
    """Read a file as UTF-8, with a byte order mark and Windows line ends taken away."""
    try:
        path.name.encode()
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeEncodeError as error:
        raise SeedError(f"{path.name!a}: its name is not UTF-8: rename the file.") from error
    except UnicodeDecodeError as error:
        raise SeedError(f"{path}: not UTF-8 (byte {error.start:,}): save the file as UTF-8.") from error
    except OSError as error:
        raise SeedError(f"{path}: cannot be read: {error.strerror}.") from error
    if "\0" in text:
        raise SeedError(f"{path}: holds a NUL character, so it is hardly text: save the file as plain UTF-8 text.")
    return text.replace("\r\n", "\n")


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
