"""The one reader of Markdown: what a reader sees of a text, and where in the source it stands.

The import, the count of words, the search index and its snippets all ask here, so that they agree about what is shown.
CommonMark with tables, strikethrough, footnotes and the boxes of task lists. A front matter is no part of the text.

``seen(text)``                what a reader sees, as plain text: paragraphs, headings, cells, items, code and what is
                              between HTML tags, with a blank line between any two of them. Marks, tags, comments,
                              targets, titles of links, definitions, info strings, footnote numbers and boxes are
                              gone; entities are the characters they stand for; a picture is its alternative text.
``read(text)``                the same as a ``Document``, block by block, with links, pictures and their places.
``split_front_matter(text)``  ``(FrontMatter or None, where the text begins)``.

All places are offsets in ``text``, in characters, so ``text[start:end]`` is the source. Nothing that can be written is
an error (lone surrogates excepted). All is linear in the length of the text: ``seen`` takes 10 ms for 1 MiB of prose
and below a second for 1 MiB of marks; ``read``, which keeps places, 30 ms and a few seconds.

``Document``
    ``front_matter``, ``blocks``, ``links`` (in the order of the text; pictures are links too). ``headings()`` gives the
    blocks that are headings.
``Block``
    ``kind`` is ``heading``, ``paragraph``, ``item``, ``cell``, ``code`` or ``html``; ``level`` is 1 to 6 of a heading,
    else 0. ``start`` and ``end`` are its source with all its marks: without ``text[start:end]`` a heading is gone,
    setext underline and line end included. ``text`` is what is shown (``plain()``: in one line). ``inside`` names what
    it stands in, outermost first: ``quote``, ``list``, ``footnote``, ``table``. ``pieces`` says where each run of
    ``text`` comes from. An item with blocks in it can come several times, once for each run of its own text.
``Piece``
    ``text``, ``start``, ``end``; with ``is_exact`` the source there is ``text``.
``Link``
    ``form`` says how it is written:
    ``inline``     ``![a](b.png)``
    ``reference``  ``![a][r]``, ``![r][]``, ``![r]``
    ``autolink``   ``<http://a>``
    ``html``       ``<img src=b.png>``, each picture of a ``srcset``, ``<a href="b.md">``
    ``target`` is meant as it is read: escapes and entities resolved, percent signs as they are.
    ``text`` is a picture's alternative text, or the words of the link (empty for ``<a>``).
    ``start`` and ``end`` are the whole of it. ``place`` is where the target stands, without its ``<…>`` or quotes, and
    for ``reference`` in the definition, so links can share one; None when it cannot be told. With a new target there
    it is relinked.
"""

from infra.markdown.document import Block, Document, Link, read, seen
from infra.markdown.front_matter import FrontMatter, split_front_matter
from infra.markdown.walk import Piece

__all__ = ["Block", "Document", "FrontMatter", "Link", "Piece", "read", "seen", "split_front_matter"]
