"""Whether searches show what was looked for: both columns are counts of queries, not rates."""

import sys
from collections.abc import Iterator

from sqlalchemy import text

from bench.figures import Turn, Work
from bench.relevance import corpus_folder, fill, score
from bench.running import Running


def works(running: Running) -> Iterator[Work]:
    corpus = corpus_folder()
    with running.writing.begin() as connection:
        fill(connection, corpus)
        # Right after so many rows the server ranks by a number of rows that it had before them.
        connection.execute(text("ANALYZE TABLE search_entries"))
    with running.reading.connect() as connection:
        found = score(connection, corpus)
    if found.missed:
        print(f"not among the first three: {', '.join(found.missed)}", file=sys.stderr)
    shown = found.asked - len(found.missed)
    yield Work(
        "queries that show their page among the first three",
        "all queries" if corpus else "all queries, without the books",
        goal=0.95,
        ours=lambda: Turn(shown, 1),
        theirs=lambda: Turn(found.asked, 1),
    )
