"""The original as it is kept: turned upright, its pixels and its colour profile and nothing else.

Runs in the child process alone.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from PIL import GifImagePlugin, Image, ImageFile, ImageSequence
from PIL.JpegImagePlugin import get_sampling

from infra.decoding import colour, jpeg, webp

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MIME = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
MOST_PIXELS = 40_000_000
MOST_FRAMES = 1000
# Of all frames of an animation together.
MOST_MOVING_PIXELS = 200_000_000
ORIENTATION = 0x0112
LARGE_PIXELS = 8_000_000
MOST_WEBP_PIXELS = 12_000_000
# What an image may keep of what its file said besides the pixels.
HARMLESS = ("icc_profile", "transparency", "background", "duration", "loop")

Image.MAX_IMAGE_PIXELS = MOST_PIXELS
# Frames that share a palette stay as they are, instead of becoming RGB and being given a new palette each.
GifImagePlugin.LOADING_STRATEGY = GifImagePlugin.LoadingStrategy.RGB_AFTER_DIFFERENT_PALETTE_ONLY

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Refused(Exception):
    """A picture that breaks a rule; the message says which."""


class Plan(NamedTuple):
    """What has to be known of a picture before its first pixel is decoded."""

    format: str
    turn: Image.Transpose | None
    options: dict[str, Any]


def open_picture(source: Path) -> Image.Image:
    """The picture, its header read and found to be within the limits.

    Raises:
        Refused: it has too many pixels.
    """
    return _still_webp(source) or _any_other(source)


def _still_webp(source: Path) -> Image.Image | None:
    with open(source, "rb") as file:
        if not file.read(16).startswith(b"RIFF"):
            return None
    data = source.read_bytes()
    known = webp.features(data)
    if known is None or known.has_animation:
        return None
    if known.width * known.height > MOST_PIXELS:
        raise Refused(_too_many_pixels())
    return webp.decoded(data, known)


def _any_other(source: Path) -> Image.Image:
    # While its header is read: what is wrong in a note beside the pixels is passed over.
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image = Image.open(source, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused(_too_many_pixels()) from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise Refused(_too_many_pixels())
    return image


def _too_many_pixels() -> str:
    return f"The picture has more than {MOST_PIXELS} pixels."


def write_original(source: Path, target: Path) -> dict[str, Any]:
    """Write the clean picture to ``target``; answers ``{read_as, mime, width, height}``, of which the first two are
    types."""
    with open_picture(source) as image:
        read_as = "JPEG" if image.format == "MPO" else str(image.format)
        name = "PNG" if read_as == "WEBP" and _is_too_large_for_webp(image, source) else read_as
        plan = Plan(name, _turn(image), _options(image, name, source))
        size = _write_moving(image, target, plan) if _moves(image, name) else _write_still(image, source, target, plan)
    return {"read_as": MIME[read_as], "mime": MIME[name], "width": size[0], "height": size[1]}


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Notes of a camera that can't be read are no reason to refuse its picture: they are thrown away anyway."""
    try:
        return UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # whatever a damaged block makes of the reader: SyntaxError, struct.error, TypeError …
        return None


def _is_too_large_for_webp(image: Image.Image, source: Path) -> bool:
    """libwebp needs over thirty bytes a pixel to write one without loss, or one that shows through. As a PNG it loses
    nothing either."""
    takes_more = image.mode == "RGBA" or _is_lossless(source)
    return takes_more and not _moves(image, "WEBP") and image.width * image.height > MOST_WEBP_PIXELS


def _options(image: Image.Image, name: str, source: Path) -> dict[str, Any]:
    """How to save it: as close to what was sent as its format allows, in bounded time."""
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "JPEG": lambda: _as_jpeg(image),
        "PNG": lambda: {"compress_level": 3 if image.width * image.height > LARGE_PIXELS else 6},
        "WEBP": lambda: _as_webp(source),
        "GIF": dict,
    }
    return makers[name]()


def _as_jpeg(image: Any) -> dict[str, Any]:
    """With the tables of the original, so that next to nothing is lost by writing it again."""
    tables = {number: [min(max(each, 1), 255) for each in table] for number, table in image.quantization.items()}
    sampling = get_sampling(image)
    return {"qtables": tables} | ({"subsampling": sampling} if sampling >= 0 else {})


