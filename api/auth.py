"""Authentication: the token, the session behind it, and the short list of public routes."""

from apiflask import APIFlask
from flask import Request, g

from api import browsers, limits, tokens
from api.services import Actor, asked, reads
from api.tokens import Claims
from domain import session
from domain.errors import Forbidden, WrongCredentials
from domain.session import OVER, LiveSession
from domain.user import ADMIN
from infra.clock import now
from queries.viewer import ANYONE, Viewer

METRICS = "metrics.read_metrics"
# Everything else needs a token; a test holds this list against the routes.
PUBLIC = frozenset(
    {
        "accounts.register",
        "accounts.login",
        "accounts.get_user",
        "notebooks.list_notebooks",
        "notebooks.get_notebook",
        "pages.get_page",
        "media.get_media",
        "search.search",
        "health.healthz",
        "health.readyz",
        # Open to this machine only; the route checks that itself.
        METRICS,
        "docs.spec",
        "docs.page",
        "docs.page_file",
    }
)
# These create or end a session and ignore any token: a client whose token has expired comes here, and may send it
# along.
UNASKED = frozenset({"accounts.register", "accounts.login", METRICS})
# The one route that takes a refresh token, and nothing else.
REFRESH = "accounts.refresh"
SIGN_IN = "Sign in, and send the access token as 'Authorization: Bearer …'."


def register(app: APIFlask) -> None:
    tokens.configure(app, app.extensions["sinpluma"].settings)
    app.before_request(_identify)


def _identify() -> None:
    """Identify the caller. Refuse a bad token wherever a token counts, and a missing one on routes that are not
    public."""
    request, who = asked(), None
    try:
        who = _who(request)
    finally:
        g.actor = who
        # Refused requests count against the limit of their address.
        limits.count(request, who.user_id if who else None)


def _who(request: Request) -> Actor | None:
    header, endpoint = request.environ.get("HTTP_AUTHORIZATION"), request.endpoint
    if header is not None and endpoint not in UNASKED:
        return _refresher(header) if endpoint == REFRESH else actor_of(header)
    if (cookie := browsers.cookie_token(request)) is not None:
        return _checked(cookie, "refresh")
    if endpoint is not None and endpoint not in PUBLIC:
        raise WrongCredentials(SIGN_IN)
    return None


def bearer_of(header: str | None) -> Actor:
    """
    Raises:
        WrongCredentials: as below, and when there is no header.
    """
    if header is None:
        raise WrongCredentials(SIGN_IN)
    return actor_of(header)


def actor_of(header: str) -> Actor:
    """The user whose access token the Authorization header carries.

    Raises:
        WrongCredentials: the token is malformed, forged, expired, or its session is over.
    """
    token = _bearer(header)
    found: Actor = reads().sessions.get(token, _renewed)
    if found.expires_at <= now():
        raise WrongCredentials("This token has expired; refresh it or sign in again.")
    return found


def _renewed(token: str, known: Actor | None) -> Actor:
    return _alive(known) if known else _checked(token, "access")


def _refresher(header: str) -> Actor:
    # Not through the leases: a leased token is accepted by its text alone, as an access token.
    return _checked(_bearer(header), "refresh")


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise WrongCredentials("The Authorization header must read 'Bearer' and a token.")
    return token


def _checked(token: str, kind: str) -> Actor:
    return _alive(tokens.read(token, kind))


def _alive(told: Claims | Actor) -> Actor:
    """The token's user with the role they have now. A token that was decoded once is not decoded again."""
    live = live_session(told.session_id)
    if live is None or live.user_id != told.user_id:
        raise WrongCredentials(OVER)
    looks = Viewer(told.user_id, live.role == ADMIN)
    return Actor(told.user_id, told.session_id, live.role, told.expires_at, told.token_id, looks)


def live_session(session_id: str) -> LiveSession | None:
    return reads().current.ask(session.live, session_id, now())


def actor() -> Actor:
    """The signed-in user; only for routes that need one."""
    found = maybe_actor()
    if found is None:
        raise WrongCredentials(SIGN_IN)
    return found


def maybe_actor() -> Actor | None:
    """The signed-in user, None when nobody is."""
    found: Actor | None = g.actor
    return found


def viewer() -> Viewer:
    """Who looks, for queries."""
    found: Actor | None = g.actor
    return found.viewer if found else ANYONE


def require_admin(who: Actor) -> None:
    if who.role != ADMIN:
        raise Forbidden("Only administrators may do this.")
