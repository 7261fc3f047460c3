"""The checker: after the faults, everything is read, by the API and in the database, and held against the journal."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select

from domain.receipts import receipts
from events import log
from tests.chaos.client import Asks
from tests.chaos.journal import STALE, Journal, Operation, read
from tests.chaos.report import Report
from tests.chaos.system import System
from tests.chaos.writers import Author
from tests.comparison import differences

# What workers go on to do about a wish, under its name.
FOLLOWS = frozenset({"picture.made_ready", "picture.failed"})
SEARCHED = 40


@dataclass
class Effects:
    """Operations by what is wrong with them: nobody may be in any of these lists."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    refused_yet_there: list[str] = field(default_factory=list)
    half_done: list[str] = field(default_factory=list)
    other_text: list[str] = field(default_factory=list)
    from_nowhere: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stored:
    """An event as the log holds it."""

    type: str
    aggregate_id: str
    version: int
    fact: Mapping[str, Any]


def check(report: Report, system: System, journal: Journal, authors: Sequence[Author], stale_reads: int = 0) -> None:
    """Everything that must hold when the system has settled; ``stale_reads``: of others than these authors."""
    operations = read(journal.path)
    by_key = events_by_key(system.engine)
    told = Counter(operation.verdict for operation in operations.values())
    report.figure("writes", len(operations))
    for verdict in ("ok", "refused", "unknown"):
        report.figure(verdict, told[verdict])
    for what, wrong in findings(system.engine, operations, by_key).items():
        report.none(what, wrong)
    report.none("stale reads of one's own writes", stale_reads + sum(each.stale_reads for each in authors))
    report.none("wrong answers of the API", [line for each in authors for line in _seen_by(each, by_key)])


def findings(
    engine: Engine,
    operations: Mapping[str, Operation],
    by_key: Mapping[str, list[Stored]],
) -> dict[str, list[str]]:
    """What is wrong in the database, by what must not be."""
    found = effects(operations, by_key)
    return {
        "acknowledged writes lost": found.lost,
        "effects twice": found.twice,
        "refused, yet there": found.refused_yet_there,
        "done by half": found.half_done,
        "another text or version than acknowledged": found.other_text,
        "effects that nobody asked for": found.from_nowhere,
        "gaps in versions": gaps(by_key),
        "acknowledged without a receipt": without_receipt(engine, operations.values()),
        "read models apart after a rebuild": list(map(str, differences(engine))),
    }


def events_by_key(engine: Engine) -> dict[str, list[Stored]]:
    """The log, by the wish that each event came from."""
    found: dict[str, list[Stored]] = defaultdict(list)
    columns = log.events.c
    query = select(columns.correlation_id, columns.type, columns.aggregate_id, columns.version, columns.payload)
    with engine.connect() as connection:
        for key, kind, aggregate_id, version, payload in connection.execute(query):
            found[key].append(Stored(kind, aggregate_id, version, json.loads(payload)))
    return found


def effects(operations: Mapping[str, Operation], by_key: Mapping[str, list[Stored]]) -> Effects:
    found = Effects(from_nowhere=sorted(by_key.keys() - operations.keys()))
    known = {(event.aggregate_id, event.version) for there in by_key.values() for event in there}
    for key, operation in operations.items():
        _judge(found, operation, [event for event in by_key.get(key, []) if event.type not in FOLLOWS], known)
    return found


def _is_known(operation: Operation, known: Collection[tuple[str, int]]) -> bool:
    """Whether the log has the version that a wish which had nothing to change was told."""
    told = operation.acknowledged.get("id"), operation.acknowledged.get("version")
    return None in told or told in known


def _judge(found: Effects, operation: Operation, there: list[Stored], known: Collection[tuple[str, int]]) -> None:
    key, counted = operation.key, Counter(event.type for event in there)
    allowed = [Counter(each) for each in operation.allowed]
    if operation.verdict == "refused" and there:
        found.refused_yet_there.append(key)
    elif operation.verdict == "ok" and not there and not (operation.may_be_void and _is_known(operation, known)):
        found.lost.append(key)
    elif there and counted not in allowed:
        # More than it should be, or less.
        (found.twice if any(each <= counted for each in allowed) else found.half_done).append(key)
    elif operation.verdict == "ok" and not _is_as_told(operation, there):
        found.other_text.append(key)


def _is_as_told(operation: Operation, there: list[Stored]) -> bool:
    """Whether the log has the text that was sent, at the version that was acknowledged."""
    if not there:
        return operation.may_be_void
    texts = {event.fact["content_sha256"] for event in there if "content_sha256" in event.fact}
    version = operation.acknowledged.get("version")
    if operation.acknowledged["status"] == STALE:
        version = None
    same_text = operation.sent is None or texts == {operation.sent}
    return same_text and (version is None or version in {event.version for event in there})


