"""Pictures that are odd and sound: animated PNGs, damaged notes, missing ends, gamma, colour profiles."""

import io
import struct
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, ImageChops, ImageSequence

from infra.decoding import child
from infra.decoding.original import Refused, write_original
from tests.integration.drawing import data, four_corners, profile_with_red_and_blue_exchanged, with_chunk, with_segment

NO_DIRECTORY = b"II*\0\xff\xff\xff\xff"
PAINTED = Image.effect_noise((160, 120), 80).convert("RGB")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the child's part here: answers the original as it is kept, and its large size."""

    def kept(sent: bytes) -> tuple[Image.Image, Image.Image]:
        (tmp_path / "sent").write_bytes(sent)
        for job, source, target in (("original", "sent", "original"), ("sizes", "original", ".")):
            answer = child.run(job, tmp_path / source, tmp_path / target)
            if "done" not in answer:
                raise OSError(answer)
        return Image.open(tmp_path / "original"), Image.open(tmp_path / "large.webp")

    return kept


def is_alike(one: Image.Image, other: Image.Image, most: int = 25) -> bool:
    """Apart from what lossy formats do to single pixels."""
    small = [image.convert("RGB").resize((8, 6), Image.Resampling.BOX) for image in (one, other)]
    bands: Any = ImageChops.difference(*small).getextrema()
    return bool(max(high for _, high in bands) <= most)


# Animated PNGs


def moving(kind: str = "PNG", **options: Any) -> tuple[list[Image.Image], bytes]:
    frames = [Image.new("RGBA", (60, 40), (0, 60 * number, 90, 255)) for number in range(4)]
    for number, frame in enumerate(frames):
        frame.paste((255, 0, 0, 0), (number * 10, 0, number * 10 + 10, 10))
    times = [100, 200, 300, 400]
    return frames, data(frames[0], kind, save_all=True, append_images=frames[1:], duration=times, loop=3, **options)


@pytest.mark.parametrize("disposal", [0, 1, 2])
@pytest.mark.parametrize("blend", [0, 1])
def test_an_animated_png_keeps_its_frames_times_and_rounds(kept: Any, disposal: int, blend: int) -> None:
    _, sent = moving(disposal=disposal, blend=blend)
    before, (after, large) = Image.open(io.BytesIO(sent)), kept(sent)
    assert (after.format, after.n_frames, after.info["loop"]) == ("PNG", 4, 3)
    for old, new in zip(ImageSequence.Iterator(before), ImageSequence.Iterator(after), strict=True):
        assert old.convert("RGBA").tobytes() == new.convert("RGBA").tobytes()
        assert old.info["duration"] == new.info["duration"]
    assert (large.size, getattr(large, "n_frames", 1)) == ((60, 40), 1)


def test_a_png_that_stands_in_for_its_animation_stays_outside_of_it(kept: Any) -> None:
    frames = moving()[0]
    sent = data(
        PAINTED.resize((60, 40)),
        save_all=True,
        append_images=[each.convert("RGB") for each in frames],
        duration=70,
        default_image=True,
    )
    before, after = (cast(Any, each) for each in (Image.open(io.BytesIO(sent)), kept(sent)[0]))
    assert after.n_frames == before.n_frames == 5
    assert after.info["default_image"]
    for old, new in zip(ImageSequence.Iterator(before), ImageSequence.Iterator(after), strict=True):
        assert old.convert("RGB").tobytes() == new.convert("RGB").tobytes()


def test_an_animated_png_is_held_to_the_limits_of_every_animation(tmp_path: Path) -> None:
    sent = moving()[1]
    place = sent.index(b"acTL") + 4
    (tmp_path / "sent").write_bytes(
        with_chunk(sent[: place - 8] + sent[place + 12 :], b"acTL", struct.pack(">II", 1001, 0))
    )
    with pytest.raises(Refused, match="more than 1000 frames"):
        write_original(tmp_path / "sent", tmp_path / "kept")


