"""One JSON object a line on stderr; supervisor keeps them in SINPLUMA_VAR/log/.

What a line may hold is a fixed list: time, level, logger, process, request id,
message, exception and the `extra=` fields of the call. Secrets are kept out where
they could slip in unnoticed: passwords in URLs, bearer tokens.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from infra.settings import Settings

# Set by the API for each request and by the workers for each event that they handle.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# A driver's exception may quote the URL it failed on; a client's header may be echoed.
_SECRETS = (
    (re.compile(r"(\w+://[^\s:/@]*:)[^\s@]+@"), r"\1***@"),
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]+"), r"\1***"),
    # The database repeats what it does not take: an e-mail that is there already, a text that it can't store.
    (re.compile(r"(Duplicate entry |Incorrect [\w ]+ value: )'.*?'(?= for )", re.DOTALL), r"\1'…'"),
)


def configure(settings: Settings | None, process_name: str, level: int = logging.INFO) -> None:
    """Send the whole process' logging to stderr as JSON lines. Call once, at the start."""
    handler = logging.StreamHandler(sys.stderr)
    make = TerminalFormatter if sys.stderr.isatty() else JsonFormatter
    handler.setFormatter(make(process_name, known_secrets(settings)))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    logging.captureWarnings(True)
    # These two tell every request and every job at INFO.
    for chatty in ("httpx", "rq.worker"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends a process is told as all else is, to whoever is told of errors."""
    if issubclass(kind, Exception):
        logging.getLogger("sinpluma").critical("ended by an error", exc_info=(kind, error, trace))
    else:
        sys.__excepthook__(kind, error, trace)


def known_secrets(settings: Settings | None) -> tuple[str, ...]:
    """The values that must never stand in a line, whoever logs them."""
    if settings is None:
        return ()
    values = (
        settings.jwt_secret_key,
        settings.jwt_secret_key_previous,
        settings.supervisor_password,
        settings.s3_secret_key,
        settings.honeybadger_api_key,
    )
    return tuple(value for value in values if value)


class JsonFormatter(logging.Formatter):
    def __init__(self, process_name: str, secrets: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.process_name = process_name
        self.secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": self.process_name,
            "pid": record.process,
            "request_id": request_id.get(),
            "message": record.getMessage(),
        }
        # `extra=` cannot rename a field above: a line's meaning stays fixed.
        line |= {k: v for k, v in vars(record).items() if k not in _STANDARD and k not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return self._redact(json.dumps(line, ensure_ascii=False, default=str))

    def _redact(self, text: str) -> str:
        return redacted(text, self.secrets)


class TerminalFormatter(JsonFormatter):
    """The same for someone who watches: the time of day and the message first, a traceback in lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        more = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        more |= {"request_id": request_id.get()}
        told = "  ".join(f"{name}={value}" for name, value in more.items() if value is not None)
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        line = f"{at} {record.levelname.lower():7} {self.process_name}: {record.getMessage()}  {told}".rstrip()
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return self._redact(line)


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without what must stand in no log."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
