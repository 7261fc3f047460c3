"""The recorder: what clients sent and what they were told, in a file outside the system.

A line is written before a request leaves and another when its answer is in. An operation is one wish of a client under
one idempotency key, however often it was sent.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

STALE = 412
Verdict = Literal["ok", "refused", "unknown"]


@dataclass
class Operation:
    """``effects``: the names of the events that it must leave, all or none; ``if_stale``: those that it must leave
    instead when it is refused as stale. ``sent``: the SHA-256 of its text.
    ``may_be_void``: acknowledged, it may have changed nothing, such as a publish without anything new."""

    key: str
    kind: str
    effects: tuple[str, ...]
    if_stale: tuple[str, ...] | None = None
    may_be_void: bool = False
    sent: str | None = None
    # Method, path, body and headers, to be sent again.
    request: list[Any] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """What its client may rely on: one acknowledgement is enough; one lost answer leaves it open."""
        told = {answer["verdict"] for answer in self.answers}
        if "ok" in told:
            return "ok"
        # Still under way when the journal ends.
        if "unknown" in told or not told:
            return "unknown"
        return "refused"

    @property
    def allowed(self) -> list[tuple[str, ...]]:
        """The effects that it may have, besides none."""
        if self.if_stale is None:
            return [self.effects]
        if self.verdict == "ok":
            return [self.if_stale if self.acknowledged["status"] == STALE else self.effects]
        return [self.effects, self.if_stale]

    @property
    def acknowledged(self) -> dict[str, Any]:
        """The answer that said ok."""
        return next(answer for answer in self.answers if answer["verdict"] == "ok")


class Journal:
    """Append-only; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open(path, "a", buffering=1)  # noqa: SIM115 - closed in close()
        self._lock = threading.Lock()
        self.sent = 0

    def begin(self, key: str, kind: str, effects: Sequence[str], **about: Any) -> None:
        self.sent += 1
        self._write(key=key, kind=kind, effects=list(effects), **about)

    def end(self, key: str, verdict: Verdict, status: int | None, **about: Any) -> None:
        self._write(key=key, verdict=verdict, status=status, **about)

    def _write(self, **line: Any) -> None:
        with self._lock:
            self._file.write(json.dumps({"at": time.time(), **line}) + "\n")

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> dict[str, Operation]:
    """All operations by their keys."""
    operations: dict[str, Operation] = {}
    for line in _lines(path):
        key = line.pop("key")
        if "effects" in line:
            lists: dict[str, Any] = {
                name: tuple(line[name]) for name in ("effects", "if_stale") if line.get(name) is not None
            }
            about: dict[str, Any] = {
                name: line[name] for name in ("kind", "may_be_void", "sent", "request") if name in line
            }
            operations[key] = Operation(key, **lists, **about)
        else:
            operations[key].answers.append(line)
    return operations


def statuses(path: Path) -> Counter[int | None]:
    """How often each was answered, followed by another try or not."""
    return Counter(line["status"] for line in _lines(path) if "verdict" in line)


def failures(path: Path) -> list[int]:
    """What was answered that is neither meant nor an outage."""
    return [status for status in statuses(path).elements() if status and status >= 500 and status != 503]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with open(path) as file:
        for line in file:
            yield json.loads(line)
