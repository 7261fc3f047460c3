"""Errors of every process, told to Honeybadger when there is a key: what is logged at ERROR or above, with the request
id, and without anything of what people wrote (docs/adr/0034).

The client makes the notices. They are sent from a thread of our own, a few at a time: the client would start a thread
for each, none of which ever gives up, and would ask a proxy for the way to this machine itself.
"""

import atexit
import contextlib
import json
import logging
import os
import signal
import sys
import threading
import urllib.request
from collections import deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from infra import logs
from infra.database import LOOPBACK
from infra.settings import CHECKOUT, Settings

logger = logging.getLogger(__name__)

ENDPOINT = "https://api.honeybadger.io"
MOST_WAITING = 100
SEND_SECONDS = 5.0
FLUSH_SECONDS = 2.0
# Ids and names, never texts.
TOLD = ("reaction", "event_id", "delivery_state", "chore", "method", "route")


class Reporter(logging.Handler):
    """A handler for the root logger; ``flush_within`` waits until what was told is sent, for a process that ends."""

    def __init__(self, settings: Settings, process_name: str) -> None:
        super().__init__(logging.ERROR)
        self._process_name = process_name
        self._secrets = logs.known_secrets(settings)
        self._key = settings.honeybadger_api_key or ""
        self._url = (settings.honeybadger_endpoint or ENDPOINT).rstrip("/") + "/v1/notices/"
        self._opener = _opener(self._url)
        self._client = _client(self._key, self._take)
        self._renew()
        # The thread stays behind in the parent.
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        # Of a storm, which says the same again and again as a rule, the last ones.
        self._waiting = deque[bytes](maxlen=MOST_WAITING)
        self._is_idle, self._has_more = threading.Event(), threading.Event()
        self._is_idle.set()
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("honeybadger") or record.name == __name__:
            return
        try:
            self._tell(record)
        except Exception:
            self.handleError(record)

    def _tell(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        context = {name: getattr(record, name) for name in TOLD if getattr(record, name, None) is not None}
        context |= {"request_id": logs.request_id.get(), "process": self._process_name, "log": record.getMessage()}
        if error:
            self._client.notify(exception=error, exc_traceback=error.__traceback__, context=context)
        else:
            self._client.notify(error_class=record.name, error_message=record.getMessage(), context=context)

    def _take(self, notice: Any) -> None:
        """Called by the client with what it would send; answers None, so that it does not."""
        text = json.dumps(notice.payload, default=str)
        self._waiting.append(logs.redacted(text, self._secrets).encode())
        self._is_idle.clear()
        self._has_more.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_all, name="reporting", daemon=True)
            self._thread.start()

    def _send_all(self) -> None:
        while True:
            self._has_more.wait()
            self._has_more.clear()
            while self._waiting:
                self._send(self._waiting.popleft())
            if not self._has_more.is_set():
                self._is_idle.set()

    def _send(self, body: bytes) -> None:
        headers = {"X-Api-Key": self._key, "Content-Type": "application/json", "Accept": "application/json"}
        try:
            self._opener.open(urllib.request.Request(self._url, body, headers), timeout=SEND_SECONDS).close()
        except (OSError, ValueError) as error:
            logger.warning("an error could not be reported: %s", error)

    def flush_within(self, seconds: float) -> None:
        self._is_idle.wait(seconds)


_reporters: list[Reporter] = []


def begin(settings: Settings, process_name: str) -> None:
    """Report what is logged from here on, if the settings name a key. After ``logs.configure``."""
    if settings.honeybadger_api_key:
        reporter = Reporter(settings, process_name)
        logging.root.addHandler(reporter)
        _reporters[:] = [reporter]
        atexit.register(flush)


def flush() -> None:
    """Before a process ends: give what was told a moment to be sent."""
    for each in _reporters:
        each.flush_within(FLUSH_SECONDS)


def _client(key: str, take: Any) -> Any:
    with _as_it_was():
        from honeybadger import Honeybadger

        client = Honeybadger()
    client.configure(
        api_key=key,
        project_root=str(CHECKOUT),
        environment="production",
        force_report_data=True,
        # Values of variables are people's texts.
        report_local_variables=False,
        insights_enabled=False,
        before_notify=take,
    )
    return client


@contextlib.contextmanager
def _as_it_was() -> Iterator[None]:
    """Imported, the client takes SIGTERM and the hook for what ends a process; both are ours."""
    is_main = threading.current_thread() is threading.main_thread()
    hook, handler = sys.excepthook, signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        sys.excepthook = hook
        if is_main:
            signal.signal(signal.SIGTERM, handler)


def _opener(url: str) -> urllib.request.OpenerDirector:
    is_here = urlsplit(url).hostname in LOOPBACK
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if is_here else []))
