"""Pictures for tests, drawn on the spot: no file of anybody's is needed."""

import io
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
