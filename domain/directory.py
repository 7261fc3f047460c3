"""Users as administrators look them up."""

from sqlalchemy import ColumnElement, Connection, func, select, true

from domain.user import User, fold, users


def listed(connection: Connection, words: str, page: int, per_page: int) -> tuple[list[User], int]:
    """One page of the users whose name or e-mail holds ``words``, newest first, and how many there are."""
    chosen = _holding(fold(words.strip()))
    query = select(users).where(chosen).order_by(users.c.id.desc()).limit(per_page).offset((page - 1) * per_page)
    total = connection.scalar(select(func.count()).select_from(users).where(chosen))
    return [User.of(row) for row in connection.execute(query).mappings()], total or 0


def _holding(words: str) -> ColumnElement[bool]:
    if not words:
        return true()
    return users.c.username_key.contains(words, autoescape=True) | users.c.email_key.contains(words, autoescape=True)
