"""Profiles: anyone's, and what only its owner and administrators see of one."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from queries.answer import Answer, Shape, answer
from queries.reads import Reads
from queries.viewer import NotVisible, Viewer

Find = Callable[[Connection, str], Any]


def read_own_profile(reads: Reads, user_id: str, find: Find, usage_of: Find, own: Shape) -> Answer:
    """``usage_of`` answers what the user has: rows of the write side, of which no copy is kept."""
    user = reads.current.ask(find, user_id)
    if user is None:
        raise NotVisible("There is no such user.")
    usage = reads.current.ask(usage_of, user_id)
    return answer(own.present(user, usage), is_public=False, version=user.version)


def read_profile(reads: Reads, viewer: Viewer, user_id: str, find: Find, public: Shape, whole: Shape) -> Answer:
    """``find`` answers the user's row: no event tells an e-mail or a role.

    Raises:
        NotVisible: there is no such user.
    """
    user = reads.current.ask(find, user_id)
    if user is None:
        raise NotVisible("There is no such user.")
    shape = whole if viewer.is_admin or viewer.owns(user_id) else public
    return answer(shape.present(user), is_public=viewer.user_id is None, version=user.version)
