"""A WebP that does not move, decoded by libwebp itself into one buffer. Runs in the child process alone.

Pillow reads every WebP as an animation, with two canvases, a frame and a copy of it: four times the pixels, which at
40 megapixels is more than the child may take.
"""

import ctypes
import mmap
from collections.abc import Iterator

from PIL import Image, _webp

# What libwebp checks a caller's idea of its structures against.
ABI_VERSION = 0x0209
# The names that Pillow has for what lies beside the pixels.
NOTES = {b"ICCP": "icc_profile", b"EXIF": "exif"}

# The library that Pillow is linked with, wherever it lies: a symbol is looked up in what a library needs, too.
_libwebp = ctypes.CDLL(_webp.__file__)
_libwebp.WebPDecodeRGBAInto.restype = ctypes.c_void_p
_libwebp.WebPDecodeRGBAInto.argtypes = [
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
]
_libwebp.WebPGetFeaturesInternal.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int]


class Features(ctypes.Structure):
    """WebPBitstreamFeatures."""

    _fields_ = (
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("has_alpha", ctypes.c_int),
        ("has_animation", ctypes.c_int),
        ("format", ctypes.c_int),
        ("_unused", ctypes.c_uint32 * 5),
    )


def features(data: bytes) -> Features | None:
    """What the header says; None for what is no WebP, or a damaged one."""
    found = Features()
    status = _libwebp.WebPGetFeaturesInternal(data, len(data), ctypes.byref(found), ABI_VERSION)
    return None if status else found


def decoded(data: bytes, known: Features) -> Image.Image:
    """
    Raises:
        OSError: it is damaged.
    """
    length = known.width * known.height * 4
    # Not a bytearray: the image takes its pages as they are, and gives them back whole.
    pixels = mmap.mmap(-1, length)
    start = ctypes.addressof(ctypes.c_char.from_buffer(pixels))
    if not _libwebp.WebPDecodeRGBAInto(data, len(data), start, length, known.width * 4):
        raise OSError("libwebp can't decode it")
    mode = "RGBA" if known.has_alpha else "RGBX"
    image = Image.frombuffer(mode, (known.width, known.height), pixels, "raw", mode, 0, 1)  # type: ignore[arg-type]
    image.info.update({NOTES[name]: content for name, content in _chunks(data) if name in NOTES})
    image.format = "WEBP"
    return image


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """RIFF: each a name, a length and its bytes, filled up to an even number."""
    place = 12
    while place + 8 <= len(data):
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        yield data[place : place + 4], data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2
