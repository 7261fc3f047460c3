"""Which functions of ours stand between two others on the stack, and which are called on the way of a request."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

HOUSE = Path(__file__).parent.parent
ROOMS = frozenset(each.name for each in HOUSE.iterdir() if each.is_dir()) - {"tests", ".venv"}


def place_of(code: CodeType) -> str | None:
    """``path from the checkout:qualified name`` of a function of ours, None for anyone else's."""
    path = Path(code.co_filename)
    if not path.is_relative_to(HOUSE):
        return None
    found = path.relative_to(HOUSE)
    return f"{found.as_posix()}:{code.co_qualname}" if found.parts[0] in ROOMS else None


@contextmanager
def calls() -> Iterator[list[list[str]]]:
    """The calls of functions of ours in this thread, in order: each with its own stack, the outermost first."""
    seen: list[list[str]] = []

    def called(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and place_of(frame.f_code):
            seen.append(_stack(frame))

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        yield seen
    finally:
        sys.setprofile(before)


def _stack(frame: FrameType | None) -> list[str]:
    found = []
    while frame:
        if place := place_of(frame.f_code):
            found.append(place)
        frame = frame.f_back
    return found[::-1]


def between(stacks: list[list[str]], outer: str, inner: str) -> list[str]:
    """The functions of ours between ``outer`` and the first call of ``inner`` that it came to."""
    stack = next(each for each in stacks if each[-1] == inner and outer in each)
    return stack[stack.index(outer) + 1 : -1]
