"""What the doctor looks at: the settings, and a connection of its own to each part."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from redis import Redis
from sqlalchemy import Connection, Engine, text

from infra import broker, objects
from infra.clock import now
from infra.database import write_engine
from infra.packets import WANTED
from infra.settings import Settings

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Limits:
    """Beyond these something is found."""

    free_share: float = 0.1
    free_bytes: int = 1_000_000_000
    packet_bytes: int = WANTED
    idle_seconds: int = 60
    lag_seconds: int = 60
    chore_late_seconds: int = 900
    clock_seconds: int = 30
    certificate_days: int = 21
    log_bytes: int = 100_000_000
    redis_share: float = 0.8
    orphan_bytes: int = 1_000_000_000


@dataclass
class Patient:
    settings: Settings
    limits: Limits = field(default_factory=Limits)
    at: datetime = field(default_factory=now)

    @cached_property
    def engine(self) -> Engine:
        return write_engine(self.settings, pool_size=1, patience=PATIENCE_SECONDS)

    @cached_property
    def database(self) -> Connection:
        return self.engine.connect()

    @cached_property
    def redis(self) -> Redis:
        return broker.connect(self.settings)

    @cached_property
    def variables(self) -> dict[str, str]:
        """The server's global variables: what new connections get."""
        return {row[0]: row[1] for row in self.database.execute(text("SHOW GLOBAL VARIABLES"))}

    def ask(self, question: str, **values: Any) -> Any:
        return self.database.execute(text(question), values)

    def refusal_of(self, part: str) -> str | None:
        """Why this part does not answer, None when it does."""
        try:
            self._ask(part)
        except Exception as error:  # each client has its own kinds
            return f"{type(error).__name__}: {str(getattr(error, 'orig', None) or error)[:200]}"
        return None

    def _ask(self, part: str) -> None:
        match part:
            case "database":
                self.ask("SELECT 1")
            case "redis":
                self.redis.ping()
            case "objects":
                objects.check(self.settings)

    def release(self) -> None:
        for name in ("database", "redis"):
            if name in self.__dict__:
                self.__dict__[name].close()
        if "engine" in self.__dict__:
            self.engine.dispose()
