"""What an upload with its three sizes takes of the processor, in all processes together."""

import http.client
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps

from bench.client import HOST, Author
from bench.figures import Turn, Work
from bench.processor import seconds
from bench.running import Running
from bench.works.shrinking import photograph, shrink_plainly

PICTURES_EACH = 4
POLL_SECONDS = 0.05
MOST_SECONDS = 60.0


def works(running: Running) -> Iterator[Work]:
    with tempfile.TemporaryDirectory(prefix="sinpluma-bench-") as name:
        folder = Path(name)
        source = photograph(folder / "photograph.jpg")
        author = Author(running.port)
        yield Work(
            "processor for an upload with its three sizes",
            "straightforward Pillow in one process: decode, upright original, three sizes",
            goal=1.5,
            ours=lambda: _upload_all(running, author, source),
            theirs=lambda: _convert_all(source, folder),
            turns=1,
            is_cost=True,
        )


def _upload_all(running: Running, author: Author, source: Path) -> Turn:
    running.settle()
    pids = running.pids()
    before = seconds(pids)
    for _ in range(PICTURES_EACH):
        _wait_until_ready(running.port, author.token, _upload(running.port, author.token, source.read_bytes()))
    return Turn(PICTURES_EACH, seconds(pids) - before)


def _upload(port: int, token: str, content: bytes) -> str:
    mark = "bench-picture"
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="p.jpg"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
    form = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    return str(_ask(port, token, "POST", "/api/v1/uploads/images", body, form)["id"])


def _wait_until_ready(port: int, token: str, picture_id: str) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    while _ask(port, token, "GET", f"/api/v1/uploads/images/{picture_id}")["status"] != "ready":
        if time.monotonic() > deadline:
            raise TimeoutError("the sizes of a picture were never made")
        time.sleep(POLL_SECONDS)


def _ask(
    port: int, token: str, method: str, path: str, body: bytes | None = None, more: dict[str, str] | None = None
) -> dict[str, object]:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    connection.request(method, path, body, {"Authorization": f"Bearer {token}"} | (more or {}))
    answer = connection.getresponse()
    told: dict[str, object] = json.loads(answer.read())
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: {answer.status} {told}")
    return told


def _convert_all(source: Path, folder: Path) -> Turn:
    began = time.process_time()
    for _ in range(PICTURES_EACH):
        with Image.open(source) as image:
            ImageOps.exif_transpose(image).save(folder / "original.jpg", quality=90)
        shrink_plainly(source, folder)
    return Turn(PICTURES_EACH, time.process_time() - began)
