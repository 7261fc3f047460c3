"""What happens to a user, as far as others may know: e-mail, password and role never enter the log."""

from dataclasses import dataclass
from datetime import datetime

from events.event import Fact, encode, named


@dataclass(frozen=True, kw_only=True)
class UserFact(Fact):
    """The profile after the change. ``owner_id`` is the user's own id."""

    version: int
    username: str
    display_name: str
    bio: str
    avatar_image_id: str | None
    created_at: datetime


@named("user.registered")
class UserRegistered(UserFact):
    pass


@named("user.profile_edited")
class ProfileEdited(UserFact):
    @property
    def room(self) -> int:
        return len(encode(self).encode())
