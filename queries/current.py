"""What is true now: the newest facts, believed for a lease; withdrawals; and views brought up to what is committed.

This is the one place that decides how fresh an answer is. What it names by its version, ``settled.py`` has.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, TimeoutError

from events import log
from events.notebooks import NotebookFact, Publication
from events.pictures import PictureFact, PictureRemoved
from infra import crash
from infra.coalesce import Coalesced
from infra.database import retried
from infra.database_errors import is_unreachable
from infra.lease import Leases, wait_out
from infra.memory import Memory
from infra.shared_cache import SharedCache, tell_again_at
from queries.viewer import NotVisible
from read_models import freshness, profiles, publications
from read_models.profiles import Profile

# In memory, ids and tuples take about so many times what they take as JSON.
BYTES_A_JSON_BYTE = 6

Found = TypeVar("Found")


class Unconfirmed(Exception):
    """What was committed can't be acknowledged: MySQL is away, and readers may still see what was taken from them."""


@dataclass(frozen=True)
class Published:
    """A notebook as it is now. ``shown`` is what readers see, None when they see nothing; ``places`` says where each
    of its pages stands, and at which version: ``{page id: (order, version)}``."""

    fact: NotebookFact
    shown: Publication | None
    places: dict[str, tuple[int, int]]
    bytes: int
    tell_again_at: float


@dataclass(frozen=True)
class _KnownProfile:
    profile: Profile
    tell_again_at: float


