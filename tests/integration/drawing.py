"""Pictures for tests, drawn on the spot: no file of anybody's is needed."""

import io
import struct
import zlib
from typing import Any

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

ORIENTATION, GPS, MAKE = 0x0112, 0x8825, 0x010F
CAMERA = "SecretCamera"
RED, BLUE, GREEN, WHITE = (220, 20, 20), (20, 20, 220), (20, 180, 20), (250, 250, 250)


def four_corners(width: int = 120, height: int = 80) -> Image.Image:
    """Each quarter another colour, so that a turn can't be missed: red, blue above, green, white below."""
    picture = Image.new("RGB", (width, height))
    half = (width // 2, height // 2)
    for colour, place in ((RED, (0, 0)), (BLUE, (half[0], 0)), (GREEN, (0, half[1])), (WHITE, half)):
        picture.paste(colour, (*place, place[0] + half[0] + 1, place[1] + half[1] + 1))
    return picture


def corners(picture: Image.Image) -> list[str]:
    """The colours of the four quarters, by name, in the order in which ``four_corners`` paints them."""
    width, height = picture.size
    places = [(width // 4, height // 4), (3 * width // 4, height // 4)]
    places += [(width // 4, 3 * height // 4), (3 * width // 4, 3 * height // 4)]
    names = {"red": RED, "blue": BLUE, "green": GREEN, "white": WHITE}
    shown = picture.convert("RGB")

    def nearest(place: tuple[int, int]) -> str:
        pixel: Any = shown.getpixel(place)
        return min(names, key=lambda name: sum(abs(a - b) for a, b in zip(names[name], pixel, strict=True)))

    return [nearest(place) for place in places]


UPRIGHT = ["red", "blue", "green", "white"]


def data(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def profile_with_red_and_blue_exchanged(padding: int = 0) -> bytes:
    """A sound ICC profile for RGB (version 2, a matrix and gamma 2.2) that no reader can fail to apply unseen."""

    def number(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def place(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(number, values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    # sRGB's own primaries, seen from D50, the first and the last in each other's place.
    red, green, blue = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7142)
    text = b"text\0\0\0\0ours" + b"\0" * padding
    tags = {b"rXYZ": place(*blue), b"gXYZ": place(*green), b"bXYZ": place(*red), b"wtpt": place(0.9642, 1.0, 0.8249)}
    tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve, b"cprt": text, b"desc": text}
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", start + len(body), len(value))
        body += value + b"\0" * (-len(value) % 4)
    head = struct.pack(">I4sI", start + len(body), b"\0\0\0\0", 0x02400000) + b"mntrRGB XYZ " + b"\0" * 12
    head += b"acsp" + b"\0" * 28 + number(0.9642) + number(1.0) + number(0.8249)
    return head.ljust(128, b"\0") + table + body


def with_chunk(png: bytes, name: bytes, content: bytes, checksum: int | None = None) -> bytes:
    """A PNG with one chunk more, right behind its header."""
    told = zlib.crc32(name + content) if checksum is None else checksum
    return png[:33] + struct.pack(">I", len(content)) + name + content + struct.pack(">I", told) + png[33:]


def with_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    """A JPEG with one segment more, right at its beginning."""
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + jpeg[2:]


def photograph(orientation: int = 1, size: tuple[int, int] = (120, 80), kind: str = "JPEG", **options: Any) -> bytes:
    """As a camera writes it: lying as ``orientation`` says, with place and device in its EXIF."""
    lie = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    picture = four_corners(*size)
    if orientation in lie:
        picture = picture.transpose(Image.Transpose(lie[orientation]))
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKE] = orientation, CAMERA
    place = ImageFileDirectory_v2()
    place[1], place[2] = "N", (48.0, 51.0, 29.6)
    exif[GPS] = dict(place)
    return data(picture, kind, exif=exif, **options)


def moving(kind: str, frames: int = 5, size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """An animation, each frame another colour and ten milliseconds longer than the one before."""
    drawn = [Image.new("RGB", size, (40 * number % 256, 0, 255 - 40 * number % 256)) for number in range(frames)]
    times = [50 + 10 * number for number in range(frames)]
    return data(drawn[0], kind, save_all=True, append_images=drawn[1:], duration=times, loop=2, **options)


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture
