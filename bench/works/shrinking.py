"""The three sizes of a photograph of 12 megapixels, as the media worker's child makes them."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from bench.figures import Turn, Work
from bench.running import Running
from infra.decoding import sizes

PIXELS = (4000, 3000)
PICTURES_EACH = 4


def works(running: Running) -> Iterator[Work]:
    with tempfile.TemporaryDirectory(prefix="sinpluma-bench-") as name:
        folder = Path(name)
        source = photograph(folder / "photograph.jpg")
        yield Work(
            "three sizes of a 12-megapixel JPEG",
            "straightforward Pillow: full decode, three resizes, WebP too",
            goal=2.0,
            ours=lambda: _timed(sizes.write_sizes, source, folder),
            theirs=lambda: _timed(shrink_plainly, source, folder),
        )


def photograph(path: Path) -> Path:
    """Drawn: something with as many details as a camera sees, in as many bytes."""
    coarse = Image.merge("RGB", [Image.effect_noise((PIXELS[0] // 4, PIXELS[1] // 4), 60) for _ in range(3)])
    coarse.resize(PIXELS, Image.Resampling.BICUBIC).save(path, "JPEG", quality=88)
    return path


def shrink_plainly(source: Path, folder: Path) -> None:
    """As Pillow's manual has it, each option as it comes."""
    with Image.open(source) as image:
        image.load()
        for name, longest in sizes.SIZES.items():
            scale = longest / max(image.size)
            wanted = (round(image.width * scale), round(image.height * scale))
            image.resize(wanted, Image.Resampling.LANCZOS).save(folder / f"{name}.webp")


def _timed(make: Callable[[Path, Path], object], source: Path, folder: Path) -> Turn:
    # The processor's time: it is one thread's work, and waits for nothing.
    began = time.process_time()
    for _ in range(PICTURES_EACH):
        make(source, folder)
    return Turn(PICTURES_EACH, time.process_time() - began)
