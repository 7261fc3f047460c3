"""Registering, signing in, profiles."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy import select

from api.auth import actor, decoy_hash, maybe_actor, tokens_for
from api.commands import carry_out
from api.http import PRIVATE, PUBLIC, conditional, encode, etag_of
from api.resources import avatar_url
from api.schemas import accounts as schemas
from api.services import Actor, services
from domain.commands import accounts
from domain.errors import NotFound
from domain.user import ADMIN, User, hash_password, users
from infra.database import retrying_reads
from read_models import profiles
from read_models.profiles import Profile

blueprint = APIBlueprint("accounts", __name__)


@blueprint.post("/auth/register")
@blueprint.input(schemas.Registration)
@blueprint.output(schemas.Registered, status_code=201)
@blueprint.doc(responses=[409])
def register(json_data: dict[str, Any]) -> Response:
    """Make an account"""
    command = accounts.Register(
        json_data["username"],
        json_data["email"],
        hash_password(json_data["password"], services().settings.bcrypt_rounds),
    )
    return carry_out(lambda uow: accounts.register(command, uow), lambda user: (_registered(user), 201, {}))


def _registered(user: User) -> dict[str, object]:
    return {"id": user.id, "username": user.username, "email": user.email}


@blueprint.post("/auth/login")
@blueprint.input(schemas.Credentials)
@blueprint.output(schemas.Tokens)
@blueprint.doc(responses=[401])
def login(json_data: dict[str, Any]) -> Response:
    """Sign in with e-mail and password"""
    with services().reading.connect() as connection:
        found = accounts.find_by_email(connection, json_data["email"])
    user = accounts.check_password(found, json_data["password"], decoy_hash())
    command = accounts.OpenSession(user.id)
    return carry_out(
        lambda uow: accounts.open_session(command, uow),
        lambda session: ({**tokens_for(session), "user": _own_profile(user)}, 200, {}),
    )


def _own_profile(user: User) -> dict[str, Any]:
    return schemas.Profile().dump({**vars(user), "avatar_url": None})  # type: ignore[no-any-return]


@blueprint.get("/users/me")
@blueprint.output(schemas.Profile)
def get_me() -> Response:
    """One's own profile"""
    return _profile_answer(actor().user_id, actor())


@blueprint.get("/users/<user_id>")
@blueprint.output(schemas.Profile)
@blueprint.doc(responses=[404])
def get_user(user_id: str) -> Response:
    """Anyone's profile"""
    return _profile_answer(user_id, maybe_actor())


def _profile_answer(user_id: str, viewer: Actor | None) -> Response:
    profile, private = retrying_reads(lambda: _read(user_id))
    insider = viewer is not None and (viewer.user_id == user_id or viewer.role == ADMIN)
    shown = {**vars(profile), "avatar_url": avatar_url(profile), **(private if insider else {})}
    body = encode(schemas.Profile().dump(shown))
    return conditional(body, etag_of(body, profile.version), PRIVATE if viewer else PUBLIC)


def _read(user_id: str) -> tuple[Profile, dict[str, Any]]:
    with services().reading.connect() as connection:
        profile = profiles.load(connection, user_id)
        private = connection.execute(select(users.c.email, users.c.role).where(users.c.id == user_id)).mappings()
        if profile is None:
            raise NotFound("There is no such user.")
        return profile, dict(private.one())