# Notes that are thrown away anyway


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(with_segment(data(PAINTED, "JPEG"), 0xE1, b"Exif\0\0" + NO_DIRECTORY), id="JPEG, Exif"),
        pytest.param(with_segment(data(PAINTED, "JPEG"), 0xE1, b"Exif\0\0MM"), id="JPEG, short Exif"),
        pytest.param(with_segment(data(PAINTED, "JPEG"), 0xE2, b"MPF\0" + NO_DIRECTORY), id="JPEG, MPO"),
        pytest.param(with_segment(data(PAINTED, "JPEG"), 0xE2, b"MPF\0II*\0\x08\0\0\0\x09\0"), id="JPEG, short MPO"),
        pytest.param(with_segment(data(PAINTED, "JPEG"), 0xED, b"Photoshop 3.0\x008BIM\xff\xff\xff"), id="JPEG, IPTC"),
        pytest.param(with_chunk(data(PAINTED), b"eXIf", NO_DIRECTORY), id="PNG, Exif"),
        pytest.param(with_chunk(data(PAINTED), b"tEXt", b"a\0b", checksum=7), id="PNG, text"),
        pytest.param(with_chunk(data(PAINTED), b"zTXt", b"a\0\0no zlib"), id="PNG, packed text"),
        pytest.param(with_chunk(data(PAINTED), b"iCCP", b"a\0\0no zlib"), id="PNG, profile"),
        pytest.param(data(PAINTED, "WEBP", exif=b"Exif\0\0" + NO_DIRECTORY, quality=100), id="WebP, Exif"),
    ],
)
def test_damaged_notes_are_no_reason_to_refuse_a_picture(kept: Any, sent: bytes) -> None:
    original, _ = kept(sent)
    assert is_alike(original, PAINTED)
    assert not original.getexif()


# Missing ends


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(data(PAINTED, "JPEG"), id="baseline"),
        pytest.param(data(PAINTED, "JPEG", progressive=True), id="progressive"),
        pytest.param(data(PAINTED, "JPEG", subsampling=0, restart_marker_rows=1), id="restarts"),
        pytest.param(data(PAINTED.convert("L"), "JPEG"), id="grey"),
        pytest.param(data(PAINTED.convert("CMYK"), "JPEG"), id="inks"),
        pytest.param(data(PAINTED.resize((7, 5)), "JPEG"), id="tiny"),
    ],
)
def test_a_missing_end_marker_is_no_reason_to_refuse_and_a_missing_row_is(kept: Any, whole: bytes) -> None:
    shown = Image.open(io.BytesIO(whole))
    for lacks in (2, 1):
        assert is_alike(kept(whole[:-lacks])[0], shown)
    for length in (len(whole) - 14, len(whole) * 3 // 4):
        if length > len(whole) // 2 + 300:
            with pytest.raises(OSError, match="damaged"):
                kept(whole[:length])


@pytest.mark.parametrize(("kind", "lacks"), [("PNG", 12), ("PNG", 4), ("GIF", 1)])
def test_other_kinds_may_lack_their_end_too(kept: Any, kind: str, lacks: int) -> None:
    whole = data(PAINTED, kind)
    assert is_alike(kept(whole[:-lacks])[0], Image.open(io.BytesIO(whole)), most=0)


# Gamma


def shades(image: Image.Image) -> list[int]:
    shown = image.convert("RGBA")
    return [shown.getpixel((x, 5))[0] for x in (10, 100, 200)]  # type: ignore[index]


RAMP = Image.linear_gradient("L").rotate(90)
LINEAR, SCREEN = struct.pack(">I", 100_000), struct.pack(">I", 45_455)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "I;16"])
def test_the_gamma_of_a_png_is_applied(kept: Any, mode: str) -> None:
    drawn = RAMP.convert("I").point(lambda value: value * 257).convert("I;16") if mode == "I;16" else RAMP.convert(mode)
    plain = shades(RAMP)
    bent = [round(255 * (value / 255) ** (1 / 2.2)) for value in plain]
    for image in kept(with_chunk(data(drawn), b"gAMA", LINEAR)):
        assert shades(image) == pytest.approx(bent, abs=6)
        assert "gamma" not in image.info
    assert shades(kept(with_chunk(data(drawn), b"gAMA", SCREEN))[1]) == pytest.approx(plain, abs=6)


