"""Requests whose COMMIT is carried out, or not, and never answered; each is repeated with its key until it is."""

from collections import Counter
from itertools import chain, repeat
from random import Random

from deploy.embedded import EmbeddedServices
from tests.chaos.client import Asks, Client
from tests.chaos.journal import Journal
from tests.chaos.report import Report
from tests.chaos.system import System
from tests.chaos.writers import Author
from tests.wire import Wire, never_arrives, passes, reply_is_lost

# Of one request, until it is answered.
MOST_TIMES = 20


def check(services: EmbeddedServices, count: int, journal: Journal, report: Report) -> None:
    """Cut the reply to the COMMIT of so many requests: that many effects, not one more."""
    dice = Random(report.seed)
    with (
        Wire(services.environ()["DATABASE_URL"]) as wire,
        System(services, programs=("api",), DATABASE_URL=wire.url) as system,
    ):
        author = Author("committer", Client(system.port), journal, dice)
        author.sign_up(notebooks=1, pages=0)
        path, told = f"/notebooks/{author.notebooks[0]}/pages", Counter[int | None]()
        for number in range(count):
            # The first COMMIT, and at times one of those that find out what became of it.
            fates = chain([reply_is_lost, *dice.choices((passes, reply_is_lost, never_arrives), k=2)], repeat(passes))
            wire.at_commit = lambda fates=fates: next(fates)  # type: ignore[misc]
            told.update(ask_until_answered(author.client, path, number))
        wire.at_commit = lambda: passes
        effects = author.client.ask("GET", f"/notebooks/{author.notebooks[0]}").body["page_count"]
    report.figure("commits cut", count)
    report.figure("asked again", told.total() - count)
    report.none("requests never answered", count - told[201])
    report.none("effects more or less than requests", abs(effects - count))


def ask_until_answered(client: Asks, path: str, number: int) -> list[int | None]:
    told: list[int | None] = []
    while 201 not in told and len(told) < MOST_TIMES:
        told.append(client.ask("POST", path, {"title": f"Page {number}"}, Idempotency_Key=f"cut {number}").status)
    return told
