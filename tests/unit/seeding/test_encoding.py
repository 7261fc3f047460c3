"""What a text file may be encoded in, and what is said of others."""

import codecs
import os
from pathlib import Path

import pytest

from seeding.encoding import MOST_BYTES, read_text
from seeding.errors import SeedError

TEXT = "# Año 学而 🔥\nZweite Zeile\n"


def read(tmp_path: Path, data: bytes) -> str:
    (tmp_path / "a.md").write_bytes(data)
    return read_text(tmp_path / "a.md", "a.md")


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        codecs.BOM_UTF16_LE + TEXT.replace("\n", "\r").encode("utf-16-le"),
    ],
)
def test_one_text_however_it_is_encoded_and_its_lines_end(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) == TEXT


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("señora".encode("latin-1"), r"not UTF-8 \(byte 2\)"),
        ("# 学而\n子曰".encode("gb18030"), r"not UTF-8 \(byte 4\)"),
        (codecs.BOM_UTF8 + b"ab\xff", r"not UTF-8 \(byte 5\)"),
        (codecs.BOM_UTF16_LE + "ab".encode("utf-16-le") + b"c", r"not UTF-16 \(byte 6\)"),
        (codecs.BOM_UTF16_BE + b"\xd8\x00\x00a", r"not UTF-16 \(byte 2\)"),
        ("año".encode("utf-16-le"), r"NUL character \(byte 1\)|not UTF-8 \(byte 2\)"),
        ("abc".encode("utf-16-be"), r"NUL character \(byte 0\)"),
        (codecs.BOM_UTF32_LE + "a".encode("utf-32-le"), r"NUL character \(byte 2\)"),
        ("ñ\0".encode(), r"NUL character \(byte 2\)"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", r"not UTF-8 \(byte 0\)"),
        (b"\xed\xa0\x80", r"not UTF-8 \(byte 0\)"),
    ],
)
def test_what_is_no_text_is_named_with_its_byte(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(SeedError, match=rf"^a\.md: .*{said}"):
        read(tmp_path, data)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with open(tmp_path / "a.md", "wb") as file:
        os.truncate(file.fileno(), 100 * MOST_BYTES)
    with pytest.raises(SeedError, match=r"a\.md: larger than 4,194,304 bytes; a page holds 1 MiB"):
        read_text(tmp_path / "a.md", "a.md")
