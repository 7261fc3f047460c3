"""What all queries share, built once for a process that answers requests."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from infra.lease import Leases
from infra.memory import Memory
from infra.objects import Store
from infra.settings import Settings
from infra.shared_cache import SharedCache
from queries.current import Current
from queries.settled import Settled


@dataclass(frozen=True)
class Reads:
    """``sessions`` are believed like all that is current: who a token belongs to, by the token's text."""

    current: Current
    settled: Settled
    sessions: Leases[str, Any]
    store: Store
    memory: Memory


def build(
    settings: Settings, reading: Engine, writing: Engine, replica: Engine | None, shared: SharedCache, store: Store
) -> Reads:
    memory = Memory(settings.cache_bytes)
    return Reads(
        Current(reading, writing, shared, memory, settings.lease_seconds),
        Settled(memory, shared, reading, replica),
        Leases(settings.lease_seconds, memory, "session"),
        store,
        memory,
    )
