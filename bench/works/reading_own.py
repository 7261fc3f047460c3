"""Read one's own drafts: the token checked and not revoked, and never older than the last save."""

from collections.abc import Iterator

from bench.client import Author
from bench.figures import Work
from bench.load import request
from bench.prose import Prose
from bench.running import Running
from bench.works.reading_published import CHARACTERS, CONNECTIONS, work

AUTHORS = 4
PAGES_EACH = 5


def works(running: Running) -> Iterator[Work]:
    prose = Prose(seed=3)
    requests = [each for _ in range(AUTHORS) for each in _requests(Author(running.port), prose)]
    running.settle()
    yield work(running, f"read one's own draft, {CONNECTIONS} connections", 0.5, requests, b"HTTP/1.1 200")


def _requests(author: Author, prose: Prose) -> list[bytes]:
    notebook = author.notebook()
    paths = [author.page(notebook, prose.of_length(CHARACTERS)) for _ in range(PAGES_EACH)]
    return [request("GET", f"/api/v1{path}", Authorization=f"Bearer {author.token}") for path in paths]
