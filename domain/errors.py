"""What the domain refuses, in plain English; the API turns each into a problem+json answer."""

from dataclasses import dataclass, field


class Refusal(Exception):
    """A command that was understood and refused. ``detail`` tells the user what to do."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(Refusal):
    """Absent, or private to someone else: the caller can't tell which."""


class Forbidden(Refusal):
    """Known to the caller, but not theirs to change."""


class WrongCredentials(Refusal):
    """The caller isn't who they say."""


class Taken(Refusal):
    """A unique field holds a value that exists already; ``errors`` names the fields."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("Someone has that already; choose another.")
        self.errors = errors


class Invalid(Refusal):
    """A value that breaks a rule only the domain can check; ``errors`` names the fields."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("Some values are not allowed.")
        self.errors = errors


class QuotaExceeded(Refusal):
    """What is asked for is more than the user may have. ``quota`` names what."""

    def __init__(self, quota: str, limit: int, used: int) -> None:
        super().__init__(
            "That is more than you may have here. Delete what you no longer need, or ask the operator for more; what "
            "is in the trash counts until it is erased there."
        )
        self.quota = quota
        self.limit = limit
        self.used = used


class Conflict(Refusal):
    """The state does not allow it now."""


class InProgress(Conflict):
    """The first request with this idempotency key is still being worked on."""


@dataclass
class VersionConflict(Exception):
    """The caller edited an older version. ``current`` is the aggregate as it stands."""

    current: object
    extra: dict[str, object] = field(default_factory=dict)
