"""The demo's pictures, drawn when they are asked for: the repository holds no binary file."""

import io
import math
from collections.abc import Callable
from pathlib import PurePath

from PIL import Image, ImageDraw

from seeding.errors import PictureProblem

Colour = tuple[int, int, int]

SIZE = WIDTH, HEIGHT = 1800, 1200  # larger than every thumbnail, so that all of them are made
NIGHT: Colour = (24, 32, 58)
DUSK: Colour = (196, 120, 96)
PAPER: Colour = (247, 242, 230)
INK: Colour = (52, 56, 76)
LAMP: Colour = (255, 214, 120)
WATER: Colour = (38, 84, 110)
WOOD: Colour = (104, 70, 48)


def draw(name: str) -> bytes:
    """Draw the picture of this name, in the format that the name ends in."""
    if name not in DRAWINGS:
        raise PictureProblem("there is no such drawing")
    file = io.BytesIO()
    DRAWINGS[name]().save(file, "JPEG" if PurePath(name).suffix == ".jpg" else "PNG")
    return file.getvalue()


def _gradient(top: Colour, bottom: Colour) -> Image.Image:
    """Paint a sky: one colour above, another one below."""
    column = Image.new("RGB", (1, HEIGHT))
    for y in range(HEIGHT):
        share = y / (HEIGHT - 1)
        red, green, blue = (round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
        column.putpixel((0, y), (red, green, blue))
    return column.resize(SIZE)


def _desk_lamp() -> Image.Image:
    """A lamp, its light, and a sheet with three lines: two long ones and one that was broken off."""
    image = _gradient(NIGHT, (58, 52, 76))
    light = Image.new("L", SIZE, 0)
    ImageDraw.Draw(light).polygon([(1150, 380), (350, 980), (1500, 980)], fill=90)
    image.paste(LAMP, mask=light)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 980, WIDTH, HEIGHT), fill=WOOD)
    pen.polygon([(560, 940), (1120, 940), (1220, 1120), (460, 1120)], fill=PAPER)
    for y, end in ((985, 1080), (1030, 1110), (1075, 760)):
        pen.line((600, y, end, y), fill=INK, width=8)
    pen.line((1580, 980, 1520, 520, 1200, 330), fill=INK, width=26, joint="curve")
    pen.polygon([(1240, 290), (1090, 300), (1020, 420), (1260, 420)], fill=DUSK)
    pen.ellipse((1490, 955, 1680, 1000), fill=INK)
    return image


def _boat(pen: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    """A folded boat: hull, sail, and the crease that shows the paper."""
    pen.polygon([(x, y), (x + 4 * size, y), (x + 3 * size, y + size), (x + size, y + size)], fill=PAPER)
    pen.polygon([(x + size, y), (x + 3 * size, y), (x + 2 * size, y - 2 * size)], fill=(255, 252, 244))
    pen.line((x + 2 * size, y - 2 * size, x + 2 * size, y + size), fill=(206, 198, 180), width=6)


def _paper_boats() -> Image.Image:
    """Two boats on still water under an evening sky."""
    image = _gradient(DUSK, (250, 214, 160))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 720, WIDTH, HEIGHT), fill=WATER)
    pen.ellipse((1280, 560, 1520, 800), fill=LAMP)
    pen.rectangle((1200, 720, 1600, 820), fill=WATER)
    for row, y in enumerate(range(770, HEIGHT, 60)):
        wave = [(x, y + 6 * math.sin(x / 90 + row)) for x in range(0, WIDTH + 10, 10)]
        pen.line(wave, fill=(64, 116, 142), width=4)
    _boat(pen, 280, 860, 150)
    _boat(pen, 1080, 760, 80)
    return image


def _rain() -> Image.Image:
    """A window with rain on it. The drops fall by arithmetic, not by chance: each run draws the same bytes."""
    image = _gradient((96, 110, 126), (168, 176, 180))
    pen = ImageDraw.Draw(image)
    for drop in range(420):
        x, y = drop * 733 % WIDTH, drop * 389 % HEIGHT
        pen.line((x, y, x - 8, y + 26 + drop % 5 * 9), fill=(214, 224, 232), width=3)
    for edge in (0, WIDTH // 2 - 20, WIDTH - 40):
        pen.rectangle((edge, 0, edge + 40, HEIGHT), fill=WOOD)
    pen.rectangle((0, HEIGHT - 90, WIDTH, HEIGHT), fill=WOOD)
    return image


DRAWINGS: dict[str, Callable[[], Image.Image]] = {
    "desk-lamp.png": _desk_lamp,
    "paper-boats.png": _paper_boats,
    "lluvia.jpg": _rain,
}
