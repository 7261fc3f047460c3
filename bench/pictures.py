"""The figures as pictures: how near each is to its goal, how long what people wait for takes, and what grows with the
number of pages."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bench.figures import Figure

WIDTH, ROW, MARGIN, NAMES = 1100, 26, 16, 470
INK, PAPER, MET, MISSED, GRID = "#1c1b1a", "#ffffff", "#2f7d5b", "#b4442f", "#c9c4bb"
SHADES = ("#2b5c8a", "#6d9cc4", "#b5cde2")
# Further than this a bar tells nothing more.
MOST_TIMES = 3.0


def draw(figures: Sequence[Figure], folder: Path) -> list[Path]:
    """Write ``bench-goals.png``, ``bench-latencies.png`` and ``bench-growth.png``, each where there is something to
    show; their paths."""
    drawn = {
        "bench-goals.png": (_goals, figures),
        "bench-latencies.png": (_latencies, [figure for figure in figures if figure.latencies]),
        "bench-growth.png": (_growth, [figure for figure in figures if figure.pages]),
    }
    pictures = {name: draw_one(shown) for name, (draw_one, shown) in drawn.items() if shown}
    for name, picture in pictures.items():
        picture.save(folder / name, optimize=True)
    return [folder / name for name in pictures]


def _goals(figures: Sequence[Figure]) -> Image.Image:
    """Bars to the right of the line are better than the goal, by so many times."""
    picture, pen = _paper(len(figures), "How near to its goal: 1 is just met, longer is better")
    scale = (WIDTH - NAMES - MARGIN - 60) / MOST_TIMES
    for place, figure in enumerate(figures):
        times = _times_better(figure)
        _name(pen, place, figure.name)
        _bar(pen, place, 0, min(times, MOST_TIMES) * scale, MET if figure.is_met else MISSED)
        pen.text((NAMES + min(times, MOST_TIMES) * scale + 6, _top(place) + 5), f"{times:.2f}", INK, _font())
    pen.line([(NAMES + scale, _top(0)), (NAMES + scale, _top(len(figures)))], INK)
    return picture


def _times_better(figure: Figure) -> float:
    better, worse = (figure.goal, figure.ratio) if figure.at_most else (figure.ratio, figure.goal)
    return better / worse if worse else MOST_TIMES


def _latencies(figures: Sequence[Figure]) -> Image.Image:
    """Three bars in one: the median, 95 and 99 of 100."""
    picture, pen = _paper(len(figures), "Milliseconds that one waits: half, 95 and 99 of 100 requests less than")
    scale = (WIDTH - NAMES - MARGIN - 130) / max(figure.latencies[-1] for figure in figures)
    for place, figure in enumerate(figures):
        _name(pen, place, f"{figure.name} ({figure.ours:,.0f}/s)")
        for shade, most in reversed(list(zip(SHADES, figure.latencies, strict=True))):
            _bar(pen, place, 0, most * scale, shade)
        told = " / ".join(f"{each:.1f}" for each in figure.latencies)
        pen.text((NAMES + figure.latencies[-1] * scale + 6, _top(place) + 5), told, INK, _font())
    return picture


def _growth(figures: Sequence[Figure]) -> Image.Image:
    """A bar for each operation and number of pages, and a line at its goal."""
    ordered = sorted(figures, key=lambda figure: (figure.operation, figure.pages))
    picture, pen = _paper(
        len(ordered), "How long each takes among many pages, in times of what it takes among few; the mark is the goal"
    )
    scale = (WIDTH - NAMES - MARGIN - 60) / max(MOST_TIMES, *(max(figure.ratio, figure.goal) for figure in ordered))
    for place, figure in enumerate(ordered):
        _name(pen, place, figure.name)
        _bar(pen, place, 0, figure.ratio * scale, MET if figure.is_met else MISSED)
        goal = NAMES + figure.goal * scale
        pen.line([(goal, _top(place) + 2), (goal, _top(place) + ROW - 3)], INK, width=2)
        pen.text((max(goal, NAMES + figure.ratio * scale) + 6, _top(place) + 5), f"{figure.ratio:.2f}", INK, _font())
    return picture


def _paper(rows: int, title: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", (WIDTH, _top(rows) + MARGIN), PAPER)
    pen = ImageDraw.Draw(picture)
    pen.text((MARGIN, MARGIN), title, INK, _font(15))
    pen.line([(NAMES, _top(0)), (NAMES, _top(rows))], GRID)
    return picture, pen


def _name(pen: ImageDraw.ImageDraw, place: int, name: str) -> None:
    pen.text((NAMES - 8, _top(place) + 5), name, INK, _font(), anchor="ra")


def _bar(pen: ImageDraw.ImageDraw, place: int, start: float, length: float, colour: str) -> None:
    pen.rectangle([(NAMES + start, _top(place) + 4), (NAMES + start + max(length, 1), _top(place) + ROW - 5)], colour)


def _top(place: int) -> int:
    return 3 * MARGIN + place * ROW


def _font(size: int = 12) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
