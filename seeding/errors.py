"""What can go wrong in a way that the person at the keyboard can do something about."""


class SeedError(Exception):
    """Stops the run; its text is all that is shown, so it says what to do."""


class Unreachable(SeedError):
    """The service did not answer, or not usefully, for longer than we are willing to wait."""


class Refused(SeedError):
    """The service understood the request and said no: asking again would not help."""

    def __init__(self, status: int, detail: str, fields: dict[str, list[str]] | None = None) -> None:
        """`fields` are the problem's `errors`: what is wrong with which field."""
        self.status = status
        self.detail = detail
        self.fields = fields or {}
        listed = "".join(f"; {name}: {' '.join(messages)}" for name, messages in self.fields.items())
        super().__init__(f"the server answered {status}: {detail}{listed}")


class PictureProblem(Exception):
    """One picture cannot be uploaded; the import goes on without it."""
