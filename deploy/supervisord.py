"""supervisord with protection against cross-site requests.

Its page changes by GET, and a browser sends the password along: whoever could make an operator click could stop the
service. Browsers say from which site a request comes; a typed address or a program's request names none."""

from collections.abc import Callable
from typing import Any

from supervisor import supervisord
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


if __name__ == "__main__":
    for handler in (supervisor_ui_handler, supervisor_xmlrpc_handler):
        handler.handle_request = guarded(handler.handle_request)
    supervisord.main()
