"""Who may find what: the rights of a search, as conditions on the index."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import ColumnElement, and_, not_, or_

from read_models.search.index import PAGE_BITS, Scope, author_term, notebook_term, search_entries

Wanted = Literal["all", "mine", "public"]
_columns = search_entries.c


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who searches, and where.

    ``withdrawn`` was taken from readers, ``trashed`` from its author as well, and the index may not know it yet: the id
    of each notebook or page, and the notebook's version that took it. An entry that was made of a later version is
    not meant.
    """

    viewer_id: str | None = None
    scope: Wanted = "all"
    notebook_id: str | None = None
    author_id: str | None = None
    withdrawn: Mapping[str, int] = field(default_factory=dict)
    trashed: Mapping[str, int] = field(default_factory=dict)


def scopes(audience: Audience) -> Iterator[Scope]:
    if audience.scope != "public" and audience.viewer_id:
        yield "draft"
    if audience.scope != "mine":
        yield "published"


def labels(audience: Audience, scope: Scope) -> str:
    """Terms that only narrow the search down, the shortest lists first. What decides are the conditions."""
    author_id = audience.viewer_id if scope == "draft" else audience.author_id
    notebook = f"+{notebook_term(scope, audience.notebook_id)} " if audience.notebook_id else ""
    return notebook + (f"+{author_term(scope, author_id)} " if author_id else "")


def rights(audience: Audience, scope: Scope) -> ColumnElement[bool]:
    """The viewer's drafts; all published pages except those whose draft is listed."""
    conditions: list[ColumnElement[bool]] = [_columns.scope == scope]
    if scope == "draft":
        conditions.append(_columns.author_id == audience.viewer_id)
    elif audience.scope == "all" and audience.viewer_id:
        conditions.append(_columns.author_id != audience.viewer_id)
    gone = audience.trashed if scope == "draft" else audience.withdrawn
    return and_(*conditions, *_filters(audience), *(not_(_is_gone(each, gone[each])) for each in sorted(gone)))


def _is_gone(withdrawn_id: str, version: int) -> ColumnElement[bool]:
    is_it = or_(_columns.notebook_id == withdrawn_id, _columns.page_id == withdrawn_id)
    return and_(is_it, _columns.version < version << PAGE_BITS)


def _filters(audience: Audience) -> Iterator[ColumnElement[bool]]:
    if audience.author_id:
        yield _columns.author_id == audience.author_id
    if audience.notebook_id:
        yield _columns.notebook_id == audience.notebook_id
