"""Uploading the pictures that documents link to, each once."""

import hashlib

from seeding.book import Book
from seeding.client import Client
from seeding.errors import PictureProblem, Refused
from seeding.keys import create_once, upload
from seeding.leftovers import Leftovers
from seeding.linking import stays
from seeding.links import LocalLink
from seeding.memory import ImportMemory, PictureMemory

ROUTE = "/uploads/images"
NO_ROUTE = {404, 405}
NO_UPLOADS = "this server has no picture uploads"
# The picture itself is at fault: malformed, too large, of another type, damaged (contract). 403: beyond a quota.
PICTURE_AT_FAULT = {400, 403, 413, 415, 422}
MOST_ALT_CHARACTERS = 1000


class Pictures:
    """The pictures of one book. What cannot be uploaded is named, and its links stay as they are."""

    def __init__(self, client: Client, book: Book, memory: ImportMemory, left: Leftovers) -> None:
        """Nothing is uploaded before a document links to it."""
        self._client, self._book, self._memory, self._left = client, book, memory, left
        self._urls: dict[str, str | None] = {}
        self._server_takes_pictures = True

    def url(self, link: LocalLink, document: str) -> str | None:
        """Return where the picture is served, None when it cannot be; the question is asked once per run."""
        if link.name not in self._urls:
            try:
                self._urls[link.name] = self._uploaded(link)
            except PictureProblem as problem:
                self._urls[link.name] = None
                self._left.add(document, stays(link.name, True, str(problem)))
        return self._urls[link.name]

    def _uploaded(self, link: LocalLink) -> str:
        """Upload the picture, unless the server still has what an earlier run uploaded from these bytes.

        It may not: a picture that no page links to yet, because that run was interrupted, is swept away in time.
        """
        if not self._server_takes_pictures:
            raise PictureProblem(NO_UPLOADS)
        data = self._book.read_picture(link.name)
        digest = hashlib.sha256(data).hexdigest()
        known = self._memory.pictures.get(link.name)
        if known and known.sha256 == digest and self._client.find(f"{ROUTE}/{known.id}"):
            return known.url
        self._memory.pictures[link.name] = made = self._upload(link, data, digest)
        self._memory.note()
        return made.url

    def _upload(self, link: LocalLink, data: bytes, digest: str) -> PictureMemory:
        creation = upload(ROUTE, link.name, data, link.alt[:MOST_ALT_CHARACTERS])
        try:
            image = create_once(self._client, creation, lambda made: f"{ROUTE}/{made['id']}")
        except Refused as refused:
            if refused.status in NO_ROUTE:
                self._server_takes_pictures = False
                raise PictureProblem(NO_UPLOADS) from refused
            if refused.status in PICTURE_AT_FAULT:
                raise PictureProblem(str(refused)) from refused
            raise
        return PictureMemory(digest, image["id"], image["url"])
