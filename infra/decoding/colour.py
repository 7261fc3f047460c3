"""What a picture says of its own colours: a profile, or the gamma of a PNG. Runs in the child process alone."""

import io
from typing import Any, NamedTuple

from PIL import Image, ImageCms

# Real ones for screens have 0.5 to 60 KB; what is larger is for presses, or something else in a profile's clothes.
MOST_PROFILE_BYTES = 64 * 1024
# By the space that a profile is for: the mode in which it is applied, and those that become it without loss.
MODES = {b"RGB ": ("RGB", "RGBA", "RGBX", "P"), b"GRAY": ("L", "LA", "1"), b"CMYK": ("CMYK",)}
ROWS_AT_ONCE = 256
# A still WebP lies in a buffer that can't be written to, and a copy of a larger one does not fit beside its writer.
MOST_WEBP_PIXELS = 12_000_000
# sRGB's own, near enough: nothing is done for a difference that no eye sees.
SCREEN_GAMMA, LEAST_DIFFERENCE = 2.2, 0.02


def settled(image: Image.Image) -> Image.Image:
    """The picture, with its gamma applied, and with a colour profile only where that is small and can be read.

    A larger one is applied, so that the colours are sRGB's; or dropped, where there is no room for that.
    """
    image = _with_gamma_applied(image)
    profile = image.info.pop("icc_profile", None)
    if profile and len(profile) <= MOST_PROFILE_BYTES and _to_srgb(image, profile):
        image.info["icc_profile"] = profile
    elif profile and not (image.mode == "RGBX" and image.width * image.height > MOST_WEBP_PIXELS):
        image = in_srgb(image, profile)
    return image


def in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The picture in the colours that its profile means, or as it is when that can't be read or does not fit."""
    change = _to_srgb(image, profile)
    if change is None:
        return image
    if image.mode == "P" or (image.mode == "RGB" and image.has_transparency_data):
        # The one colour that shows through would be another one afterwards.
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    # Where it can be, in its own place: a second picture of forty megapixels leaves no room for anything else.
    made = image if image.mode in ("RGB", "RGBA") else Image.new("RGBA" if image.mode == "LA" else "RGB", image.size)
    for top in range(0, image.height, ROWS_AT_ONCE):
        box = (0, top, image.width, min(top + ROWS_AT_ONCE, image.height))
        made.paste(_applied(image.crop(box), change), box)
    made.info = {name: value for name, value in image.info.items() if name != "icc_profile"}
    return made


def _applied(rows: Image.Image, change: "_Change") -> Image.Image:
    made: Image.Image = change.transform.apply(rows if rows.mode == change.mode else rows.convert(change.mode))
    if rows.mode in ("RGBA", "LA"):
        made.putalpha(rows.getchannel("A"))
    return made


class _Change(NamedTuple):
    """A way from a profile's colours to sRGB, for pictures in this mode."""

    transform: Any
    mode: str


def _to_srgb(image: Image.Image, profile: bytes) -> _Change | None:
    """None for a profile that can't be read, or is for another kind of picture."""
    modes = MODES.get(profile[16:20], ())
    if image.mode not in modes:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return _Change(ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), modes[0], "RGB"), modes[0])
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _with_gamma_applied(image: Image.Image) -> Image.Image:
    """A PNG may say how bright its values are meant; a profile, or the word that it is sRGB, counts instead."""
    gamma = image.info.pop("gamma", None)
    if not gamma or "srgb" in image.info or "icc_profile" in image.info:
        return image
    exponent = 1 / (gamma * SCREEN_GAMMA)
    if not 0.05 < exponent < 20 or abs(exponent - 1) < LEAST_DIFFERENCE:
        return image
    curve = [round(255 * (value / 255) ** exponent) for value in range(256)]
    return _bent(image, curve, exponent)


def _bent(image: Image.Image, curve: list[int], exponent: float) -> Image.Image:
    if image.mode == "1":
        return image
    if image.mode == "P":
        image.putpalette([curve[value] for value in image.getpalette("RGB") or []], "RGB")
        return image
    if image.mode.startswith("I"):
        deep = [round(255 * (value / 65535) ** exponent) for value in range(65536)]
        made = image.convert("I").point(deep, "L")
    elif image.has_transparency_data and image.mode in ("L", "RGB"):
        # Colours that become one must not begin to show through.
        made = image.convert("LA" if image.mode == "L" else "RGBA")
        return _bent(made, curve, exponent)
    else:
        plain = list(range(256))
        made = image.point([each for band in image.getbands() for each in (plain if band == "A" else curve)])
    made.info = dict(image.info)
    return made
