"""Which page of the notebook each document already is, and in which order its pages should stand."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from seeding.book import Document
from seeding.memory import Id, PageMemory
from seeding.transport import Json


def match_pages(
    documents: Iterable[Document], remembered: Mapping[str, PageMemory], pages: Iterable[Json]
) -> dict[str, Id]:
    """Find the ids of the pages that are there, by the documents' names.

    By its id, where one is remembered. Else a file with the same text went by another name before. Else by its title,
    the one that it was about to be created with before today's. Equals are matched in reading order. A page whose
    remembered id is gone was deleted, and gets no other page's place.
    """
    free = {page["id"]: page["title"].strip() for page in pages}
    matched: dict[str, Id] = {}
    unknown = []
    for document in documents:
        known = remembered.get(document.name)
        if known is None or known.id is None:
            unknown.append((document, known))
        elif free.pop(known.id, None) is not None:
            matched[document.name] = known.id
    by_text, by_title = defaultdict(list), defaultdict(list)
    for each in remembered.values():
        if each.id is not None and each.id in free and each.text:
            by_text[each.text].append(each.id)
    for document, _ in unknown:
        _take(matched, free, document, by_text[document.digest])
    for page_id, title in free.items():
        by_title[title].append(page_id)
    for document, known in unknown:
        for title in (known.title, document.title) if known else (document.title,):
            _take(matched, free, document, by_title[title])
    return matched


def _take(matched: dict[str, Id], free: dict[Id, str], document: Document, candidates: list[Id]) -> None:
    """Give the document the first of these pages that no other one has."""
    while candidates and document.name not in matched:
        found = candidates.pop(0)
        if free.pop(found, None) is not None:
            matched[document.name] = found


def in_folders_order(there: Sequence[Id], wanted: Sequence[Id]) -> list[Id]:
    """Return all ids in a new order: those of the folder as it has them, each other one behind the same one as now."""
    ours = set(wanted)
    behind: dict[Id | None, list[Id]] = defaultdict(list)
    last = None
    for page_id in there:
        if page_id in ours:
            last = page_id
        else:
            behind[last].append(page_id)
    return behind[None] + [page_id for each in wanted for page_id in (each, *behind[each])]