def test_what_shows_through_is_not_bent(kept: Any) -> None:
    drawn = Image.new("RGB", (64, 64), (1, 0, 0))
    drawn.paste((3, 0, 0), (0, 0, 32, 64))
    sent = with_chunk(data(drawn, transparency=(1, 0, 0)), b"gAMA", struct.pack(">I", 200_000))
    original, _ = kept(sent)
    assert [original.convert("RGBA").getpixel(place)[3] for place in ((5, 5), (50, 5))] == [255, 0]


def test_a_profile_or_srgb_counts_before_gamma(kept: Any) -> None:
    sent = with_chunk(with_chunk(data(RAMP), b"gAMA", LINEAR), b"sRGB", b"\0")
    assert shades(kept(sent)[0]) == shades(RAMP)


def test_every_frame_of_an_animation_is_bent(kept: Any) -> None:
    frames = [Image.new("RGB", (300, 20), (shade, shade, shade)) for shade in (30, 60)]
    sent = with_chunk(data(frames[0], save_all=True, append_images=frames[1:], duration=50), b"gAMA", LINEAR)
    original, _ = kept(sent)
    assert [shades(frame)[0] for frame in ImageSequence.Iterator(original)] == pytest.approx([96, 132], abs=3)


# Colour profiles


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB"), ("WEBP", "RGBA")],
)
@pytest.mark.parametrize("padding", [0, 200_000])
def test_sizes_are_srgb_and_a_large_profile_is_applied_to_the_original_too(
    kept: Any, kind: str, mode: str, padding: int
) -> None:
    profile = profile_with_red_and_blue_exchanged(padding)
    drawn = four_corners().convert(mode)
    original, large = kept(data(drawn, kind, icc_profile=profile, **({} if kind == "PNG" else {"quality": 95})))
    exchanged = Image.merge("RGB", four_corners().split()[::-1])
    assert "icc_profile" not in large.info
    assert is_alike(large, exchanged)
    if padding:
        assert "icc_profile" not in original.info
        assert is_alike(original, exchanged)
    else:
        assert original.info["icc_profile"] == profile
        assert is_alike(original, four_corners())


def test_what_shows_through_is_kept_when_a_profile_is_applied(kept: Any) -> None:
    drawn = four_corners().convert("RGBA")
    drawn.putalpha(Image.linear_gradient("L").resize(drawn.size))
    for image in kept(data(drawn, icc_profile=profile_with_red_and_blue_exchanged(70_000))):
        assert image.getchannel("A").getpixel((60, 40)) == pytest.approx(128, abs=4)


@pytest.mark.parametrize(
    "profile", [b"x" * 900, b"x" * 9_000_000, b"\0" * 128, profile_with_red_and_blue_exchanged()[:300]]
)
@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("JPEG", "L")])
def test_a_profile_that_cannot_be_read_is_dropped(kept: Any, profile: bytes, kind: str, mode: str) -> None:
    drawn = four_corners().convert(mode)
    for image in kept(data(drawn, kind, icc_profile=profile)):
        assert "icc_profile" not in image.info
        assert is_alike(image, drawn)


def test_a_profile_for_another_kind_of_picture_is_dropped(kept: Any) -> None:
    profile = profile_with_red_and_blue_exchanged()
    for image in kept(data(four_corners().convert("L"), "JPEG", icc_profile=profile)):
        assert "icc_profile" not in image.info
