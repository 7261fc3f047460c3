"""supervisord with protection against cross-site requests.

Its page changes by GET, and a browser sends the password along: whoever could make an operator click could stop the
service. Browsers say from which site a request comes; a typed address or a program's request names none.

A full disk does not end it, and all programs with it: it would tell of each line that it can't log on its own output,
which is on the same disk, and fail there. Such lines are lost, and no more.
"""

import contextlib
from collections.abc import Callable
from typing import Any

from supervisor import loggers, supervisord
from supervisor.web import supervisor_ui_handler
from supervisor.xmlrpc import supervisor_xmlrpc_handler

OWN = ("same-origin", "none")


def guarded(handle: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Wrap a request handler: it answers requests from our own page or from no page, and refuses the rest."""

    def handle_request(self: Any, request: Any) -> None:
        site = request.get_header("Sec-Fetch-Site")
        # An old browser or a program sends no Sec-Fetch-Site: then its Referer, if any, has to be ours.
        referer, host = request.get_header("Referer"), request.get_header("Host")
        if site not in OWN if site else referer and not referer.startswith(f"http://{host}/"):
            request.error(403)
        else:
            handle(self, request)

    return handle_request


def lose(self: loggers.Handler) -> None:
    """What a log does with an error of its own."""


def unless_full(emit: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """The same writer of lines, which goes on when there is room again, whatever became of a rotation meanwhile."""

    def written(self: Any, record: Any) -> None:
        try:
            emit(self, record)
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                self.reopen()

    return written


if __name__ == "__main__":
    loggers.Handler.handleError = lose
    loggers.RotatingFileHandler.emit = unless_full(loggers.RotatingFileHandler.emit)
    for handler in (supervisor_ui_handler, supervisor_xmlrpc_handler):
        handler.handle_request = guarded(handler.handle_request)
    supervisord.main()
