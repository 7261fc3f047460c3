"""Searching the index: who may see what is part of the query, and so are ranking and the total.

What a full-text search costs is mostly reading the rows it found. Both servers hand rows over best first as long as
nobody asks them to sort, so each part of a search takes its best ``MOST`` rows and stops; sorting, the total and the
texts only concern those. Sorting by the score instead makes MariaDB read each match.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, desc, func, literal, not_, or_, select, union_all
from sqlalchemy.dialects.mysql import match
from sqlalchemy.sql.selectable import Subquery

from read_models.search.index import ANYWHERE, IN_TITLE, Scope, search_entries
from read_models.search.matches import Work
from read_models.search.query import Piece, Query
from read_models.search.rights import Audience, labels, rights, scopes
from read_models.search.snippets import WORK, snippet

# Totals are exact up to here, and nobody pages further.
MOST = 1000
# Characters of the texts of one answer. Twenty results have room for a quarter of a million each.
MOST_READ = 5_000_000

_columns = search_entries.c


@dataclass(frozen=True)
class Found:
    """One result. ``score`` is in 1…2 when all words stand in the title, else in 0…1; for words with signs (``c++``)
    that stand there just like this, 2 more. ``snippet`` is HTML."""

    page_id: str
    notebook_id: str
    author_id: str
    scope: Scope
    notebook_title: str
    title: str
    snippet: str
    score: float
    updated_at: datetime


@dataclass(frozen=True)
class SearchResult:
    """One page of results. With ``total_capped``, there are more than ``total``."""

    items: list[Found]
    total: int
    total_capped: bool


def search(connection: Connection, query: Query, audience: Audience, page: int = 1, per_page: int = 20) -> SearchResult:
    """What the audience may see of the pages that match, better matches first: title over body. A page beyond the
    last is empty and still knows the total."""
    candidates = _candidates(query, audience)
    if candidates is None:
        return SearchResult([], 0, total_capped=False)
    first = (page - 1) * per_page
    rows = connection.execute(_ranked(candidates, first, min(per_page, MOST - first))).all() if first < MOST else []
    total = rows[0].total if rows else _count(connection, candidates) if first else 0
    return SearchResult(_filled(connection, query, rows), min(total, MOST), total > MOST)


def _candidates(query: Query, audience: Audience) -> Subquery | None:
    """The best of each part, None when there is nothing to look for or nobody to look for it."""
    found = [] if query.is_empty else [part for scope in scopes(audience) for part in _parts(query, audience, scope)]
    return union_all(*found).subquery("candidates") if found else None


def _parts(query: Query, audience: Audience, scope: Scope) -> Iterator[Select[Any]]:
    """A title match is looked for by itself: among the many matches of a common word it might not be one of the
    best. So is ``c++`` with its signs, which goes over ``c`` without or with others."""
    allowed, narrow = rights(audience, scope), labels(audience, scope)
    anywhere, in_title = ANYWHERE[scope], IN_TITLE[scope]
    also = in_title if len(query.wanted) > 1 else ""
    titles = query.boolean(in_title, exclude=anywhere), allowed, _in_order(query, in_title, anywhere)
    bodies = query.boolean(anywhere, also=also), allowed, _in_order(query, anywhere, anywhere)
    for tier, mark, (words, *conditions) in ((1, in_title, titles), (0, anywhere, bodies)):
        yield _part(tier, narrow + words, *conditions)
        if query.signed:
            yield _part(tier + 2, narrow + query.with_signs(mark) + words, *conditions)


def _part(tier: int, words: str, allowed: ColumnElement[bool], in_order: ColumnElement[bool]) -> Select[Any]:
    rank = match(_columns.title_terms, _columns.body_terms, against=words).in_boolean_mode()
    names = (_columns.page_id, _columns.scope, _columns.updated_at, literal(tier).label("tier"), rank.label("score"))
    return select(*names).where(rank, allowed, in_order).limit(MOST + 1)


def _in_order(query: Query, mark: str, exclude: str) -> ColumnElement[bool]:
    """Phrases, which the words of the full-text query leave open."""
    wanted = (_stands(piece, mark) for piece in query.sequences if not piece.is_excluded)
    unwanted = (not_(_stands(piece, exclude)) for piece in query.sequences if piece.is_excluded)
    return and_(True, *wanted, *unwanted)


def _stands(piece: Piece, mark: str) -> ColumnElement[bool]:
    pattern = piece.pattern(mark)
    return or_(_columns.title_terms.like(pattern), _columns.body_terms.like(pattern))


def _grouped(candidates: Subquery) -> Select[Any]:
    c = candidates.c
    best = (
        func.max(c.tier).label("tier"),
        func.sum(c.score).label("score"),
        func.max(c.updated_at).label("updated_at"),
    )
    return select(c.page_id, c.scope, *best).group_by(c.page_id, c.scope)


def _ranked(candidates: Subquery, first: int, count: int) -> Select[Any]:
    found = _grouped(candidates).subquery("found")
    order = (desc(found.c.tier), desc(found.c.score), desc(found.c.updated_at), found.c.page_id)
    return select(found, func.count().over().label("total")).order_by(*order).limit(count).offset(first)


def _count(connection: Connection, candidates: Subquery) -> int:
    return connection.scalar(select(func.count()).select_from(_grouped(candidates).subquery())) or 0


def _filled(connection: Connection, query: Query, rows: Any) -> list[Found]:
    """The rows with their texts, in the same order. One that was withdrawn meanwhile is left out."""
    ids = [row.page_id for row in rows]
    known = {(text.page_id, text.scope): text for text in connection.execute(_texts(ids)).all()} if ids else {}
    pairs = [(row, text) for row in rows if (text := known.get((row.page_id, row.scope)))]
    work = Work(WORK, len(pairs))
    return [_found(query, row, text, work) for row, text in pairs]


def _texts(page_ids: list[str]) -> Select[Any]:
    """What is shown of the pages. The terms are several times as long, and of the longest texts the beginning does."""
    body = func.left(_columns.body, MOST_READ // len(page_ids)).label("body")
    names = (_columns.page_id, _columns.notebook_id, _columns.author_id, _columns.scope, _columns.updated_at)
    shown = select(*names, _columns.notebook_title, _columns.title, body)
    return shown.where(_columns.page_id.in_(page_ids), _columns.title_terms != "")


def _found(query: Query, row: Any, text: Any, work: Work) -> Found:
    same = (text.page_id, text.notebook_id, text.author_id, text.scope, text.notebook_title, text.title)
    score = round(row.tier + row.score / (1 + row.score), 6)
    return Found(*same, snippet(text.body, query, work=work), score, text.updated_at)


__all__ = ["MOST", "Audience", "Found", "SearchResult", "search"]
