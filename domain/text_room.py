"""Whether a user's texts may take more room (QUOTA_TEXT_BYTES, docs/adr/0031)."""

from sqlalchemy import Connection, bindparam, select

from domain.errors import QuotaExceeded
from domain.user import users
from events import usage

# While there is room for so many requests like this one, the last to come can't be one too many.
AT_ONCE = 64
# The size of the largest page.
LARGE = 2**20

_used = select(usage.used_by(bindparam("owner")))
_turn = select(users.c.id).where(users.c.id == bindparam("owner")).with_for_update()


def text_bytes_of(connection: Connection, user_id: str) -> int:
    return max(int(connection.scalar(_used, {"owner": user_id}) or 0), 0)


def require_room_for_text(connection: Connection, user_id: str, wanted: int, limit: int, known: int | None) -> None:
    """``known``: what the user's texts were seen to take, at some time in this transaction.

    Far from the limit nobody waits. Near it requests of one user take turns, so that two at once can't share the last
    room.

    Raises:
        QuotaExceeded: with this much more the user would have more than ``limit``.
    """
    used = text_bytes_of(connection, user_id) if known is None else known
    if used + AT_ONCE * max(wanted, LARGE) <= limit:
        return
    connection.execute(_turn, {"owner": user_id})
    used = text_bytes_of(connection, user_id)
    if used + wanted > limit:
        raise QuotaExceeded("text_bytes", limit, used)
