"""The search index: one row for each page as its author sees it, one for each as readers see it.

The FULLTEXT index holds our own terms (see words.py). The letter in front of each says who may find it where: ``d``
in a draft, ``p`` in what is published; ``t`` and ``q`` the same, in titles alone. So a search never touches what it
may not show, and a title match costs no second index. Every query states the rights on the columns besides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Column, Connection, Index, Integer, String, select, text, update
from sqlalchemy.dialects.mysql import BIGINT, CHAR, MEDIUMTEXT

from infra.database import Id, LongText, UtcDateTime, table
from infra.markdown import seen
from read_models.projection import newest_wins
from read_models.search.words import terms

BUILDER = 3

Scope = Literal["draft", "published"]
ANYWHERE: dict[Scope, str] = {"draft": "d", "published": "p"}
IN_TITLE: dict[Scope, str] = {"draft": "t", "published": "q"}

_Terms = MEDIUMTEXT(charset="ascii", collation="ascii_bin")

search_entries = table(
    "search_entries",
    Column("page_id", Id, primary_key=True),
    Column("scope", CHAR(9, charset="ascii", collation="ascii_bin"), primary_key=True),
    Column("notebook_id", Id, nullable=False),
    Column("author_id", Id, nullable=False),
    Column("notebook_title", String(200), nullable=False),
    Column("title", String(200), nullable=False),
    # What a reader sees of the text, for snippets.
    Column("body", LongText, nullable=False),
    Column("title_terms", _Terms, nullable=False),
    Column("body_terms", _Terms, nullable=False),
    # A removed page leaves its row without terms as a tombstone, so that a late event cannot bring it back.
    Column("version", BIGINT, nullable=False),
    Column("builder_version", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ft_search_entries_terms", "title_terms", "body_terms", mysql_prefix="FULLTEXT"),
)


# A version of an entry is its notebook's, and in these lowest bits its page's.
PAGE_BITS = 32


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A page as one of its two audiences sees it. ``body`` is Markdown; ``version`` must grow with
    every change of any field."""

    scope: Scope
    page_id: str
    notebook_id: str
    author_id: str
    notebook_title: str
    title: str
    body: str
    version: int
    updated_at: datetime


def put(connection: Connection, entries: Iterable[Entry]) -> None:
    """Index these pages, or leave alone those that are known in the same or a later version. The caller commits;
    only then the servers' full-text search sees the change."""
    newest: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        key = (entry.page_id, entry.scope)
        if key not in newest or newest[key].version < entry.version:
            newest[key] = entry
    # In one order everywhere, so that two workers wait for each other instead of deadlocking.
    _write(connection, (_row(newest[key]) for key in sorted(newest)))


def remove(connection: Connection, page_ids: Iterable[str], scope: Scope, version: int) -> None:
    """Forget pages that went away with this version; a later ``put`` of an older version will not bring them back."""
    row = {**_NOTHING, "version": version, "builder_version": BUILDER, "scope": scope}
    _write(connection, ({**row, "page_id": page_id} for page_id in sorted(set(page_ids))))


def forget(connection: Connection, page_id: str) -> None:
    """A page is gone for good: of its entries only their keys stay, until the index is made anew.

    The rows themselves are not deleted. Restarted, InnoDB may give a new row the full-text id of one that was deleted
    last, and then takes the new row for deleted: nobody would find that page until it is saved once more.
    """
    connection.execute(update(search_entries).where(search_entries.c.page_id == page_id).values(_NOTHING))


def size(connection: Connection) -> int:
    """About how many entries there are, as the server estimates it: nobody counts a million of them."""
    return connection.scalar(_size) or 0


def retitle(connection: Connection, page_ids: Iterable[str], scope: Scope, notebook_title: str) -> None:
    """Tell of another title of the notebook that these pages are in. It is not searched, so no term changes."""
    columns = search_entries.c
    indexed = (columns.scope == scope, columns.title_terms != "")
    stale = select(columns.page_id).where(
        columns.page_id.in_(sorted(page_ids)), *indexed, columns.notebook_title != notebook_title
    )
    for page_id in connection.scalars(stale).all():
        one = update(search_entries).where(columns.page_id == page_id, columns.scope == scope)
        connection.execute(one.values(notebook_title=notebook_title))


def _write(connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
    """On MySQL one statement a row: when one INSERT … ON DUPLICATE KEY UPDATE changes several rows, MySQL 9.7 loses
    all but the last from the full-text index. MariaDB does not, and is twice as fast with all at once."""
    every = list(rows)
    for some in [every] if getattr(connection.dialect, "is_mariadb", False) else [[row] for row in every]:
        newest_wins(connection, search_entries, some)


def _row(entry: Entry) -> dict[str, Any]:
    body = seen(entry.body)
    row = {name: getattr(entry, name) for name in _SAME}
    marked = {"title_terms": _title_terms(entry), "body_terms": _marked(ANYWHERE[entry.scope], body)}
    return {**row, **marked, "body": body, "builder_version": BUILDER}


_size = text(
    "SELECT table_rows FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'search_entries'"
)
# What is left of an entry whose page is gone.
_NOTHING = {
    **{"notebook_id": "", "author_id": "", "notebook_title": "", "title": "", "body": ""},
    **{"title_terms": "", "body_terms": "", "updated_at": datetime(1970, 1, 1, tzinfo=UTC)},
}
_SAME = ("page_id", "scope", "notebook_id", "author_id", "notebook_title", "title", "version", "updated_at")


def _title_terms(entry: Entry) -> str:
    mark = ANYWHERE[entry.scope]
    labels = f"{author_term(entry.scope, entry.author_id)} {notebook_term(entry.scope, entry.notebook_id)} "
    return _marked(IN_TITLE[entry.scope], entry.title) + _marked(mark, entry.title) + labels


def author_term(scope: Scope, author_id: str) -> str:
    """Stands in every entry of this author: the server then never reads what others wrote."""
    return f"{ANYWHERE[scope]}a{_label(author_id)}"


def notebook_term(scope: Scope, notebook_id: str) -> str:
    """Stands in every entry of this notebook."""
    return f"{ANYWHERE[scope]}n{_label(notebook_id)}"


def _label(identity: str) -> str:
    # Ids are hexadecimal digits. Another text must not become syntax; the rights are checked on the columns anyway.
    return "".join(c for c in identity.lower() if c.isascii() and c.isalnum())


def _marked(mark: str, words: str) -> str:
    """All terms of a text behind a mark, between spaces. The stop keeps phrases from running on into the rest."""
    found = terms(words, mark)
    return " ".join(["", *found.sequence, ".", *found.others, ""])
