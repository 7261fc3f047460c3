"""Uploading the pictures that documents link to, each once, and giving the links their new targets."""

import hashlib
import re
from collections.abc import Callable
from posixpath import normpath
from urllib.parse import unquote

from seeding.book import Book
from seeding.client import Client
from seeding.errors import PictureProblem, Refused
from seeding.keys import create_once, upload
from seeding.markdown import relink_pictures
from seeding.memory import ImportMemory, PictureMemory

ROUTE = "/uploads/images"
NO_ROUTE = {404, 405}
# The picture itself is at fault: malformed, too large, of another type, damaged (contract).
PICTURE_AT_FAULT = {400, 413, 415, 422}
ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\#?]")


def local_name(target: str) -> str | None:
    """Return the file that a link's target names, None for what lies on the web or on the server."""
    name = target.removeprefix("<").removesuffix(">")
    # `./boat.png` and `boat.png` are one picture, to be uploaded once.
    return None if not name or ELSEWHERE.match(name) else normpath(unquote(name))


class Pictures:
    """The pictures of one book. What cannot be uploaded is said once, and its links stay as they are."""

    def __init__(self, client: Client, book: Book, memory: ImportMemory, say: Callable[[str], None]) -> None:
        """Nothing is uploaded before a document links to it."""
        self._client, self._book, self._memory, self._say = client, book, memory, say
        self._urls: dict[str, str | None] = {}
        self._server_takes_pictures = True

    def relinked(self, content: str, document: str) -> str:
        """Return the content with every local picture uploaded and linked where the server has it."""

        def new_target(alt: str, target: str) -> str:
            name = local_name(target)
            return (name and self._url(name, alt, document)) or target

        return relink_pictures(content, new_target)

    def _url(self, name: str, alt: str, document: str) -> str | None:
        """Return where the picture is served, None when it cannot be; the question is asked once per run."""
        if name not in self._urls:
            try:
                self._urls[name] = self._uploaded(name, alt).url if self._server_takes_pictures else None
            except PictureProblem as problem:
                self._urls[name] = None
                self._say(f"{document}: the picture {name} is not uploaded and its link stays as it is: {problem}.")
        return self._urls[name]

    def _uploaded(self, name: str, alt: str) -> PictureMemory:
        """Upload the picture, unless the server still has what an earlier run uploaded from these bytes.

        It may not: a picture that no page links to yet, because that run was interrupted, is swept away in time.
        """
        data = self._book.read_picture(name)
        digest = hashlib.sha256(data).hexdigest()
        known = self._memory.pictures.get(name)
        if known and known.sha256 == digest and self._client.find(f"{ROUTE}/{known.id}"):
            return known
        self._memory.pictures[name] = made = self._upload(name, data, digest, alt)
        self._memory.save()
        return made

    def _upload(self, name: str, data: bytes, digest: str, alt: str) -> PictureMemory:
        try:
            image = create_once(self._client, upload(ROUTE, name, data, alt), lambda made: f"{ROUTE}/{made['id']}")
        except Refused as refused:
            if refused.status in NO_ROUTE:
                self._server_takes_pictures = False
                raise PictureProblem("this server has no picture uploads (nor will the others be tried)") from refused
            if refused.status in PICTURE_AT_FAULT:
                raise PictureProblem(str(refused)) from refused
            raise
        return PictureMemory(digest, image["id"], image["url"])
