"""A log line for each request that ACCESS_LOG selects: method, route, user, status and duration.

Only the route's template is logged: paths hold ids and queries hold words, and neither belongs in a log."""

import logging
from collections.abc import Callable
from typing import Any

from flask import g, has_app_context

logger = logging.getLogger("sinpluma.access")

READS = frozenset({"GET", "HEAD"})
SLOW_SECONDS = 1.0


def _changes(method: str, status: str, seconds: float) -> bool:
    return method not in READS or status >= "400" or seconds > SLOW_SECONDS


WANTED: dict[str, Callable[[str, str, float], bool]] = {
    "all": lambda method, status, seconds: True,
    "changes": _changes,
    "none": lambda method, status, seconds: False,
}


def line(environ: dict[str, Any], route: str, status: str, seconds: float, headers: list[tuple[str, str]]) -> Any:
    """Prepare the line when the answer begins; call the result with the answer's body to log it."""
    actor = g.get("actor") if has_app_context() else None
    length = next((value for name, value in headers if name.lower() == "content-length"), None)

    def tell(body: Any) -> None:
        size = int(length) if length is not None else sum(map(len, body)) if isinstance(body, list) else None
        about = {
            "method": environ["REQUEST_METHOD"],
            "route": route,
            "status": int(status),
            "milliseconds": round(seconds * 1000, 1),
            "bytes": size,
            "user": actor.user_id if actor else None,
            # By now the address is the client's own: trusted proxies have been resolved.
            "address": environ.get("REMOTE_ADDR"),
        }
        logger.info("%s %s %s", about["method"], route, status, extra=about)

    return tell
