"""Uploading pictures: what comes in, what is kept, what is refused."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, ImageCms
from sqlalchemy import func, select

from domain.picture import pictures, reservations
from infra.objects import Store
from infra.turns import Turns
from tests.integration.drawing import CAMERA, UPRIGHT, corners, data, four_corners, moving, opened, photograph
from tests.service import Author, Service

UPLOADS = "/uploads/images"


def send(author: Author, content: bytes, expect: int = 201, name: str = "boat.jpg", **more: Any) -> Any:
    headers = more.pop("headers", None)
    fields = {"file": (io.BytesIO(content), name), "alt": "A boat", **more}
    return author.ask("POST", UPLOADS, expect=expect, data=fields, headers=headers).get_json()


def media(author: Author, image: dict[str, Any], size: str = "original", expect: int = 200, **more: Any) -> Any:
    return author.ask("GET", f"/media/{image['id']}/{size}", expect=expect, **more)


def kept(author: Author, image: dict[str, Any], size: str = "original") -> Image.Image:
    return opened(media(author, image, size).data)


def nothing_is_left(service: Service) -> bool:
    with service.engine.connect() as connection:
        rows = connection.scalar(select(func.count()).select_from(pictures))
        reserved = connection.scalar(select(func.count()).select_from(reservations))
    return not rows and not reserved and not list(Store(service.settings).under("pictures/"))


@pytest.fixture(autouse=True)
def _empty_bucket(service: Service) -> None:
    store = Store(service.settings)
    for each in list(store.under("")):
        store.remove(each.key)


def test_an_upload_is_kept_and_its_sizes_are_made(service: Service) -> None:
    author = service.author()
    image = send(author, photograph(size=(2000, 1000)))
    assert len(image["id"]) == 32
    assert image == {
        "id": image["id"],
        "status": "processing",
        "url": f"/api/v1/media/{image['id']}/original",
        "alt": "A boat",
        "mime": "image/jpeg",
        "bytes": len(media(author, image).data),
        "width": 2000,
        "height": 1000,
        "thumbnails": {},
        "created_at": image["created_at"],
    }
    service.drain()
    ready = author.get(f"{UPLOADS}/{image['id']}")
    assert ready["status"] == "ready"
    assert {name: (each["width"], each["height"]) for name, each in ready["thumbnails"].items()} == {
        "large": (1600, 800),
        "medium": (800, 400),
        "small": (320, 160),
    }
    for name, each in ready["thumbnails"].items():
        answer = media(author, image, name)
        assert answer.mimetype == each["mime"] == "image/webp"
        assert len(answer.data) == each["bytes"]
        assert each["url"] == f"/api/v1/media/{image['id']}/{name}"
        assert corners(opened(answer.data)) == UPRIGHT
    assert author.get(UPLOADS)["items"] == [ready]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_picture_is_upright_and_tells_neither_place_nor_device(
    service: Service, orientation: int, kind: str
) -> None:
    author = service.author()
    image = send(author, photograph(orientation, (360, 240), kind))
    assert (image["width"], image["height"]) == (360, 240)
    service.drain()
    for size in ("original", "large", "medium", "small"):
        answer = media(author, image, size)
        assert CAMERA.encode() not in answer.data
        shown = opened(answer.data)
        assert not shown.getexif()
        assert corners(shown) == UPRIGHT


def test_notes_of_every_kind_are_gone_and_the_colour_profile_stays(service: Service) -> None:
    author = service.author()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">SecretCamera</x:xmpmeta>'
    for kind in ("JPEG", "PNG", "WEBP"):
        more: dict[str, Any] = {"comment": CAMERA} if kind == "JPEG" else {}
        image = send(author, photograph(kind=kind, icc_profile=profile, xmp=xmp, **more))
        service.drain()
        for size in ("original", "large"):
            answer = media(author, image, size).data
            assert CAMERA.encode() not in answer
            # The sizes are in sRGB, which needs no profile.
            assert opened(answer).info.get("icc_profile") == (profile if size == "original" else None)


def test_photographs_of_the_corpus(service: Service, corpus: Path | None) -> None:
    author = service.author()
    found = sorted((corpus / "images").iterdir()) if corpus else []
    for file in found:
        if file.suffix == ".heif":
            send(author, file.read_bytes(), expect=415, name="photo.jpg")
            continue
        image = send(author, file.read_bytes())
        service.drain()
        expected = Image.open(file)
        turned = expected.getexif().get(0x0112, 1) >= 5
        for size in ("original", "large", "medium", "small"):
            shown = kept(author, image, size)
            assert not shown.getexif()
            upright = expected.size[::-1] if turned else expected.size
            assert (shown.width > shown.height) == (upright[0] > upright[1])


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_still_moves(service: Service, kind: str) -> None:
    author = service.author()
    more: dict[str, Any] = {"comment": CAMERA} if kind == "GIF" else {}
    image = send(author, moving(kind, frames=5, **more))
    assert image["mime"] == f"image/{kind.lower()}"
    answer = media(author, image).data
    assert CAMERA.encode() not in answer
    shown: Any = Image.open(io.BytesIO(answer))
    assert shown.n_frames == 5
    assert shown.info["loop"] == 2
    times = []
    for number in range(5):
        shown.seek(number)
        shown.load()
        times.append(shown.info["duration"])
    assert times == [50, 60, 70, 80, 90]
    service.drain()
    assert author.get(f"{UPLOADS}/{image['id']}")["status"] == "ready"


def test_what_shows_through_still_does(service: Service) -> None:
    author = service.author()
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    palette = Image.new("P", (40, 40), 0)
    for content in (
        data(clear),
        data(clear, "WEBP"),
        data(palette, transparency=0),
        data(palette, "GIF", transparency=0),
    ):
        image = send(author, content)
        service.drain()
        for size in ("original", "small"):
            assert cast(Any, kept(author, image, size).convert("RGBA").getpixel((20, 20)))[3] == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (37, 53)])
def test_every_mode_and_shape_becomes_ready(service: Service, mode: str, size: tuple[int, int]) -> None:
    author = service.author()
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = send(author, data(Image.new(mode, size), kind))
    service.drain()
    ready = author.get(f"{UPLOADS}/{image['id']}")
    assert (ready["status"], ready["width"], ready["height"]) == ("ready", *size)
    assert set(ready["thumbnails"]) == {"large", "medium", "small"}
    assert max(ready["thumbnails"]["small"]["width"], ready["thumbnails"]["small"]["height"]) == min(max(size), 320)


def test_sixteen_bits_of_grey_do_not_turn_white(service: Service) -> None:
    author = service.author()
    image = send(author, data(Image.new("I;16", (50, 50), 0x4000)))
    service.drain()
    grey: Any = kept(author, image, "small").convert("L").getpixel((25, 25))
    assert abs(grey - 0x40) < 8


@pytest.mark.parametrize(
    ("longest", "made"),
    [
        (319, {"large"}),
        (320, {"large"}),
        (321, {"large", "small"}),
        (800, {"large", "small"}),
        (801, {"large", "medium", "small"}),
        (1601, {"large", "medium", "small"}),
    ],
)
def test_equal_sizes_are_made_once_and_smaller_pictures_never_enlarged(
    service: Service, longest: int, made: set[str]
) -> None:
    author = service.author()
    image = send(author, data(Image.new("RGB", (longest, 10))))
    service.drain()
    stored = {each.key.rsplit("/", 1)[1] for each in Store(service.settings).under("pictures/")}
    assert stored == made | {"original"}
    for size, most in (("large", 1600), ("medium", 800), ("small", 320)):
        assert kept(author, image, size).width == min(longest, most)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><script>alert(1)</script></svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n"
HEIF = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1" + bytes(64)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(SVG, id="svg"),
        pytest.param(EPS, id="eps"),
        pytest.param(HEIF, id="heif"),
        pytest.param(b"%PDF-1.7\n" + bytes(100), id="pdf"),
        pytest.param(b"just some words", id="text"),
        pytest.param(b"MZ" + bytes(200), id="program"),
        pytest.param(data(four_corners(), "BMP"), id="bmp"),
        pytest.param(data(four_corners(), "TIFF"), id="tiff"),
    ],
)
def test_what_is_no_picture_of_ours_by_its_content_is_415(service: Service, content: bytes) -> None:
    send(service.author(), content, expect=415)
    assert nothing_is_left(service)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def many_frames(frames: int) -> bytes:
    """A GIF of one pixel with so many frames."""
    header = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    frame = b"\x21\xf9\x04\x00\x01\x00\x00\x00," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return header + frame * frames + b";"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(png(8001, 5000, b""), id="forty megapixels and a little"),
        pytest.param(png(2**31 - 1, 2**31 - 1, b""), id="a header that lies"),
        pytest.param(png(6000, 6000, b"\x00" * 1000), id="too few rows"),
        pytest.param(many_frames(10_000), id="ten thousand frames"),
        pytest.param(b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";", id="a canvas too large"),
        pytest.param(photograph()[:900], id="truncated jpeg"),
        pytest.param(data(four_corners())[:200], id="truncated png"),
        pytest.param(data(four_corners(), "WEBP")[:60], id="truncated webp"),
        pytest.param(b"GIF89a/*" + b"alert(1)//" * 20, id="a script in a gif's clothes"),
        pytest.param(b"\xff\xd8\xff\xe0" + bytes(400), id="a jpeg's beginning and nothing"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)), id="a png of no size"),
    ],
)
def test_what_is_damaged_or_a_bomb_is_422(service: Service, content: bytes) -> None:
    author = service.author()
    assert send(author, content, expect=422)["errors"]["file"]
    assert nothing_is_left(service)
    assert author.get("/users/me")


def test_a_polyglot_loses_its_second_nature(service: Service) -> None:
    author = service.author()
    image = send(author, photograph() + b"PK\x03\x04<script>alert(1)</script>")
    assert b"<script>" not in media(author, image).data


def test_forty_megapixels_are_taken_and_stay_within_memory(service: Service) -> None:
    author = service.author()
    image = send(author, data(Image.new("L", (8000, 5000), 80), "JPEG"))
    assert image["width"] * image["height"] == 40_000_000
    service.drain()
    assert author.get(f"{UPLOADS}/{image['id']}")["status"] == "ready"


def test_more_than_ten_million_bytes_are_413_and_exactly_as_many_are_not(service: Service) -> None:
    author = service.author()
    content = photograph()
    for length in (10_000_001, 30_000_000):
        refused = send(author, content + bytes(length - len(content)), expect=413)
        assert "at most 10,000,000 bytes" in refused["detail"]
    assert nothing_is_left(service)
    assert send(author, content + bytes(10_000_000 - len(content)))["bytes"] < 100_000


def multipart(*parts: bytes, end: bytes = b"--edge--\r\n") -> dict[str, Any]:
    body = b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + end
    return {"data": body, "content_type": "multipart/form-data; boundary=edge"}


def part(name: str, content: bytes, filename: str | None = "a.jpg", kind: str = "image/jpeg") -> bytes:
    file = f'; filename="{filename}"\r\nContent-Type: {kind}' if filename is not None else ""
    return f'Content-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(multipart(), 422, id="nothing"),
        pytest.param(multipart(part("alt", b"x", None)), 422, id="no file"),
        pytest.param(multipart(part("file", b"")), 422, id="an empty file"),
        pytest.param(multipart(part("file", photograph()), part("file", photograph())), 422, id="two files"),
        pytest.param(multipart(part("file", photograph()), part("other", photograph())), 422, id="another file"),
        pytest.param(multipart(part("picture", photograph())), 422, id="the wrong field"),
        pytest.param(multipart(part("file", photograph(), None)), 422, id="a field that is no file"),
        pytest.param(multipart(part("file", photograph()), part("alt", b"x" * 1001, None)), 422, id="a long alt"),
        pytest.param(multipart(part("file", photograph()), part("alt", b"a\x00b", None)), 422, id="NUL in alt"),
        pytest.param(multipart(part("file", photograph()), end=b""), 400, id="no end"),
        pytest.param(
            {"data": b"--edge\r\nnonsense", "content_type": "multipart/form-data; boundary=edge"}, 400, id="cut"
        ),
        pytest.param({"data": photograph(), "content_type": "multipart/form-data"}, 400, id="no boundary"),
        pytest.param({"data": photograph(), "content_type": "image/jpeg"}, 415, id="not multipart"),
        pytest.param({"json": {"file": "x"}}, 415, id="json"),
    ],
)
def test_a_request_that_is_not_as_it_should_be(service: Service, request_: dict[str, Any], status: int) -> None:
    answer = service.author().ask("POST", UPLOADS, expect=status, **request_)
    assert answer.mimetype == "application/problem+json"
    assert nothing_is_left(service)


def test_a_client_that_goes_half_way_leaves_nothing(service: Service) -> None:
    author = service.author()
    body = multipart(part("file", photograph(size=(900, 600))))
    for sent in (0, 30, 200, len(body["data"]) // 2, len(body["data"]) - 3):
        author.ask(
            "POST",
            UPLOADS,
            expect=400,
            input_stream=io.BytesIO(body["data"][:sent]),
            content_type=body["content_type"],
            content_length=len(body["data"]),
        )
    assert nothing_is_left(service)
    assert author.get(UPLOADS)["total"] == 0


def test_neither_name_nor_type_nor_path_are_believed(service: Service) -> None:
    author = service.author()
    for name in ("../../etc/passwd", "x.svg", "a\\b.exe", "é\x7f.png", "a" * 500):
        answer = author.ask(
            "POST", UPLOADS, expect=201, **multipart(part("file", data(four_corners()), name, "text/html"))
        )
        image = answer.get_json()
        assert image["mime"] == "image/png"
        assert name not in answer.get_data(as_text=True)
        assert answer.headers["Location"] == f"/api/v1{UPLOADS}/{image['id']}"


def test_the_same_upload_with_the_same_key_is_one_picture(service: Service) -> None:
    author = service.author()
    key = {"Idempotency-Key": "once"}
    first = send(author, photograph(), headers=key)
    assert send(author, photograph(), headers=key) == first
    assert author.get(UPLOADS)["total"] == 1
    send(author, photograph(2), headers=key, expect=422)
    send(author, photograph(), alt="another", headers=key, expect=422)
    assert len(list(Store(service.settings).under("pictures/"))) == 1


def test_pictures_are_their_owners_alone_but_who_has_the_url_sees_them(service: Service) -> None:
    owner, other, anyone = service.author(), service.author(), service.anyone()
    image = send(owner, photograph())
    path = f"{UPLOADS}/{image['id']}"
    assert other.get(UPLOADS)["total"] == 0
    for method in ("GET", "DELETE"):
        other.ask(method, path, expect=404)
        anyone.ask(method, path, expect=401)
    other.ask("POST", f"{path}/retry", expect=404)
    assert media(anyone, image).data
    owner.delete(path)
    owner.get(path, expect=404)
    media(anyone, image, expect=404)
    owner.delete(path, expect=404)
    assert owner.get(UPLOADS)["total"] == 0


def test_a_third_picture_of_ones_own_at_a_time_waits_a_moment_and_is_asked_to_come_again(service: Service) -> None:
    ana, ben = service.author(), service.author()
    # As another process of the API would hold them.
    elsewhere = Turns(service.settings.var / "picture-turns", 2, 0.0, 1)
    with elsewhere.of(str(ana.id)):
        send(ana, photograph())
        with elsewhere.of(str(ana.id)):
            answer = ana.ask("POST", UPLOADS, expect=429, data={"file": (io.BytesIO(photograph()), "boat.jpg")})
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.get_json()["title"] == "Too Many Requests"
            send(ben, photograph())
    send(ana, photograph())
    with service.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(pictures)) == 3
