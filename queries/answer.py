"""What a query answers: finished bytes."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from read_models.profiles import Profile

__all__ = ["Answer", "Profile", "Shape", "answer", "encode", "etag_of", "listing"]


class Answer(NamedTuple):
    """``body`` is JSON. ``is_public``: anyone may be shown it, so shared caches may keep it. Of a list, ``page`` is
    which page of it this is and ``pages`` how many there are."""

    body: bytes
    etag: str
    is_public: bool
    page: int = 0
    pages: int = 0


@dataclass(frozen=True)
class Shape:
    """How an answer looks. ``present`` turns what a query has found into what is sent, and asks nobody for more;
    ``digest`` is another one as soon as a field comes, goes or changes its type, so that bytes of one shape are never
    taken for those of another (docs/adr/0020)."""

    present: Callable[..., dict[str, Any]]
    digest: str


def encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def etag_of(body: bytes, version: int | None = None) -> str:
    """A strong ETag; with a version in front where If-Match will ask for one."""
    digest = hashlib.blake2b(body, digest_size=9).hexdigest()
    return f'"{digest}"' if version is None else f'"{version}-{digest}"'


def answer(presented: Any, is_public: bool, version: int | None = None) -> Answer:
    """One that no cache keeps."""
    body = encode(presented)
    return Answer(body, etag_of(body, version), is_public)


def listing(items: Sequence[Any], total: int, page: int, per_page: int, is_public: bool, **more: Any) -> Answer:
    """One page of a list; ``more`` are members beside the items."""
    pages = -(-total // per_page)
    body = encode({"items": items, "page": page, "per_page": per_page, "total": total, "pages": pages, **more})
    return Answer(body, etag_of(body), is_public, page, pages)
