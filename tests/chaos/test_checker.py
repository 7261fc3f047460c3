"""A checker that can't see a loss is worth nothing: each thing that must not be, shown to it."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain import receipts
from domain.receipts import Claim
from infra.clock import now
from tests.chaos.checker import Stored, effects, gaps, without_receipt
from tests.chaos.client import NOT_SENT, Answer, no_answer
from tests.chaos.journal import Journal, Operation, Verdict, read

SAVED = Stored("page.edited", "p", 2, {"content_sha256": "of what was sent"})


def a_save(*verdicts: Verdict, **more: object) -> Operation:
    operation = Operation("key", "save", ("page.edited",), sent="of what was sent", **more)  # type: ignore[arg-type]
    operation.answers = [{"verdict": verdict, "status": 200, "version": 2} for verdict in verdicts]
    return operation


def a_race(status: int | None) -> Operation:
    """A save that named a version, and this answer to it."""
    operation = a_save(if_stale=("page.edit_refused",))
    operation.answers = [{"verdict": "ok" if status else "unknown", "status": status}]
    return operation


REFUSED = Stored("page.edit_refused", "history", 1, SAVED.fact)


def found(operation: Operation, *there: Stored) -> dict[str, list[str]]:
    judged = effects({"key": operation}, {"key": list(there)} if there else {})
    return {name: keys for name, keys in vars(judged).items() if keys}


@pytest.mark.parametrize(
    ("operation", "there"),
    [
        (a_save("ok"), [SAVED]),
        (a_save("unknown", "ok"), [SAVED]),
        (a_save("refused", "ok"), [SAVED]),
        (a_save("unknown"), [SAVED]),
        (a_save("unknown"), []),
        (a_save(), []),
        (a_save("unknown", "refused"), [SAVED]),
        (a_save("refused"), []),
        (a_save("ok", may_be_void=True), []),
        (a_race(200), [SAVED]),
        (a_race(412), [REFUSED]),
        (a_race(None), [SAVED]),
        (a_race(None), [REFUSED]),
    ],
)
def test_what_may_be_is_let_pass(operation: Operation, there: list[Stored]) -> None:
    assert found(operation, *there) == {}


@pytest.mark.parametrize(
    ("operation", "there", "wrong"),
    [
        (a_save("ok"), [], "lost"),
        (a_save("unknown", "ok"), [], "lost"),
        (a_save("ok"), [SAVED, SAVED], "twice"),
        (a_save("unknown"), [SAVED, SAVED], "twice"),
        (a_save("ok", may_be_void=True), [SAVED, SAVED], "twice"),
        (a_save("refused"), [SAVED], "refused_yet_there"),
        (a_save("refused", "refused"), [SAVED], "refused_yet_there"),
        (a_save("ok"), [Stored("page.edited", "p", 2, {"content_sha256": "of another"})], "other_text"),
        (a_save("ok"), [Stored("page.edited", "p", 3, SAVED.fact)], "other_text"),
        (a_save("ok"), [SAVED, Stored("page.created", "q", 1, SAVED.fact)], "twice"),
        (a_race(200), [SAVED, REFUSED], "twice"),
        (a_race(None), [SAVED, REFUSED], "twice"),
        (a_race(200), [REFUSED], "half_done"),
        (a_race(412), [SAVED], "half_done"),
        (a_race(412), [], "lost"),
    ],
)
def test_what_must_not_be_is_seen(operation: Operation, there: list[Stored], wrong: str) -> None:
    assert found(operation, *there) == {wrong: ["key"]}


@pytest.mark.parametrize(("told", "lost"), [(2, []), (3, ["key"])])
def test_an_acknowledgement_that_nothing_had_to_change_tells_of_a_version_that_is_there(
    told: int, lost: list[str]
) -> None:
    publish = Operation("key", "publish", ("notebook.published",), may_be_void=True)
    publish.answers = [{"verdict": "ok", "status": 200, "id": "n", "version": told}]
    earlier = Operation("other", "publish", ("notebook.published",))
    there = {"other": [Stored("notebook.published", "n", 2, {})]}
    assert effects({"key": publish, "other": earlier}, there).lost == lost


def test_a_page_without_its_place_is_done_by_half() -> None:
    operation = Operation("key", "create page", ("page.created", "notebook.page_added"))
    operation.answers = [{"verdict": "unknown"}]
    assert found(operation, Stored("page.created", "p", 1, {})) == {"half_done": ["key"]}


def test_an_effect_that_nobody_asked_for_is_seen() -> None:
    assert effects({}, {"stray": [SAVED]}).from_nowhere == ["stray"]


@pytest.mark.parametrize(
    ("versions", "is_whole"), [([1, 2, 3], True), ([1, 3], False), ([2, 3], False), ([1, 1], False)]
)
def test_versions_that_skip_or_repeat_are_seen(versions: list[int], is_whole: bool) -> None:
    there = [Stored("page.edited", "p", version, {}) for version in versions]
    assert gaps({"key": there}) == ([] if is_whole else ["p"])


def test_an_acknowledgement_without_its_receipt_is_seen_and_told_with_what_each_index_holds(db: Engine) -> None:
    saved = a_save("ok")
    assert without_receipt(db, [saved]) == [
        "key (save, answered [200]): {'PRIMARY': 0, 'ix_receipts_created': 0}",
    ]
    with db.begin() as connection:
        receipts.begin(connection, Claim("holder", "key", "PUT /", "0" * 64), now())
    assert without_receipt(db, [saved]) == []


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(200, {}), "ok"),
        (Answer(412, {}), "ok"),
        (Answer(422, {}), "refused"),
        (Answer(409, {}), "unknown"),
        (Answer(500, {}), "unknown"),
        (Answer(503, {}, {"detail": "The database is away; nothing was changed."}), "refused"),
        (Answer(503, {}, {"detail": "The database was lost in the middle."}), "unknown"),
        (no_answer(OSError()), "unknown"),
        (NOT_SENT, "refused"),
    ],
)
def test_an_answer_says_what_its_client_may_rely_on(answer: Answer, verdict: Verdict) -> None:
    assert answer.verdict == verdict


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.begin("a", "save", ["page.edited"], sent="hash")
    journal.begin("b", "publish", ["notebook.published"], may_be_void=True)
    journal.end("a", "unknown", None)
    journal.end("a", "ok", 200, version=7)
    journal.close()
    operations = read(journal.path)
    assert (operations["a"].verdict, operations["a"].acknowledged["version"], operations["a"].sent) == ("ok", 7, "hash")
    assert (operations["b"].verdict, operations["b"].may_be_void, operations["b"].effects) == (
        "unknown",
        True,
        ("notebook.published",),
    )
