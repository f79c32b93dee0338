"""What the name of one track says: its source, where the microphone is, and whether it is a microphone at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from debleed.naming import vocabulary as v

Kind = Literal["source", "room", "reference"]
"""What a track is by its name: a microphone of a source, a room microphone or a mixture, or a signal."""

TOKEN = re.compile(
    r"(?<![^\W_])b3(?![^\W_])|\d+(?:st|nd|rd|th|mix|trk)(?![^\W_])|\d+|[^\W\d_]+?(?=[\W\d_]|$|(?-i:(?<=[a-z])(?=[A-Z])))",
    re.IGNORECASE,
)
"""A number, a word up to a capital that follows a small letter, or one of the words with a number: B3, 1st, 2mix."""

MOST_DIGITS = 3
"""Digits of a number that can count sources. Longer ones are dates, times of day and counters of recorders."""

PEOPLE = frozenset(("vocals", "choir"))
"""Sources whose places (front, inside) tell one person from another."""

BESIDE_ROOM = frozenset((*v.SIDES, "c", "m", "s", "mid", "side", "in", "out"))
"""Words that say nothing else beside the bare name of mains or ambience: ``Main L``, ``Stereo Out``."""

PLACES = {**v.ANYWHERE, **v.ON_INSTRUMENTS, **v.HEIGHTS}
"""Spelling → place, wherever it is one."""

TRACKS = v.ROOM_WORDS | v.ROOM_ALONE | v.REFERENCE_WORDS | v.REFERENCE_ALONE | v.NEUTRAL
"""Words that say what a track is, and words of devices."""

KNOWN = frozenset((*v.INSTRUMENTS, *v.SINGERS, *PLACES, *v.SIDES, *v.SEVERAL, *TRACKS))
"""Words that are not split further."""


class Token(NamedTuple):
    """A word or number of a name, in lower case, and its position in the name."""

    text: str
    start: int
    stop: int

    @property
    def number(self) -> bool:
        """Whether this is a number."""
        return self.text.isdecimal()


class Part(NamedTuple):
    """A token and what it is here: a word or a number of the source, or a place; ``None`` if it says nothing."""

    token: Token
    word: str | None = None
    number: str | None = None
    place: str | None = None


@dataclass(frozen=True)
class Reading:
    """What a name says.

    Parameters
    ----------
    words
        The words that name the source in their usual spelling, and its numbers; empty if the name says nothing.
    places
        Where or how the source is picked up: in, top, left, a model, direct.
    kind
        What the track is.
    written
        The source as the name spells it.
    alone
        The words of a name without a source: of mains, or of the sides of a pair, such as ``L``.
    known
        The instruments and singers among the words.
    """

    words: tuple[str, ...]
    places: frozenset[str]
    kind: Kind
    written: str
    alone: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()

    @property
    def direct(self) -> bool:
        """Whether the track is a direct box of a source that the name tells."""
        return self.kind == "reference" and "direct" in self.places

    @property
    def signal(self) -> bool:
        """Whether the track is a signal that no microphone is meant to pick up: a click, a playback, the far end."""
        return self.kind == "reference" and not self.direct


def read(name: str) -> Reading:
    """Read a name.

    Examples
    --------
    >>> read("BassDI").words, read("01 bass SM57").words, read("Tr3").words
    (('bass',), ('bass',), ())
    >>> sorted(read("Kick In").places), read("click").kind, read("03_DrumOH-L").kind
    (['in'], 'reference', 'room')
    """
    found, models = tokens(name)
    letters = [token.text for token in found if not token.number]
    said = [text for text in letters if text not in v.NEUTRAL or text in v.ROOM_ALONE]
    known = frozenset(filter(None, (v.INSTRUMENTS.get(text) or v.SINGERS.get(text) for text in letters)))
    alone = frozenset(said)
    if alone & v.ROOM_ALONE and alone <= v.ROOM_ALONE | BESIDE_ROOM:
        sides = frozenset(v.SIDES[text] for text in alone if text in v.SIDES)
        mains = tuple(sorted(alone - set(v.SIDES)))
        return Reading(mains, sides, "room", " ".join(mains), alone)
    if alone and any(alone <= partners for partners in v.PARTNERS):
        return Reading((), frozenset(), "source", "", alone)
    parts = promoted([part_of(i, found, known) for i in range(len(found))])
    words = source_words(parts)
    places = frozenset(part.place for part in parts if part.place) | models
    if not words and models:
        words, places = tuple(sorted(models)), frozenset()
    kind = kind_of(name, found, known, [word for word in words if word.isdecimal()])
    if not places and all(word.isdecimal() or len(word) == 1 for word in words):
        words = ()  # T001_1
    return Reading(words, places, kind, written(name, parts), known=known)


def tokens(name: str) -> tuple[list[Token], frozenset[str]]:
    """Split a name into words and numbers, and the models of microphones in it."""
    models = frozenset(re.sub(r"[ -]", "", match.group()).lower() for match in v.MODELS.finditer(name))
    rest = v.MODELS.sub(lambda match: " " * len(match.group()), name)
    found: list[Token] = []
    for match in TOKEN.finditer(rest):
        token = Token(match.group().lower(), *match.span())
        if found and (phrase := v.PHRASES.get((found[-1].text, token.text))):
            token = Token(phrase, found.pop().start, token.stop)
        found.append(token)
    return [piece for token in found for piece in pieces(token)], models


def pieces(token: Token) -> list[Token]:
    """Split a word that is written together: ``kickin``, ``bassdi``, ``keysl``, ``bv``."""
    if several := v.SEVERAL.get(token.text):
        return [Token(word, token.start, token.stop) for word in several]
    if token.number or token.text in KNOWN:
        return [token]
    for cut in range(2, len(token.text)):
        head, tail = token.text[:cut], token.text[cut:]
        long = cut > 2
        source = head in v.INSTRUMENTS or (head in v.SINGERS and long)
        after = source and (len(tail) > 1 or long) and (tail in PLACES or tail in ("l", "r"))
        before = head in ("di", "sub") and tail in v.INSTRUMENTS and len(tail) > 3  # 'digit' is no direct guitar
        if after or before:
            middle = token.start + cut
            return [Token(head, token.start, middle), Token(tail, middle, token.stop)]
    return [token]


def part_of(i: int, found: Sequence[Token], known: frozenset[str]) -> Part:
    """Say what a token is in its name, whose instruments and singers are ``known``."""
    token = found[i]
    if token.number:
        return number_of(i, found, known)
    text = token.text
    if word := v.INSTRUMENTS.get(text) or v.SINGERS.get(text):
        return Part(token, word=word)
    if text in v.NEUTRAL:
        return Part(token, place="mic" if text in v.ANYWHERE else None)
    if text in v.SIDES and any(not other.number and other.text not in v.NEUTRAL for other in found[:i]):
        return Part(token, place=v.SIDES[text])
    here = dict(v.ANYWHERE)
    if any(word in v.INSTRUMENTS for word in known) and not known & PEOPLE:
        here |= v.ON_INSTRUMENTS
    if known & v.TALL:
        here |= v.HEIGHTS
    for word in known:
        here |= v.LETTERS.get(word, {})
    place = here.get(text)
    return Part(token, word=None if place else text, place=place)


def number_of(i: int, found: Sequence[Token], known: frozenset[str]) -> Part:
    """Say what a number is: nothing, if it counts tracks; a model; or a number of the source."""
    token = found[i]
    before = [other.text for other in found[:i] if not other.number]
    if not before or before[-1] in v.NUMBERED or len(token.text) > MOST_DIGITS:
        return Part(token)
    if int(token.text) in v.BARE_MODELS and known & v.MODELLED:
        return Part(token, place=token.text)
    return Part(token, number=str(int(token.text)))


def promoted(parts: list[Part]) -> list[Part]:
    """Make places the words of the source where the name has no others: ``Lav 1``, ``Amp L``."""
    if any(part.word for part in parts):
        return parts
    sides = set(v.SIDES.values())
    places = [part.place for part in parts if part.place and part.place not in sides]
    if not set(places) - {"mic"}:
        return [Part(part.token) for part in parts]
    return [part._replace(word=part.place, place=None) if part.place in places else part for part in parts]


def source_words(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return the words of the source in alphabetical order, and its numbers in theirs."""
    words = {part.word for part in parts if part.word}
    others = words.intersection(v.INSTRUMENTS.values()) - {"electric"}
    if "electric" in words and others <= {"guitar", "bass"}:
        words = words - {"electric"} | (others or {"guitar"})
    for word in sorted(words):
        words.discard(v.IMPLIED.get(word, ""))
    return (*sorted(words), *(part.number for part in parts if part.number))


