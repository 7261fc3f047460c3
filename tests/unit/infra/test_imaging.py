"""The decoder's limits, and that making the three sizes is worth its tricks."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from infra import imaging
from infra.decoding import child, original, sizes
from infra.settings import CHECKOUT

ROUNDS = 3


def photograph(path: Path, size: tuple[int, int] = (4000, 3000)) -> Path:
    """Something with as many details as a camera sees."""
    Image.effect_noise((size[0] // 4, size[1] // 4), 60).resize(size).convert("RGB").save(path, "JPEG", quality=88)
    return path


def test_the_child_can_not_take_more_memory_than_it_is_given() -> None:
    code = "from infra.decoding import child; child.limit(); bytearray(child.MEMORY_BYTES)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "MemoryError" in ended.stderr


def test_the_child_is_not_told_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []
    run = subprocess.run

    def watched(*arguments: object, **options: object) -> object:
        seen.append(options["env"])  # type: ignore[arg-type]
        return run(*arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setenv("JWT_SECRET_KEY", "secret")
    monkeypatch.setattr(subprocess, "run", watched)
    imaging.clean(photograph(tmp_path / "a.jpg", (40, 30)), tmp_path / "b")
    assert seen == [{}]


def test_a_picture_is_not_blamed_for_a_processor_that_others_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imaging, "WALL_SECONDS", 0.01)
    with pytest.raises(imaging.TooBusy):
        imaging.clean(photograph(tmp_path / "a.jpg", (40, 30)), tmp_path / "b")


def test_a_picture_that_takes_more_than_its_processor_time_ends_its_child(tmp_path: Path) -> None:
    code = "import os; from infra.decoding import child; child.CPU_SECONDS = 1; child.limit()\n"
    command = [sys.executable, "-c", code + "print(os.nice(0), flush=True)\nwhile True: pass"]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.returncode < 0) == ("10\n", True)
    assert child.CPU_SECONDS == 10


def large(mode: str = "RGB") -> Image.Image:
    """Forty megapixels, two colours, and something to see through where the mode has that."""
    picture = Image.new(mode, (8000, 5000), (20, 90, 40, 128)[: len(mode)] if mode != "P" else 1)
    picture.paste((200, 10, 10, 255)[: len(mode)] if mode != "P" else 2, (0, 0, 4000, 5000))
    return picture


@pytest.mark.parametrize(
    ("kind", "mode", "options", "kept_as"),
    [
        ("JPEG", "RGB", {}, "image/jpeg"),
        ("PNG", "RGBA", {"compress_level": 1}, "image/png"),
        ("GIF", "P", {}, "image/gif"),
        ("WEBP", "RGB", {"method": 0}, "image/webp"),
        # Too large to be written as WebP without loss, or with what shows through.
        ("WEBP", "RGBA", {"method": 0}, "image/png"),
        ("WEBP", "RGB", {"lossless": True, "method": 0, "quality": 0}, "image/png"),
    ],
)
def test_forty_megapixels_of_every_kind_are_taken(
    tmp_path: Path, kind: str, mode: str, options: dict[str, Any], kept_as: str
) -> None:
    large(mode).save(tmp_path / "a", kind, **options)
    made = imaging.clean(tmp_path / "a", tmp_path / "b")
    assert (made.mime, made.width, made.height) == (kept_as, 8000, 5000)
    assert [each.width for each in imaging.shrink(tmp_path / "b", tmp_path)] == [1600, 800, 320]
    small = Image.open(tmp_path / "small.webp").convert("RGBA")
    sides: Any = small.getpixel((10, 10)), small.getpixel((310, 10))
    if mode == "RGBA":
        assert [side[3] for side in sides] == [255, 128]
    if mode != "P":
        assert sides[0][0] > 150
        assert sides[1][0] < 60


def test_a_picture_that_does_not_fit_into_memory_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8000, 5000), (shade, 90, 40)) for shade in (20, 200)]
    frames[0].save(tmp_path / "a.webp", "WEBP", method=0, save_all=True, append_images=frames[1:], duration=90)
    with pytest.raises(imaging.Damaged, match=r"more memory.*Send a smaller one"):
        imaging.clean(tmp_path / "a.webp", tmp_path / "b")


def test_a_picture_that_grows_beyond_what_is_kept_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    code = "from infra.decoding import child; child.MOST_FILE_BYTES = 900; child.main()"
    command = [
        sys.executable,
        "-c",
        code,
        "original",
        str(photograph(tmp_path / "a.jpg", (400, 300))),
        str(tmp_path / "b"),
    ]
    told = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True).stdout
    assert "Send a smaller one" in told


def test_a_still_webp_is_the_same_picture_as_pillow_reads(tmp_path: Path) -> None:
    profile, exif = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), Image.Exif()
    exif[0x0112] = 6
    for mode, options in (("RGB", {}), ("RGBA", {}), ("RGB", {"lossless": True}), ("RGBA", {"lossless": True})):
        drawn = Image.effect_noise((60, 40), 90).convert(mode)
        if mode == "RGBA":
            drawn.putalpha(Image.linear_gradient("L").resize(drawn.size))
        drawn.save(tmp_path / "a", "WEBP", icc_profile=profile, exif=exif, **options)
        ours, theirs = original.open_picture(tmp_path / "a"), Image.open(tmp_path / "a")
        assert ours.convert(mode).tobytes() == theirs.convert(mode).tobytes()
        assert ours.info["icc_profile"] == theirs.info["icc_profile"] == profile
        assert ours.getexif()[0x0112] == 6


def test_who_finds_no_free_child_in_time_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imaging, "PATIENCE_SECONDS", 0.01)
    source = photograph(tmp_path / "a.jpg", (40, 30))
    for _ in range(imaging.MOST_CHILDREN):
        imaging._free.acquire()
    try:
        with pytest.raises(imaging.TooBusy):
            imaging.clean(source, tmp_path / "b")
        # When enough wait already, at once.
        monkeypatch.setattr(imaging, "PATIENCE_SECONDS", 600.0)
        monkeypatch.setattr(imaging, "_waiting", threading.BoundedSemaphore(1))
        imaging._waiting.acquire()
        with pytest.raises(imaging.TooBusy):
            imaging.clean(source, tmp_path / "b")
    finally:
        imaging._free.release(imaging.MOST_CHILDREN)


def straightforward(source: Path, folder: Path) -> None:
    """The same three files as Pillow's manual would make them."""
    image = Image.open(source)
    image.load()
    for name, longest in sizes.SIZES.items():
        scale = longest / max(image.size)
        wanted = (round(image.width * scale), round(image.height * scale))
        image.resize(wanted, Image.Resampling.LANCZOS).save(folder / f"{name}.webp", "WEBP")


def test_three_sizes_are_made_twice_as_fast_as_straightforwardly(tmp_path: Path) -> None:
    source = photograph(tmp_path / "a.jpg")

    def seconds(make: Callable[[Path, Path], object]) -> float:
        began = time.process_time()
        make(source, tmp_path)
        return time.process_time() - began

    rounds = [(seconds(straightforward), seconds(sizes.write_sizes)) for _ in range(ROUNDS)]
    assert min(plain for plain, _ in rounds) >= 2 * min(ours for _, ours in rounds), rounds
    assert max(Image.open(tmp_path / "large.webp").size) == 1600
