"""Who may find what: the rights of a search, as conditions on the index."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, and_

from read_models.search.index import Scope, author_term, notebook_term, search_entries

Wanted = Literal["all", "mine", "public"]
_columns = search_entries.c


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who searches, and where. ``hidden_…`` is what was withdrawn a moment ago and may still be in the index."""

    viewer_id: str | None = None
    scope: Wanted = "all"
    notebook_id: str | None = None
    author_id: str | None = None
    hidden_notebook_ids: Collection[str] = ()
    hidden_page_ids: Collection[str] = ()


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
    """Drafts of nobody but the viewer; what is published, of everyone, but for one's own when its draft shows."""
    conditions: list[ColumnElement[bool]] = [_columns.scope == scope]
    if scope == "draft":
        conditions.append(_columns.author_id == audience.viewer_id)
    elif audience.scope == "all" and audience.viewer_id:
        conditions.append(_columns.author_id != audience.viewer_id)
    return and_(*conditions, *_filters(audience))


def _filters(audience: Audience) -> Iterator[ColumnElement[bool]]:
    if audience.author_id:
        yield _columns.author_id == audience.author_id
    if audience.notebook_id:
        yield _columns.notebook_id == audience.notebook_id
    if audience.hidden_notebook_ids:
        yield _columns.notebook_id.not_in(sorted(audience.hidden_notebook_ids))
    if audience.hidden_page_ids:
        yield _columns.page_id.not_in(sorted(audience.hidden_page_ids))
