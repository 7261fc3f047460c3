"""The decoder's limits, and that making the three sizes is worth its tricks."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from infra import imaging
from infra.imaging import sizes
from infra.settings import CHECKOUT

ROUNDS = 3


def photograph(path: Path, size: tuple[int, int] = (4000, 3000)) -> Path:
    """Something with as many details as a camera sees."""
    Image.effect_noise((size[0] // 4, size[1] // 4), 60).resize(size).convert("RGB").save(path, "JPEG", quality=88)
    return path


def test_the_child_can_not_take_more_memory_than_it_is_given() -> None:
    code = "from infra.imaging import child; child.limit(); bytearray(child.MEMORY_BYTES)"
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


def test_a_picture_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imaging, "WALL_SECONDS", 0.01)
    with pytest.raises(imaging.Damaged, match="too long"):
        imaging.clean(photograph(tmp_path / "a.jpg", (40, 30)), tmp_path / "b")


def test_a_picture_that_does_not_fit_into_memory_is_refused_and_harms_nobody(tmp_path: Path) -> None:
    Image.new("RGB", (8000, 5000), (20, 90, 40)).save(tmp_path / "a.webp", "WEBP", method=0)
    with pytest.raises(imaging.Damaged, match="memory"):
        imaging.clean(tmp_path / "a.webp", tmp_path / "b")


def test_who_finds_no_free_child_in_time_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imaging, "PATIENCE_SECONDS", 0.01)
    source = photograph(tmp_path / "a.jpg", (40, 30))
    for _ in range(imaging.MOST_CHILDREN):
        imaging._free.acquire()
    try:
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