def written(name: str, parts: Sequence[Part]) -> str:
    """Return the source as the name spells it: neighbours with what stands between them, others with a space."""
    text, last = "", -1
    for i, part in enumerate(parts):
        if part.word or part.number:
            token = part.token
            between = name[parts[last].token.stop : token.start] if last == i - 1 and text else " "
            if last < 0 or token.start >= parts[last].token.stop:
                text += (between if text else "") + name[token.start : token.stop]
            last = i
    return text


def kind_of(name: str, found: Sequence[Token], known: frozenset[str], numbers: Sequence[str]) -> Kind:
    """Say what a track is by the words in its name; "tracks 1-8" are those of a recorder, not a playback."""
    letters = [token.text for token in found if not token.number]
    if not v.ROOM_WORDS.isdisjoint(letters):
        return "room"
    rest = {text for text in letters if text not in v.NEUTRAL and text not in v.SIDES}
    microphone = bool(known) or any(v.ANYWHERE.get(text, "direct") not in ("direct", "line") for text in letters)
    if not microphone and rest & v.REFERENCE_WORDS:
        return "reference"
    if not microphone and rest and rest <= v.REFERENCE_ALONE and len(numbers) < 2:
        return "reference"
    return "reference" if any(direct_box(name, token, letters, known) for token in found) else "source"


def direct_box(name: str, token: Token, letters: Sequence[str], known: frozenset[str]) -> bool:
    """Tell a direct box from a person whose name is Di, or a preposition.

    It stands beside an instrument, or in capitals, or after everything else.
    """
    if v.ANYWHERE.get(token.text) != "direct" or known & PEOPLE:
        return False
    capitals = name[token.start : token.stop].isupper()
    return bool(known) or capitals or (len(letters) > 1 and token.text == letters[-1])