def gaps(by_key: Mapping[str, list[Stored]]) -> list[str]:
    """Aggregates whose versions are not 1…n, once each."""
    versions: dict[str, list[int]] = defaultdict(list)
    for there in by_key.values():
        for event in there:
            versions[event.aggregate_id].append(event.version)
    return [each for each, found in versions.items() if sorted(found) != list(range(1, len(found) + 1))]


def without_receipt(engine: Engine, operations: Iterable[Operation]) -> list[str]:
    """Keys that were acknowledged and have not exactly one receipt, with what each index of the receipts holds."""
    by_index = {name: _receipts(engine, name) for name in ("PRIMARY", "ix_receipts_created")}
    return [
        f"{each.key} ({each.kind}, answered {[answer['status'] for answer in each.answers]}): {times}"
        for each in operations
        if each.verdict == "ok"
        and set((times := {name: found[each.key] for name, found in by_index.items()}).values()) != {1}
    ]


def _receipts(engine: Engine, index: str) -> Counter[str]:
    """How many there are of each key, as this index tells: of one that lost an entry, the others tell."""
    query = select(receipts.c.key).with_hint(receipts, f"FORCE INDEX ({index})")
    with engine.connect() as connection:
        return Counter(connection.scalars(query))


def _seen_by(author: Author, by_key: Mapping[str, list[Stored]]) -> Iterator[str]:
    """What the API tells an author that the log does not, page by page."""
    author.sign_in()
    pages = _newest_pages(by_key)
    for notebook in _listed(author.client, "/notebooks"):
        told = author.client.ask("GET", f"/notebooks/{notebook['id']}").body
        for listed in told["pages"]:
            path = f"/notebooks/{notebook['id']}/pages/{listed['id']}"
            page, true = author.client.ask("GET", path).body, pages[listed["id"]]
            if (page["version"], page["content_sha256"]) != (true.version, true.fact["content_sha256"]):
                yield f"{path} is at {page['version']}, not {true.version}"
            if listed["version"] != true.version:
                yield f"{path} is listed at {listed['version']}, not {true.version}"
    yield from _wrong_revisions(author, by_key)
    yield from _not_found(author, pages)


def _newest_pages(by_key: Mapping[str, list[Stored]]) -> dict[str, Stored]:
    newest: dict[str, Stored] = {}
    for there in by_key.values():
        for event in there:
            if "revision" in event.fact and event.version > getattr(newest.get(event.aggregate_id), "version", 0):
                newest[event.aggregate_id] = event
    return newest


def _wrong_revisions(author: Author, by_key: Mapping[str, list[Stored]]) -> Iterator[str]:
    """Pages whose list of revisions is not what their events make: none missing, none twice."""
    expected: Counter[str] = Counter()
    for page_id, _ in {
        (event.fact["page_id"], event.fact["revision"]) for there in by_key.values() for event in there
        if "revision" in event.fact
    }:  # fmt: skip
        expected[page_id] += 1
    for there in by_key.values():
        expected.update(event.fact["page_id"] for event in there if event.type == "page.edit_refused")
        expected.update(each for event in there for each in event.fact.get("changed_page_ids", ()))
    for _, page_id in author.pages:
        ids = [each["id"] for each in _listed(author.client, f"/pages/{page_id}/revisions")]
        if len(ids) != expected[page_id] or len(set(ids)) != len(ids):
            yield f"page {page_id} has {len(ids)} revisions, not {expected[page_id]}"


def _not_found(author: Author, pages: Mapping[str, Stored]) -> Iterator[str]:
    """Pages that a search for the word that only their newest text has does not find, exactly once."""
    for _, page_id in author.pages[:SEARCHED]:
        word = next(each for each in pages[page_id].fact["content"].split() if each.startswith("mark")).strip(".")
        items = author.client.ask("GET", f"/search?q={word}&scope=mine").body["items"]
        if [item["page_id"] for item in items] != [page_id]:
            yield f"a search for {word} finds {len(items)}, not page {page_id}"


def _listed(client: Asks, path: str) -> list[dict[str, Any]]:
    """All items of a list, page after page."""
    items: list[dict[str, Any]] = []
    for number in range(1, 10_000):
        answer = client.ask("GET", f"{path}?per_page=100&page={number}").body
        items += answer["items"]
        if number >= answer["pages"]:
            return items
    raise AssertionError(f"{path} has no end")
