"""The chapters of one folder among each other and its pictures: which file each of their links means."""

from collections.abc import Iterable

from seeding.book import Document
from seeding.chapter import Chapter
from seeding.leftovers import Leftover
from seeding.links import PICTURES, DeadLink, LocalLink, local_links, suffix
from seeding.names import Names


class Linking:
    """Collects what links to what, and what can't be linked."""

    def __init__(self, names: Names, texts: Iterable[str], chapters: Iterable[str]) -> None:
        """`texts` are all text files of the folder, `chapters` those that become pages."""
        self._names, self._texts, self._chapters = names, set(texts), set(chapters)
        self.pictures: set[str] = set()
        self.left: list[Leftover] = []

    def document(self, chapter: Chapter) -> Document:
        """Make the page of a chapter, with the links that can be followed."""
        self.left += [Leftover(chapter.name, reason) for reason in chapter.lost]
        links, dead = local_links(chapter.content, chapter.name, self._names)
        for link in dead:
            self._leave(chapter.name, link)
        followed = tuple(link for link in links if self._follows(chapter.name, link))
        return Document(chapter.name, chapter.title, chapter.content, followed)

    def _follows(self, document: str, link: LocalLink) -> bool:
        if link.name in self._chapters:
            reason = "it is a text, no picture" if link.is_picture else ""
        elif link.name in self._texts:
            reason = "it is a draft, which is left out"
        elif link.is_picture or suffix(link.name) in PICTURES:
            self.pictures.add(link.name)
            reason = ""
        else:
            reason = "only texts and pictures are taken along"
        if reason:
            self._leave(document, DeadLink(link.name, reason, link.is_picture))
        return not reason

    def _leave(self, document: str, link: DeadLink) -> None:
        self.left.append(Leftover(document, stays(link.target, link.is_picture, link.reason)))


def stays(target: str, is_picture: bool, reason: str) -> str:
    """Say that a link stays as it is, and why."""
    if is_picture:
        return f"the picture {target} is not uploaded and its link stays as it is: {reason}"
    return f"the link to {target} stays as it is: {reason}"