def _as_webp(source: Path) -> dict[str, Any]:
    return {"lossless": True, "quality": 40} if _is_lossless(source) else {"quality": 90, "method": 2}


def _is_lossless(source: Path) -> bool:
    """Whether a WebP's first picture is of the lossless kind: RIFF chunks, each a name, a length and its bytes."""
    with open(source, "rb") as file:
        place = 12
        while True:
            file.seek(place)
            header = file.read(8)
            if len(header) < 8 or header[:4] == b"VP8 ":
                return False
            if header[:4] == b"VP8L":
                return True
            # The picture of an animation lies in its frames, behind 16 bytes of place and time.
            inside = 8 + 16 if header[:4] == b"ANMF" else 8 + int.from_bytes(header[4:], "little")
            place += inside + inside % 2


def _moves(image: Image.Image, name: str) -> bool:
    """Whether it is an animation.

    Raises:
        Refused: one with too many frames.
    """
    # The other pictures in a JPEG (MPO) are previews and views for two eyes.
    frames = getattr(image, "n_frames", 1) if name != "JPEG" else 1
    if frames > MOST_FRAMES or (frames > 1 and frames * image.width * image.height > MOST_MOVING_PIXELS):
        raise Refused(f"The animation has more than {MOST_FRAMES} frames, or {MOST_MOVING_PIXELS} pixels in all.")
    return frames > 1


def _write_still(image: Image.Image, source: Path, target: Path, plan: Plan) -> tuple[int, int]:
    kept = colour.settled(jpeg.loaded(image, source))
    if plan.turn is not None:
        kept = kept.transpose(plan.turn)
    _forget(kept)
    if plan.format == "PNG" and kept.mode == "RGBX":
        kept = kept.convert("RGB")
    # Not into the file at once: Pillow's JPEG writer takes a write that fails for one that was done.
    written = BytesIO()
    kept.save(written, plan.format, **plan.options, **_profile(kept))
    target.write_bytes(written.getbuffer())
    return kept.size


def _write_moving(image: Image.Image, target: Path, plan: Plan) -> tuple[int, int]:
    frames = Frames(image, plan)
    first, loop = next(iter(frames)), image.info.get("loop")
    # Each frame is the whole picture; what shows through must not show the frame before it.
    options: dict[str, Any] = {"disposal": 2} if plan.format == "GIF" and first.has_transparency_data else {}
    options |= {} if loop is None else {"loop": loop}
    times = [_milliseconds(each) for each in ImageSequence.Iterator(image)]
    if plan.format == "PNG" and image.info.get("default_image"):
        # A picture for those who know no APNG, which is none of the animation's.
        options["default_image"] = True
        times = times[1:]
    options |= plan.options | _profile(first)
    first.save(target, plan.format, save_all=True, append_images=frames.after_the_first(), duration=times, **options)
    return first.size


def _milliseconds(frame: Image.Image) -> int:
    frame.load()
    return int(frame.info.get("duration", 100))


class Frames:
    """The frames of an animation, each made when it is asked for: the writer of PNG goes through them twice."""

    def __init__(self, image: Image.Image, plan: Plan, start: int = 0) -> None:
        self._image, self._plan, self._start = image, plan, start

    def after_the_first(self) -> "Frames":
        return Frames(self._image, self._plan, 1)

    def __iter__(self) -> Iterator[Image.Image]:
        for frame in islice(ImageSequence.Iterator(self._image), self._start, None):
            upright = colour.settled(frame.copy() if self._plan.turn is None else frame.transpose(self._plan.turn))
            _forget(upright)
            yield upright


def _profile(image: Image.Image) -> dict[str, Any]:
    profile = image.info.get("icc_profile")
    return {"icc_profile": profile} if profile else {}


def _forget(image: Image.Image) -> None:
    """Comments, texts, EXIF, XMP and all else that a writer might carry over."""
    image.info = {name: value for name, value in image.info.items() if name in HARMLESS}
    for notes in ("_exif", "text", "applist", "app"):
        image.__dict__.pop(notes, None)