class Current:
    def __init__(
        self, reading: Engine, writing: Engine, shared: SharedCache, memory: Memory, lease_seconds: float
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._shared = shared
        self._lease_seconds = lease_seconds
        self._versions = Coalesced(self._newest_versions)
        self._publications: Leases[str, Published] = Leases(lease_seconds, memory, "publication", _bytes_of)
        self._profiles: Leases[str, _KnownProfile] = Leases(lease_seconds, memory, "profile")
        self._pictures: Leases[str, PictureFact | None] = Leases(lease_seconds, memory, "picture")

    # --- by version --------------------------------------------------------------------------------------------

    @retried
    def versions(self, *aggregate_ids: str) -> list[int]:
        """The newest versions as of now, 0 for what is not there: one round trip, shared by all who ask at once."""
        return self._versions.get(*aggregate_ids)

    def _newest_versions(self, aggregate_ids: Collection[str]) -> dict[str, int]:
        with self.connection() as connection:
            return log.newest_versions(connection, aggregate_ids)

    # --- under a lease -----------------------------------------------------------------------------------------

    def publication(self, notebook_id: str) -> Published:
        """The notebook as its readers may see it now, at most a lease old.

        While MySQL is away the shared cache answers: a withdrawal writes there before it is acknowledged, and none can
        be acknowledged without MySQL.

        Raises:
            NotVisible: there is nothing that readers may see.
        """
        found = self._publications.get(notebook_id, self._renewed_publication)
        if found.shown is None:
            raise NotVisible("There is no such notebook.")
        return found

    def _renewed_publication(self, notebook_id: str, known: Published | None) -> Published:
        try:
            return self._read_publication(notebook_id, known)
        except Exception as error:
            kept = publications.newest(self._shared, notebook_id) if is_unreachable(error) else None
            if kept is None:
                raise
            return (
                known
                if known and known.fact.version == kept.version
                else _published(kept, publications.encode(kept), True)
            )

    @retried
    def _read_publication(self, notebook_id: str, known: Published | None) -> Published:
        if known and time.monotonic() < known.tell_again_at and self._is_newest(known.fact):
            return known
        fact = self._newest_notebook(notebook_id)
        if fact is None:
            raise NotVisible("There is no such notebook.")
        encoded = publications.encode(fact)
        return _published(fact, encoded, publications.put(self._shared, fact, encoded))

    def _is_newest(self, fact: NotebookFact) -> bool:
        return self._versions.get(fact.notebook_id) == [fact.version]

    def _newest_notebook(self, notebook_id: str) -> NotebookFact | None:
        with self.connection() as connection:
            event = log.newest(connection, notebook_id)
        return event.fact if event and isinstance(event.fact, NotebookFact) else None

    def profile(self, user_id: str) -> Profile:
        """The profile, at most a lease old; while MySQL is away, the one known here or in the shared cache."""
        return self._profiles.get(user_id, self._renewed_profile).profile

    def _renewed_profile(self, user_id: str, known: _KnownProfile | None) -> _KnownProfile:
        try:
            profile = self.ask(_newest_profile, user_id)
        except DBAPIError as error:
            kept = known or self._shared_profile(user_id)
            if kept is None or not is_unreachable(error):
                raise
            return kept
        if known and profile == known.profile and time.monotonic() < known.tell_again_at:
            return known
        told = self._shared.put(_profile_name(user_id), msgspec.json.encode(profile))
        return _KnownProfile(profile, tell_again_at(told))

    def _shared_profile(self, user_id: str) -> _KnownProfile | None:
        kept = self._shared.get(_profile_name(user_id))
        try:
            return _KnownProfile(msgspec.json.decode(kept, type=Profile), 0) if kept else None
        except msgspec.DecodeError:
            # Written by code whose profiles have other fields.
            return None

    def picture(self, picture_id: str) -> PictureFact | None:
        """The picture, at most a lease old, None when it is gone; while MySQL is away, as it was."""
        return self._pictures.get(picture_id, self._renewed_picture)

    def _renewed_picture(self, picture_id: str, known: PictureFact | None) -> PictureFact | None:
        try:
            return self.ask(newest_picture, picture_id)
        except DBAPIError as error:
            if known is None or not is_unreachable(error):
                raise
            return known

    # --- withdrawals -------------------------------------------------------------------------------------------

    def make_known(self, notebook_id: str) -> None:
        """Call after the commit of anything that readers must see at once, or never again, and before acknowledging it.

        Raises:
            Unconfirmed: MySQL is away now.
        """
        try:
            fact = retried(self._newest_notebook)(notebook_id)
        except (DBAPIError, TimeoutError) as error:
            raise Unconfirmed from error
        if fact:
            publications.put(self._shared, fact)
        crash.point("withdrawal known")
        self.wait_out()

    def wait_out(self) -> None:
        """Return when no process believes any more what it read before this call."""
        wait_out(self._lease_seconds)

    # --- from the views ----------------------------------------------------------------------------------------

    @retried
    def ask(self, question: Callable[..., Found], *wanted: Any) -> Found:
        """What ``question(connection, …)`` finds on the primary; asked again where it failed for a passing reason."""
        with self.connection() as connection:
            return question(connection, *wanted)

    def connection(self) -> Connection:
        """To the primary, where each statement is a transaction of its own."""
        return self._reading.connect()

    def catch_up_views(self, connection: Connection, owner_id: str) -> None:
        """From here on the views show all that the owner had committed by now."""
        freshness.catch_up(connection, self._writing, owner_id)

    def catch_up_revisions(self, connection: Connection, owner_id: str, aggregate_ids: Collection[str]) -> None:
        """The same for the revisions that come from these aggregates."""
        freshness.catch_up_revisions(connection, self._writing, owner_id, aggregate_ids)

    def catch_up_references(self, connection: Connection, owner_id: str) -> None:
        """The same for which pictures are used."""
        freshness.catch_up_references(connection, self._writing, owner_id)


def _published(fact: NotebookFact, encoded: bytes, is_told: bool) -> Published:
    shown = fact.publication
    places = {page.id: (order, page.version) for order, page in enumerate(shown.pages if shown else (), start=1)}
    return Published(fact, shown, places, BYTES_A_JSON_BYTE * len(encoded), tell_again_at(is_told))


def _bytes_of(known: Published) -> int:
    return known.bytes


def _newest_profile(connection: Connection, user_id: str) -> Profile:
    profile = profiles.load(connection, user_id)
    if profile is None:
        raise LookupError(f"user {user_id} has no event in the log")
    return profile


def _profile_name(user_id: str) -> str:
    return f"profile:{user_id}"


def newest_picture(connection: Connection, picture_id: str) -> PictureFact | None:
    """From the log, so never behind; None when there is none, or it was removed."""
    event = log.newest(connection, picture_id)
    fact = event.fact if event else None
    return fact if isinstance(fact, PictureFact) and not isinstance(fact, PictureRemoved) else None
