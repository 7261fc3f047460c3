"""List one's own notebooks, the first thing that a client shows."""

from collections.abc import Iterator

from bench.client import Author
from bench.figures import Work
from bench.load import request
from bench.running import Running
from bench.works.reading_published import CONNECTIONS, work

AUTHORS = 4
NOTEBOOKS_EACH = 30
LISTED = 20


def works(running: Running) -> Iterator[Work]:
    requests = [_request(Author(running.port)) for _ in range(AUTHORS)]
    running.settle()
    name = f"list {LISTED} of one's notebooks, {CONNECTIONS} connections"
    yield work(running, name, 0.1, requests, b"HTTP/1.1 200", reads=1000)


def _request(author: Author) -> bytes:
    for _ in range(NOTEBOOKS_EACH):
        author.page(author.notebook(), "A heron stood still.")
    path = f"/api/v1/notebooks?per_page={LISTED}"
    return request("GET", path, Authorization=f"Bearer {author.token}")
