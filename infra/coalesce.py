"""One question for all who ask at the same time.

A read that must be as new as its request costs a round trip to MySQL. Under load many threads want one at once; so
those that come while a question is under way share the next one. Nobody gets the answer to a question that was asked
before they came; with no question in flight, a caller asks at once.
"""

import threading
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


PATIENCE = 0.1


class _Question(Generic[Key, Value]):
    def __init__(self) -> None:
        self.keys: set[Key] = set()
        # Held until there are answers. A lock and not an event: it lets those who wait go one after the other, where
        # an event would wake all of them at once to queue for the interpreter's lock.
        self.open = threading.Lock()
        self.open.acquire()
        # None until there are any, and after a question that ended without: its thread was stopped.
        self.answers: Mapping[Key, Value] | None = None
        self.error: Exception | None = None


class Coalesced(Generic[Key, Value]):
    """``ask`` answers for any number of keys; it is called by one thread at a time."""

    def __init__(self, ask: Callable[[Collection[Key]], Mapping[Key, Value]]) -> None:
        self._ask = ask
        self._open: _Question[Key, Value] | None = None
        self._joining = threading.Lock()
        self._asking = threading.Lock()

    def get(self, *keys: Key) -> list[Value]:
        """The answers for ``keys``, to a question asked after this call began."""
        question, is_first = self._join(keys)
        if is_first:
            self._put(question)
        else:
            with question.open:
                pass
        if question.error:
            raise question.error
        if question.answers is None:
            return self.get(*keys)
        return [question.answers[key] for key in keys]

    def _join(self, keys: Collection[Key]) -> tuple[_Question[Key, Value], bool]:
        with self._joining:
            is_first = self._open is None
            question = self._open = self._open or _Question()
            question.keys.update(keys)
            return question, is_first

    def _put(self, question: _Question[Key, Value]) -> None:
        """Whoever opened a question asks it, once the one before is answered; until then others may join."""
        # A question that hangs must not hold up those after it.
        in_turn = self._asking.acquire(timeout=PATIENCE)
        with self._joining:
            self._open = None
        try:
            question.answers = self._ask(question.keys)
        except Exception as error:
            question.error = error
        finally:
            if in_turn:
                self._asking.release()
            question.open.release()
