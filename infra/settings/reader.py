"""Reads and checks one variable at a time, and collects what is wrong."""

from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from infra.settings import checks

# Under 32 bytes an HMAC-SHA256 key is weaker than the hash (RFC 7518, 3.2).
SHORTEST_KEY = 32


class SettingsError(Exception):
    """Every wrong or missing setting at once, by the name of its variable."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        lines = (f"  {name}: {problem}" for name, problem in self.problems.items())
        super().__init__("these settings are wrong:\n" + "\n".join(lines))


class Reader:
    """Reads one variable at a time and collects what is wrong instead of raising."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.problems: dict[str, str] = {}
        # Whatever is asked for here is a setting, and whatever else is given is not.
        self.known: set[str] = set()

    def has(self, name: str) -> bool:
        self.known.add(name)
        return name in self.values

    def get(self, name: str, default: str = "") -> str:
        self.known.add(name)
        return self.values.get(name, default)

    def refuse(self, name: str, problem: str) -> None:
        self.problems.setdefault(name, problem)

    def text(self, name: str, default: str = "", allowed: Callable[[str], str | None] | None = None) -> str:
        value = self.get(name, default)
        problem = allowed(value) if allowed else None
        if problem:
            self.refuse(name, f"{value!r} {problem}")
        return value

    def secret(self, name: str, default: str, allowed: Callable[[str], str | None]) -> str:
        """Like text(), but no message repeats it."""
        value = self.get(name, default)
        if problem := allowed(value):
            self.refuse(name, problem)
        return value

    def required(self, name: str, default: str) -> str:
        value = self.get(name, default)
        if not value:
            self.refuse(name, "is missing; set it, or let `make run` set up the embedded services")
        return value

    def url(self, name: str, allowed: Callable[[SplitResult], str | None], embedded: str) -> str:
        """The value itself is not repeated in the message: it may hold a password."""
        value = self.required(name, embedded)
        # An embedded one is of our own making, and to check its options takes the driver's libraries.
        problem = _url_problem(value, allowed) if self.has(name) else None
        if problem:
            self.refuse(name, problem)
        return value

    def optional_url(self, name: str, allowed: Callable[[SplitResult], str | None] | None = None) -> str | None:
        return self.url(name, allowed or checks.web, "") if self.has(name) else None

    def key(self, name: str, default: str | None) -> str:
        value = self.required(name, default or "")
        if value and len(value.encode()) < SHORTEST_KEY:
            self.refuse(name, f"is too short; use at least {SHORTEST_KEY} random characters")
        return value

    def optional_key(self, name: str) -> str | None:
        return self.key(name, None) if self.has(name) else None

    def several(self, name: str, allowed: Callable[[str], str | None]) -> tuple[str, ...]:
        values = tuple(self.get(name).replace(",", " ").split())
        for value in values:
            if problem := allowed(value):
                self.refuse(name, f"{value!r} {problem}")
        return values

    def switch(self, name: str, default: bool) -> bool:
        value = self.get(name, "1" if default else "0").lower()
        if value not in ("0", "1", "true", "false", "yes", "no", "on", "off"):
            self.refuse(name, f"{value!r} is not a switch; use 1 or 0")
        return value in ("1", "true", "yes", "on")

    def whole(self, name: str, default: int, lowest: int, highest: int) -> int:
        return int(self._number(name, int, default, lowest, highest, "a whole number"))

    def fraction(self, name: str, default: float, lowest: float, highest: float) -> float:
        return self._number(name, float, default, lowest, highest, "a number")

    def _number(
        self, name: str, convert: Callable[[str], float], default: float, lowest: float, highest: float, kind: str
    ) -> float:
        if not self.has(name):
            return default
        value = self.get(name)
        try:
            number = convert(value)
        except ValueError:
            number = float("nan")
        # A NaN fails both comparisons, so "nan" is refused as well.
        if not lowest <= number <= highest:
            self.refuse(name, f"{value!r} is not {kind} from {lowest} to {highest}")
            return default
        return number


def _url_problem(value: str, allowed: Callable[[SplitResult], str | None]) -> str | None:
    try:
        url = urlsplit(value)
    except ValueError:
        return f"is not a URL; in a user or password {checks.ESCAPES}"
    return allowed(url)
