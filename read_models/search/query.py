"""What a reader typed into the search box, understood: words, ``"phrases"``, ``-exclusions`` and ``begin*``.

Nothing that can be typed is an error. What holds no letter and no digit asks for nothing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from read_models.search.words import letters_term, parts, run_terms, signed_terms, word_term

# A query of thousands of words is an accident or an attack, and each word costs the server a look-up.
MOST_PIECES = 32
MOST_ATOMS = 64
# MySQL refuses a query with more than 31 parentheses. Further prefixes miss words that go on beyond ASCII.
MOST_FORKS = 16

_QUOTE = '"“”„«»'
_PIECE = re.compile(rf"(-*)(?:[{_QUOTE}]([^{_QUOTE}]*)[{_QUOTE}]?|([^\s{_QUOTE}]+))")


@dataclass(frozen=True)
class Atom:
    """One folded word, or one run of a script without spaces."""

    text: str
    is_run: bool
    is_prefix: bool = False


@dataclass(frozen=True)
class Term:
    """One look-up in the index; a prefix stands for all terms that begin like it."""

    text: str
    is_prefix: bool = False

    def spellings(self, mark: str = "") -> list[str]:
        """How to ask for it. An ASCII beginning may go on beyond ASCII, and then it is spelt out in the index."""
        if not self.is_prefix:
            return [mark + self.text]
        spelt_out = [letters_term(self.text[1:])] if self.text.startswith("w") else []
        return [f"{mark}{text}*" for text in (self.text, *spelt_out)]


@dataclass(frozen=True)
class Piece:
    """Atoms that must stand one after the other: a word, a phrase, or a word like ``don't`` that is several."""

    atoms: tuple[Atom, ...]
    is_excluded: bool = False

    def terms(self) -> list[Term]:
        """The terms in order. Only the last may be open-ended."""
        last = len(self.atoms) - 1
        return [term for place, atom in enumerate(self.atoms) for term in _terms(atom, place == last)]

    def is_plain(self) -> bool:
        """Whether finding each of its terms is all there is to it, order and nearness apart."""
        return len(self.terms()) == 1

    def pattern(self, mark: str) -> str:
        """The LIKE pattern of the sequence in a text of marked terms between spaces."""
        terms = self.terms()
        return "% " + " ".join(mark + term.text for term in terms) + ("%" if terms[-1].is_prefix else " %")


def _terms(atom: Atom, is_last: bool) -> list[Term]:
    if not atom.is_run:
        return [Term(word_term(atom.text), atom.is_prefix)]
    terms = run_terms(atom.text)
    if not is_last:
        return [Term(text) for text in terms]
    # The run may go on in the text, so its last character alone says nothing, unless there is no other.
    return [Term(text) for text in terms[:-1]] or [Term(terms[0], is_prefix=True)]


@dataclass(frozen=True)
class Query:
    """All pieces must be found, but for the excluded ones, which must not. ``signed`` are the terms of wanted words
    with signs, like ``c++``: what has these goes first."""

    pieces: tuple[Piece, ...]
    signed: tuple[str, ...] = ()

    @property
    def wanted(self) -> tuple[Piece, ...]:
        return tuple(piece for piece in self.pieces if not piece.is_excluded)

    @property
    def is_empty(self) -> bool:
        """Whether it can find nothing: only exclusions, or nothing that is a word."""
        return not self.wanted

    @property
    def sequences(self) -> tuple[Piece, ...]:
        """The pieces whose order ``boolean`` leaves open."""
        return tuple(piece for piece in self.pieces if not piece.is_plain())

    def with_signs(self, mark: str) -> str:
        """More for the same search: also these terms must be found."""
        return "".join(f"+{mark}{term} " for term in self.signed)

    def boolean(self, mark: str, exclude: str | None = None, also: str = "") -> str:
        """For ``MATCH … AGAINST (… IN BOOLEAN MODE)``, every term behind ``mark``, excluded ones behind ``exclude``
        (default: the same). With ``also``, terms behind that other mark count for the rank without being asked for.
        Sequences have to be checked besides: the servers' own phrase search reads and splits each candidate's text,
        which took twice as long as LIKE."""
        wanted = {term: None for piece in self.wanted for term in piece.terms()}
        # Long words tend to be rare, and the servers are quicker when the first list is a short one.
        rare_first = sorted(wanted, key=lambda term: -len(term.text))
        asked = _asked(rare_first, mark)
        ranked = [spelling for term in rare_first if also for spelling in term.spellings(also)]
        barred = [piece.terms()[0] for piece in self.pieces if piece.is_excluded and piece.is_plain()]
        unwanted = [f"-{spelling}" for term in barred for spelling in term.spellings(exclude or mark)]
        return " ".join([*asked, *ranked, *unwanted])


def _asked(terms: Iterable[Term], mark: str) -> Iterator[str]:
    forks = 0
    for term in terms:
        first, *others = term.spellings(mark)
        forks += bool(others)
        yield f"+({' '.join((first, *others))})" if others and forks <= MOST_FORKS else f"+{first}"


def parse_query(text: str) -> Query:
    """Understand any text as a query; never fails. Pieces and words beyond the limits are not looked at."""
    pieces: list[Piece] = []
    signed: list[str] = []
    room = MOST_ATOMS
    for dashes, phrase, word in _PIECE.findall(text):
        atoms = tuple(_atoms(phrase or word, word.endswith("*")))[:room]
        if atoms:
            pieces.append(Piece(atoms, bool(dashes)))
            signed += [] if dashes else signed_terms((phrase or word).rstrip("*"))
            room -= len(atoms)
        if not room or len(pieces) == MOST_PIECES:
            break
    return Query(tuple(dict.fromkeys(pieces)), tuple(dict.fromkeys(signed))[:MOST_PIECES])


def _atoms(text: str, is_open: bool) -> Iterator[Atom]:
    found = list(parts(text))
    for place, part in enumerate(found, start=1):
        if part.is_run and len(part.text) > MOST_ATOMS:
            # What follows a run that was cut stands nowhere beside its beginning.
            yield Atom(part.text[:MOST_ATOMS], is_run=True)
            return
        yield Atom(part.text, part.is_run, is_open and place == len(found) and not part.is_run)
