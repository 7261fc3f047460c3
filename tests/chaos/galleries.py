"""Authors who upload pictures, link them and unlink them again, and see to it that none of theirs is missing."""

import io
import threading
from collections.abc import Iterable
from pathlib import Path
from random import Random
from tempfile import NamedTemporaryFile
from typing import Any

from PIL import Image
from sqlalchemy import Engine

from domain.commands import pictures
from domain.picture import Picture, object_key
from infra.objects import Store
from infra.settings import Settings
from tests.chaos.client import Answer, Client
from tests.chaos.journal import Journal
from tests.chaos.system import until
from tests.chaos.writers import PATIENCE, Author, Writers

SIDE = 8
PAGES = 3
MOST_ON_A_PAGE = 5
UPLOAD = "/uploads/images"
MULTIPART = "multipart/form-data; boundary=edge"
FILE = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'


class Sender(Client):
    """Sends pixels as the picture that they are."""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        if path == UPLOAD:
            return super().ask(method, path, drawn(bytes.fromhex(body["pixels"])), Content_Type=MULTIPART, **headers)
        return super().ask(method, path, body, **headers)


def drawn(pixels: bytes) -> bytes:
    """The body of an upload of these pixels, as a PNG, which loses none of them."""
    file = io.BytesIO()
    Image.frombytes("RGB", (SIDE, SIDE), pixels).save(file, "PNG")
    return FILE + file.getvalue() + b"\r\n--edge--\r\n"


class Wall:
    """The truth about pictures, read past the API: rows in the database and objects in the store."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.store = Store(settings)

    def row(self, picture_id: str) -> Picture | None:
        with self.engine.connect() as connection:
            return pictures.find(connection, picture_id)

    def is_bare(self, picture_id: str) -> bool:
        """Whether it has a row and no original. The row is looked at last: an object goes after its row."""
        return not self.store.has(object_key(picture_id, "original")) and self.row(picture_id) is not None

    def leave(self, picture_id: str) -> None:
        """An object that nobody knows of."""
        with NamedTemporaryFile() as file:
            file.write(b"stray")
            file.flush()
            self.store.put(object_key(picture_id, "original"), Path(file.name), "image/png")

    def hangs(self, picture_id: str) -> bool:
        return self.row(picture_id) is not None and self.store.has(object_key(picture_id, "original"))


class Gallery(Author):
    """Not to be shared between threads."""

    def __init__(self, name: str, port: int, journal: Journal, dice: Random, wall: Wall) -> None:
        super().__init__(name, Sender(port), journal, dice)
        self.wall = wall
        # Of every picture that was acknowledged, what was drawn.
        self.pixels: dict[str, bytes] = {}
        # By page id, the pictures that its text shows and that were there after it was saved.
        self.shown: dict[str, list[str]] = {}
        self.loose: list[str] = []
        self.bare: list[str] = []
        self.taken: list[str] = []
        self.came_too_late = 0

    def sign_up(self, notebooks: int = 1, pages: int = PAGES) -> None:
        super().sign_up(notebooks, pages)
        self.shown = {page_id: [] for _, page_id in self.pages}

    def step(self) -> None:
        self.dice.choices((self.upload, self.link, self.unlink), (5, 3, 2))[0]()

    def upload(self) -> None:
        pixels = self.dice.randbytes(3 * SIDE * SIDE)
        made = self.insist("upload", "POST", UPLOAD, {"pixels": pixels.hex()}, "picture.uploaded")
        picture_id = made.body["id"]
        self.pixels[picture_id] = pixels
        if self.wall.is_bare(picture_id):
            self.bare.append(picture_id)
        self.loose.append(picture_id)

    def link(self) -> None:
        """One of the last few: the older ones are gone, or about to go."""
        if self.loose:
            picture_id = self.loose.pop(self.dice.randrange(max(0, len(self.loose) - 4), len(self.loose)))
            page_id = self.dice.choice(list(self.shown))
            self._show(page_id, [*self.shown[page_id], picture_id][-MOST_ON_A_PAGE:])

    def unlink(self) -> None:
        page_id = self.dice.choice(list(self.shown))
        if self.shown[page_id]:
            gone = self.dice.choice(self.shown[page_id])
            self._show(page_id, [each for each in self.shown[page_id] if each != gone])

    def _show(self, page_id: str, picture_ids: list[str]) -> None:
        # Before the text lets go of any: all of them had to be there until now.
        self.taken += [each for each in self.shown[page_id] if not self.wall.hangs(each)]
        text = " ".join(f"![](/api/v1/media/{each}/original)" for each in picture_ids)
        place = next(f"/notebooks/{notebook}/pages/{page}" for notebook, page in self.pages if page == page_id)
        # An autosave: it rolls the one open revision on, which lets go as well.
        self.insist("autosave", "PUT", place, {"content": text, "autosave": True}, "page.autosaved", may_be_void=True)
        new = set(picture_ids) - set(self.shown[page_id])
        late = {each for each in new if not self._is_mine(each)}
        self.came_too_late += len(late)
        self.shown[page_id] = [each for each in picture_ids if each not in late]

    def _is_mine(self, picture_id: str) -> bool:
        """Whether the API still has it, which it must keep from now on."""
        told = until(lambda: self._status(picture_id), PATIENCE, f"picture {picture_id}")
        return bool(told == 200)

    def _status(self, picture_id: str) -> int | None:
        status = self.client.ask("GET", f"{UPLOAD}/{picture_id}").status
        if status == 401:
            self.sign_in()
        return status if status in (200, 404) else None


class Galleries(Writers):
    """All of them together, until so many wishes are sent and ``may_end`` is set."""

    def __init__(self, port: int, journal: Journal, seed: str, clients: int, wishes: int, wall: Wall) -> None:
        super().__init__(port, journal, seed, 0, wishes)
        self.galleries = [
            Gallery(f"gallery{number}", port, journal, Random(f"{seed}/{number}"), wall) for number in range(clients)
        ]
        self.authors = list(self.galleries)
        self.may_end = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(each,), daemon=True) for each in self.authors]

    def is_done(self) -> bool:
        return self._stop.is_set() or (self.may_end.is_set() and self.journal.sent >= self._writes)

    def _write(self, author: Author) -> None:
        try:
            author.sign_up()
            while not self.is_done():
                author.step()
        except BaseException as error:
            self._failures.append(error)
            self._stop.set()

    def failed(self) -> bool:
        """Whether one of them ended early; ``wait`` says of what."""
        return bool(self._failures)

    def shown(self) -> set[str]:
        return {each for gallery in self.galleries for shown in gallery.shown.values() for each in shown}

    def all(self, name: str) -> list[str]:
        lists: Iterable[list[str]] = (getattr(gallery, name) for gallery in self.galleries)
        return [each for found in lists for each in found]

    def pixels(self) -> dict[str, bytes]:
        return {key: value for gallery in self.galleries for key, value in gallery.pixels.items()}
