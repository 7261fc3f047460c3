"""Read published pages without a token, with and without having them already."""

from collections.abc import Iterator, Sequence

from bench.client import Author
from bench.figures import Turn, Work
from bench.load import Plan, request
from bench.prose import Prose
from bench.running import Running

CONNECTIONS = 16
PAGES = 20
CHARACTERS = 2500
READS = 5000
ONE_LINE = "a one-line JSON view, same server"


def works(running: Running) -> Iterator[Work]:
    prose, author = Prose(seed=2), Author(running.port)
    notebook = author.notebook()
    paths = [author.page(notebook, prose.of_length(CHARACTERS)) for _ in range(PAGES)]
    author.post(f"/notebooks/{notebook}/publish")
    running.settle()
    etags = [author.etag(f"{path}?view=published") for path in paths]
    whole = [request("GET", f"/api/v1{path}") for path in paths]
    known = [request("GET", f"/api/v1{path}", If_None_Match=etag) for path, etag in zip(paths, etags, strict=True)]
    yield work(running, f"read a published page, {CONNECTIONS} connections", 0.7, whole, b"HTTP/1.1 200")
    yield work(running, "the same, 304 not modified", 0.8, known, b"HTTP/1.1 304")


def work(
    running: Running, name: str, goal: float, requests: Sequence[bytes], expect: bytes, reads: int = READS
) -> Work:
    """Reading with these requests, each connection beginning at another one; ``reads`` of ours a turn."""
    spread = [
        [*requests[number % len(requests) :], *requests[: number % len(requests)]] for number in range(CONNECTIONS)
    ]
    ours = Plan(spread, reads, expect)
    theirs = Plan([[request("GET", "/")]] * CONNECTIONS, READS)

    def read() -> Turn:
        return running.load(running.port, ours)

    return Work(name, ONE_LINE, goal, read, lambda: running.load(running.one_line_port, theirs), turns=3)
