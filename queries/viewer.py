"""Who looks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Viewer:
    """``user_id`` is None for someone without a token."""

    user_id: str | None = None
    is_admin: bool = False

    def owns(self, owner_id: str) -> bool:
        return self.user_id == owner_id


ANYONE = Viewer()


class NotVisible(Exception):
    """Absent, or private to someone else: who looks can't tell which. ``detail`` is for their eyes."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
