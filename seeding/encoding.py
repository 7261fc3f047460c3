"""Reading a text file as what it is: UTF-8, or UTF-16 that says so by its byte order mark."""

import codecs
import re
from pathlib import Path

from seeding.errors import SeedError

# A page holds 1 MiB of UTF-8; the same in UTF-16 is at most twice as long, and front matter takes little.
MOST_BYTES = 4 * 1024 * 1024
MARKS = {
    codecs.BOM_UTF8: ("utf-8", "UTF-8"),
    codecs.BOM_UTF16_LE: ("utf-16-le", "UTF-16"),
    codecs.BOM_UTF16_BE: ("utf-16-be", "UTF-16"),
}
LINE_ENDS = re.compile(r"\r\n?")


def read_text(path: Path, name: str) -> str:
    """Return the file's text with LF for every line end and without its byte order mark.

    `name` is what the file is called in messages.

    Raises:
        SeedError: it is none of these encodings, is too large, or can't be read. The message names the byte.
    """
    data = _read(path, name)
    mark = next((mark for mark in MARKS if data.startswith(mark)), b"")
    codec, called = MARKS.get(mark, ("utf-8", "UTF-8"))
    try:
        text = data[len(mark) :].decode(codec)
    except UnicodeDecodeError as error:
        raise SeedError(f"{name}: not {called} (byte {len(mark) + error.start:,}): save the file as UTF-8.") from error
    place = text.find("\0")
    if place >= 0:
        byte = len(mark) + len(text[:place].encode(codec))
        raise SeedError(f"{name}: holds a NUL character (byte {byte:,}), so it is no text: save the file as UTF-8.")
    return LINE_ENDS.sub("\n", text)


def _read(path: Path, name: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SeedError(f"{name}: cannot be read: {error.strerror}.") from error
    if len(data) > MOST_BYTES:
        raise SeedError(f"{name}: larger than {MOST_BYTES:,} bytes; a page holds 1 MiB: split the file.")
    return data
