"""What a search shows first: the floor of the relevance check."""

from pathlib import Path

from sqlalchemy import Engine

from bench.relevance import ABOUT_BOOKS, ABOUT_OURS, fill, score


def test_what_is_looked_for_is_among_the_first_three(db: Engine, corpus: Path | None) -> None:
    assert len(ABOUT_OURS) + sum(map(len, ABOUT_BOOKS.values())) >= 60
    with db.begin() as connection:
        fill(connection, corpus)
    with db.connect() as connection:
        found = score(connection, corpus)
    assert found.share >= 0.95, found.missed
