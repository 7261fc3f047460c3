"""Whether a search shows what was looked for: queries, each with the page that must be among the first three.

Half of the pages and queries are our own, the rest is for the books of the corpus, where they are present.
"""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection

from infra.markdown import read
from read_models.search.hits import Audience, search
from read_models.search.index import Entry, put
from read_models.search.query import parse_query

FIRST = 3
ENGLISH, SPANISH, CHINESE = "pride-and-prejudice", "el-sombrero-de-tres-picos", "lunyu"

# Title, text.
OURS = {
    "c++": ("Languages", "A program in C++ is compiled twice. C++ forgives nothing."),
    "c#": ("Languages", "A program in C# is compiled for .NET, once."),
    "c": ("Languages", "A program in C is compiled; C is old, C is small, C is everywhere, and C compiles."),
    "asp": ("Networks", "The net of ASP.NET and a fishing net have little in common but the net."),
    "oneill": ("Neighbours", "Mr O&rsquo;Neill&rsquo;s garden lies behind ours; he doesn&rsquo;t weed it."),
    "neill": ("Names", "Neill is a family of its own."),
    "cafe": (
        "A caf&eacute; in the rain",
        "The caf&eacute; at the corner has an R&amp;D department, they say, for cakes.",
    ),
    "rd": ("Letters", "R and then D, and later an R again, with a D behind it."),
    "marks": ("Marks", "It was un**believ**able, in<b>cre</b>dible, and ~~im~~probable."),
    "fire": ("Feelings", "We sat by the 🔥 and were happy 👍🏽."),
    "tags": ("Tags", "<div class='walrus'>Nothing<!-- walrus --></div> [here](walrus.html 'walrus')"),
    "walrus": ("Animals", "A walrus sleeps on the ice; seals do too."),
    "heron": ("The heron", "It stood in the water."),
    "birds": ("Birds", "A heron, a heron, a heron, and once more a heron, a stork and a crane."),
    "garza": ("La garza", "La garza se quedó inmóvil junto a la señora del vestido azul."),
    "senora": ("La señora de Mérida", "Vendía higos y brevas en la plaza."),
    "pinguino": ("Pingüinos", "El pingüino camina por el hielo, y el niño lo sigue."),
    "strasse": ("Straßen", "Die Straße führt über den Fluß zum Müller."),
    "tschechisch": ("Žluťoučký kůň", "Příliš žluťoučký kůň úpěl ďábelské ódy."),
    "russisch": ("Цапля", "Серая цапля стояла у реки; ёлки шумели."),
    "arabic": ("السلام", "الســـلام عليكم، هذا كتاب جديد على الطاولة."),
    "persian": ("کتاب", "این کتاب‌های علی است و می‌خواهم بخوانم."),
    "beijing": ("北京", "我爱**北京**天安门，天安门上太阳升。"),
    "shanghai": ("上海", "上海的夜晚很亮，北方的朋友不常来。"),
    "tokyo": ("東京", "東京タワーへ行った。ﾊﾟｿｺﾝを買った。"),
    "seoul": ("서울", "나는 한국인입니다. 서울에서 책을 쓴다."),
    "hindi": ("किताब", "यह किताब हिन्दी में लिखी गई है।"),
    "thai": ("ภาษาไทย", "ภาษาไทยเขียนติดกัน"),
}
ABOUT_OURS = [
    *[
        ("c++", "c++"),
        ("C#", "c#"),
        (".net", "c#"),
        ("asp.net", "asp"),
        ("program compiled", "c"),
        ("fishing net", "asp"),
    ],
    *[
        ("oneill", "oneill"),
        ("O'Neill garden", "oneill"),
        ("doesnt weed", "oneill"),
        ("café", "cafe"),
        ('"R&D"', "cafe"),
    ],
    *[("unbelievable", "marks"), ("incredible improb*", "marks"), ("🔥", "fire"), ("👍", "fire"), ("walrus", "walrus")],
    *[("heron", "heron"), ("heron -water", "birds"), ('"stork and a crane"', "birds"), ("garza señora", "garza")],
    *[("senora merida", "senora"), ("pinguino", "pinguino"), ("STRASSE", "strasse"), ("uber fluss", "strasse")],
    *[("zlutoucky kun", "tschechisch"), ("серая елки", "russisch"), ("السلام", "arabic"), ("كتاب علي", "persian")],
    *[
        ("کتاب جدید", "arabic"),
        ("北京天安门", "beijing"),
        ("我爱北京", "beijing"),
        ("上海", "shanghai"),
        ("タワー", "tokyo"),
    ],
    *[("パソコン", "tokyo"), ("한국인", "seoul"), ("हिन्दी", "hindi"), ("ไทย", "thai"), ("fishing -asp heron", None)],
]
ABOUT_BOOKS = {
    ENGLISH: [
        *[("truth universally acknowledged", 1), ("handsome enough to tempt", 3), ('"vanity and pride"', 5)],
        *[("paint tables cover screens", 8), ("westerham", 13), ("fordyce sermons", 14), ("headstrong girl", 56)],
        *[("shades pemberley polluted", 56), ("ardently admire", 34), ("gretna green", 46), ("fishing tackle", 43)],
        *[("sea bathing brighton", 41), ("chimney* eight hundred pounds", 16), ('"rocks and mountains"', 27)],
        *[
            ("backgammon", 14),
            ("ragout", 8),
            ("kympton", 52),
            ('"shoe roses"', 17),
            ("white soup", 11),
            ("cheapside", 8),
        ],
        *[("petticoat", 8), ("hermitage", 56)],
    ],
    SPANISH: [
        *[("decreto imperial", 35), ("despedida prosa", 15), ("consejos garduna", 14), ("arre burra", 9)],
        *[("corregidora guapa", 34), ("habilidades conyuges", 6), ("senora de clase", 30), ("monterilla", 17)],
        *[("ave mal aguero", 16), ("bombardeo pamplona", 11), ("diezmos primicias", 12), ('"dona mercedes"', 36)],
        *[("chocolate", 2), ("acequia pistol*", 21), ('"feo que picio"', 5), ("molino harinero", 3)],
    ],
    CHINESE: [
        *[
            ("学而时习之", 1),
            ("温故而知新", 2),
            ("三十而立", 2),
            ("朝闻道", 4),
            ("朽木不可雕", 5),
            ("乐山", 6),
            ("三人行", 7),
        ],
        *[("任重而道远", 8), ("逝者如斯", 9), ("食不厌精", 10), ("过犹不及", 11), ("己所不欲", 12), ("名不正", 13)],
        *[("以德报怨", 14), ("工欲善其事", 15), ("既来之", 16), ("性相近", 17), ("四体不勤", 18), ("学而优", 19)],
    ],
}


