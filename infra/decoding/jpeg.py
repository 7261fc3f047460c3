"""JPEGs that lack their end marker and nothing else. Runs in the child process alone."""

import hashlib
from io import BytesIO
from pathlib import Path

from PIL import Image

END = b"\xff\xd9"
# Bits that say something: decoded as if they went on with the picture, they change it. Without a byte of a marker.
MORE_BITS = bytes(range(0x35, 0xB5)) * 8
ROWS_AT_ONCE = 256


def loaded(image: Image.Image, source: Path) -> Image.Image:
    """The picture, decoded. One that lacks only its end is whole.

    Raises:
        OSError: more is missing, or it is damaged.
    """
    try:
        image.load()
    except OSError:
        if image.format not in ("JPEG", "MPO"):
            raise
        return _with_an_end(source)
    return image


def _with_an_end(source: Path) -> Image.Image:
    """The decoder fills up what is missing without a word, so the end is decoded with two different fillings: where
    the picture differs, it was not whole."""
    data = source.read_bytes().rstrip(b"\xff")
    other = _fingerprint(_decoded(data + MORE_BITS + END))
    image = _decoded(data + END)
    if _fingerprint(image) != other:
        raise OSError("the picture ends before it is whole")
    return image


def _decoded(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data), formats=("JPEG",))
    image.load()
    return image


def _fingerprint(image: Image.Image) -> bytes:
    """In strips: two copies of forty megapixels at once are too much."""
    digest = hashlib.sha256()
    for top in range(0, image.height, ROWS_AT_ONCE):
        digest.update(image.crop((0, top, image.width, min(top + ROWS_AT_ONCE, image.height))).tobytes())
    return digest.digest()
