"""Creating things once, by idempotency keys.

A key says "this thing, with this content": it is made of who, where, what and the content itself, so that after an
interruption the next run sends the same key with the same body and gets the stored answer instead of a second thing.
Only creations use such keys. A PUT must not: setting a text to A, to B and to A again would replay the first answer and
leave B."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from posixpath import basename
from typing import Any

from seeding.client import Client
from seeding.transport import Json, canonical


def idempotency_key(*parts: str | bytes) -> str:
    """Make a key out of everything that identifies a creation; other parts, another key."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        # Each part with its length, so that no two lists of parts run together into the same bytes.
        digest.update(b"%d:" % len(raw) + raw)
    return f"seed-{digest.hexdigest()}"


@dataclass(frozen=True)
class Creation:
    """One thing to be made by POST to `path`. `name` tells it from others with the same content."""

    path: str
    name: str
    fingerprint: bytes
    request: dict[str, Any] = field(repr=False)


def json_creation(path: str, name: str, body: Json) -> Creation:
    """Something that is made of JSON."""
    return Creation(path, name, canonical(body), {"json": body})


def upload(path: str, name: str, data: bytes, alt: str) -> Creation:
    """Something that is made of a file."""
    fingerprint = hashlib.sha256(data).digest() + alt.encode()
    sent = basename(name).encode(errors="replace").decode()
    return Creation(path, name, fingerprint, {"files": {"file": (sent, data)}, "data": {"alt": alt}})


def create_once(client: Client, creation: Creation, where: Callable[[Json], str]) -> Json:
    """Create, or find what an earlier run created; `where` is the path to read it at.

    A receipt outlives what it tells of: after a deletion the key still answers with the deleted thing. The next key is
    made from the id of the deleted one, so it too is the same on every run.
    """
    gone = ""
    while True:
        key = idempotency_key(str(client.user["id"]), creation.path, creation.name, creation.fingerprint, gone)
        made, replayed = client.post(creation.path, key=key, **creation.request)
        if not replayed or client.find(where(made)) is not None:
            return made
        gone = str(made["id"])