class Score(NamedTuple):
    """How many queries were asked, and which of them did not show their page."""

    asked: int
    missed: list[str]

    @property
    def share(self) -> float:
        return 1 - len(self.missed) / self.asked


def fill(connection: Connection, corpus: Path | None) -> None:
    """Index our pages and the books, as published."""
    put(connection, [_entry(name, title, text) for name, (title, text) in OURS.items()])
    for book in ABOUT_BOOKS if corpus else ():
        files = sorted((corpus / book).glob("*.md")) if corpus else []
        put(connection, (_entry(f"{book}-{place}", *_chapter(file)) for place, file in enumerate(files, 1)))


def _chapter(file: Path) -> tuple[str, str]:
    text = file.read_text()
    heading = next(read(text).headings())
    return heading.plain()[:200], text[heading.end :]


def _entry(name: str, title: str, text: str) -> Entry:
    same: dict[str, Any] = {"notebook_id": "5" * 32, "author_id": "6" * 32, "notebook_title": "Relevance", "version": 1}
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    return Entry(scope="published", page_id=_id(name), title=title, body=text, updated_at=moment, **same)


def _id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def score(connection: Connection, corpus: Path | None) -> Score:
    """Ask all queries; in no notebook but the one of this check."""
    queries: list[tuple[str, str | None]] = list(ABOUT_OURS)
    for book, about in ABOUT_BOOKS.items() if corpus else ():
        queries += [(query, f"{book}-{place}") for query, place in about]
    missed = [query for query, name in queries if not _shows(connection, query, name)]
    return Score(len(queries), missed)


def _shows(connection: Connection, query: str, name: str | None) -> bool:
    """Whether the page is among the first; without one, that nothing is found."""
    found = search(connection, parse_query(query), Audience(notebook_id="5" * 32), per_page=FIRST).items
    return _id(name) in [item.page_id for item in found] if name else not found


def corpus_folder() -> Path | None:
    """The books, beside the checkout."""
    folder = Path(__file__).parent.parent.parent / "shared" / "corpus"
    return folder if folder.is_dir() else None


__all__ = ["Score", "corpus_folder", "fill", "score"]
