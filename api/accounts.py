"""Registering, signing in and out, profiles."""

from functools import partial
from typing import Any

import msgspec
from apiflask import APIBlueprint
from flask import Response, request

from api import auth, browsers, presenters, replies, tokens
from api.auth import actor, viewer
from api.door import carry_out, carry_out_unseen
from api.http import answered
from api.limits import count_login
from api.schemas import accounts as schemas
from api.services import reads, services
from domain.commands import accounts, sessions
from domain.errors import Forbidden, WrongCredentials
from domain.passwords import hash_password
from domain.quotas import usage_of
from domain.session import Session, SpentToken
from domain.user import ADMIN
from queries.answer import encode
from queries.profiles import read_own_profile, read_profile

blueprint = APIBlueprint("accounts", __name__)


@blueprint.post("/auth/register")
@blueprint.input(schemas.Registration)
@blueprint.output(schemas.Registered, status_code=201)
@blueprint.doc(responses=[403, 409])
def register(json_data: dict[str, Any]) -> Response:
    """Make an account; where registration is closed, only administrators do"""
    if not services().settings.registration_open:
        _require_admin()
    command = accounts.Register(
        json_data["username"],
        json_data["email"],
        hash_password(json_data["password"], services().settings.bcrypt_rounds),
    )
    return carry_out(accounts.register, command, replies.user_registered)


def _require_admin() -> None:
    header = request.headers.get("Authorization")
    if header is None or auth.actor_of(header).role != ADMIN:
        raise Forbidden("Registration is closed here; ask an administrator for an account.")


@blueprint.post("/auth/login")
@blueprint.input(schemas.Credentials)
@blueprint.output(schemas.SignedIn)
@blueprint.doc(responses=[401, 403])
def login(json_data: dict[str, Any]) -> Response:
    """Sign in with e-mail and password

    With `"cookie": true` the refresh token is sent as a cookie alone, which no script can read. Where there is no
    Bearer token, `refresh` and `logout` take it, from pages of the same origin."""
    if json_data["cookie"]:
        browsers.refuse_strangers()
    count_login(json_data["email"])
    found = reads().current.ask(accounts.find_by_email, json_data["email"])
    user = accounts.check_password(found, json_data["password"], services().settings.bcrypt_rounds)
    command = sessions.OpenSession(user.id, user.password_hash)
    answer = carry_out(sessions.open_session, command, partial(replies.signed_in, user=user), unseal=_redeem)
    return browsers.put_into_cookie(answer) if json_data["cookie"] else answer


def _redeem(ticket: str) -> str:
    kept = msgspec.json.decode(ticket)
    session = msgspec.convert(kept["session"], Session)
    return encode({**tokens.pair(session), **kept["more"]}).decode()


@blueprint.post("/auth/refresh")
@blueprint.output(schemas.TokenPair)
@blueprint.doc(responses=[403])
def refresh() -> Response:
    """Spend the refresh token, sent as Bearer token or cookie, for a new pair

    A second use ends the whole session. The one exception: for 30 seconds the token that made the newest pair gets that
    pair again, since its answer may have been lost."""
    who = actor()
    command = sessions.RefreshSession(who.session_id, who.token_id)
    try:
        if "Idempotency-Key" in request.headers:
            # A stored answer would let a spent token live on for a day.
            carry_out_unseen(sessions.check_refresh, command)
        answer = carry_out(sessions.refresh_session, command, replies.refreshed, also=who.token_id, unseal=_redeem)
        return answer if browsers.came_with_token() else browsers.put_into_cookie(answer)
    except SpentToken:
        _close(who.session_id)
        raise WrongCredentials("This refresh token was used before; its session is over now. Sign in again.") from None


def _close(session_id: str) -> None:
    carry_out_unseen(sessions.close_session, sessions.CloseSession(session_id))
    reads().current.wait_out()


@blueprint.post("/auth/logout")
@blueprint.output({}, status_code=204)
@blueprint.doc(responses=[403])
def logout() -> Response:
    """End this session: its tokens are dead at once

    A repeated request gets 401, with an Idempotency-Key or without: a dead token opens nothing, not even a stored
    answer. A client that lost the first answer can take the 401 as success."""
    command = sessions.CloseSession(actor().session_id)
    answer = carry_out(sessions.close_session, command, replies.nothing)
    return browsers.take_cookie_back(_last_word(answer))


def _last_word(answer: Response) -> Response:
    """Answer a request that ended sessions, once no process accepts their tokens any more."""
    reads().current.wait_out()
    return answer


@blueprint.post("/auth/password")
@blueprint.input(schemas.PasswordChange)
@blueprint.output({}, status_code=204)
@blueprint.doc(responses=[403])
def change_password(json_data: dict[str, Any]) -> Response:
    """Choose a new password; every other session ends"""
    who, rounds = actor(), services().settings.bcrypt_rounds
    command = accounts.ChangePassword(who.user_id, who.session_id, **json_data, rounds=rounds)
    return _last_word(carry_out(accounts.change_password, command, replies.nothing))


@blueprint.get("/users/me")
@blueprint.output(schemas.OwnProfile)
def get_me() -> Response:
    """One's own profile, and how much of one's quotas is used"""
    found = read_own_profile(reads(), actor().user_id, accounts.find, usage_of, presenters.OWN_PROFILE)
    return answered(found)


@blueprint.get("/users/<user_id>")
@blueprint.output(schemas.Profile)
@blueprint.doc(responses=[404])
def get_user(user_id: str) -> Response:
    """Anyone's profile"""
    shapes = presenters.PROFILE, presenters.WHOLE_PROFILE
    return answered(read_profile(reads(), viewer(), user_id, accounts.find, *shapes))


@blueprint.put("/users/<user_id>")
@blueprint.input(schemas.ProfileChanges)
@blueprint.output(schemas.Profile)
@blueprint.doc(responses=[403, 404])
def edit_profile(user_id: str, json_data: dict[str, Any]) -> Response:
    """Change one's own profile"""
    command = accounts.EditProfile(user_id, json_data)
    answer = carry_out(accounts.edit_profile, command, replies.own_profile)
    # Notebooks and revisions show the author's name from a leased value; wait until no lease holds the old one.
    reads().current.wait_out()
    return answer
