"""Kinds of bands: the instruments of a genre, their ranges, and how they play.

Program numbers are those of General MIDI, from 0; ranges are MIDI pitches (60 is middle C).
"""

from __future__ import annotations

from dataclasses import dataclass

from debleed.recording import InputError

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
}
"""Semitones above the tonic."""


@dataclass(frozen=True)
class Instrument:
    """A program of General MIDI, and the range in which it is played."""

    program: int
    low: int
    high: int


@dataclass(frozen=True)
class Genre:
    """How a band plays.

    Parameters
    ----------
    tempo
        Range of quarter notes per minute.
    swing
        Range of the place of the off-beat eighth in its beat: 0.5 is straight, 0.67 a triplet.
    beats
        Quarter notes in a bar.
    scales
        Keys of :data:`SCALES`.
    chords
        Progressions: the scale degree of each bar's chord, from 0.
    leads, basses, others
        Instruments to draw from.
    kits
        Programs of the drum channel.
    drums
        Key of General MIDI's drum kit → a digit for each sixteenth of a bar: how likely a stroke is, in ninths.
    walking
        Whether the bass plays a note on every beat; otherwise it stays on the root, in a rhythm of its own.
    sustained
        Whether the accompaniment holds its chords; otherwise it plays them in a rhythm, or broken.
    """

    tempo: tuple[float, float]
    swing: tuple[float, float]
    beats: int
    scales: tuple[str, ...]
    chords: tuple[tuple[int, ...], ...]
    leads: tuple[Instrument, ...]
    basses: tuple[Instrument, ...]
    others: tuple[Instrument, ...]
    kits: tuple[int, ...]
    drums: dict[int, str]
    walking: bool = False
    sustained: bool = False


def _all(low: int, high: int, *programs: int) -> tuple[Instrument, ...]:
    return tuple(Instrument(program, low, high) for program in programs)


SINGERS = _all(52, 76, 52, 53, 54)
KICK, STICK, SNARE, CLAP, LOW, CLOSED, MID, OPEN, HIGH = 36, 37, 38, 39, 41, 42, 45, 46, 48
CRASH, RIDE, TAMBOURINE, COWBELL, HIGH_CONGA, LOW_CONGA, SHAKER, CLAVES = 49, 51, 54, 56, 63, 64, 70, 75

GENRES = {
    "rock": Genre(
        *((100, 160), (0.5, 0.52), 4, ("minor", "mixolydian", "major"), ((0, 3, 4, 3), (0, 6, 3, 0), (0, 5, 3, 4))),
        (*SINGERS, *_all(55, 84, 29, 30, 81)),
        _all(28, 52, 33, 34),
        _all(40, 76, 27, 29, 30, 18),
        (0, 8, 16),
        {KICK: "9000001082100100", SNARE: "0000900100009001", CLOSED: "9090909090909090", CRASH: "2000000000000000"},
    ),
    "funk": Genre(
        *((90, 118), (0.5, 0.6), 4, ("dorian", "mixolydian"), ((0, 0, 3, 0), (0, 0, 0, 4), (0, 3, 0, 3))),
        (*SINGERS, *_all(56, 82, 61, 62, 80)),
        _all(28, 55, 36, 37),
        _all(48, 79, 7, 4, 28, 61),
        (0, 8),
        {KICK: "9020010380200300", SNARE: "0000900203009002", CLOSED: "9696969696969694", OPEN: "0000000000000040"},
    ),
    "swing": Genre(
        *((110, 190), (0.6, 0.68), 4, ("major", "mixolydian", "dorian"), ((1, 4, 0, 5), (0, 5, 1, 4), (0, 0, 3, 0))),
        _all(54, 82, 56, 59, 64, 65, 66, 71),
        _all(28, 52, 32, 43),
        _all(48, 79, 0, 1, 26, 11),
        (32, 40),
        {RIDE: "9000906090009060", KICK: "3000200030002001", SNARE: "0001002000010030", 44: "0000900000009000"},
        walking=True,
    ),
    "waltz": Genre(
        *((90, 170), (0.5, 0.54), 3, ("major", "minor", "harmonic minor"), ((0, 4, 4, 0), (0, 3, 4, 0), (0, 5, 3, 4))),
        _all(60, 88, 21, 22, 40, 73, 75),
        _all(28, 52, 35, 58),
        _all(45, 79, 21, 24, 25, 105),
        (0, 48),
        {KICK: "900000000000", STICK: "000080008000", TAMBOURINE: "000060206020"},
    ),
    "ballad": Genre(
        *((56, 84), (0.5, 0.56), 4, ("major", "minor"), ((0, 5, 3, 4), (0, 4, 5, 3), (5, 3, 0, 4))),
        (*SINGERS, *_all(55, 84, 42, 68, 69)),
        _all(28, 50, 33, 35, 32),
        _all(45, 81, 0, 2, 4, 5, 24, 48, 49, 50, 89),
        (0, 8),
        {KICK: "9000000060300000", STICK: "0000800000008000", CLOSED: "8060806080608060", SNARE: "0000200000002001"},
        sustained=True,
    ),
    "electronic": Genre(
        *((110, 140), (0.5, 0.5), 4, ("minor", "dorian", "harmonic minor"), ((0, 0, 5, 6), (0, 5, 2, 6), (0, 3, 0, 4))),
        (*SINGERS, *_all(55, 88, 80, 81, 84, 87)),
        _all(28, 50, 38, 39, 87),
        _all(48, 84, 88, 90, 91, 95, 81, 62, 50),
        (24, 25),
        {KICK: "9000900090009002", CLAP: "0000900000009000", CLOSED: "2294229422942294", OPEN: "0070007000700070"},
    ),
    "latin": Genre(
        *((84, 128), (0.5, 0.52), 4, ("minor", "harmonic minor", "major"), ((0, 3, 4, 0), (0, 6, 5, 4), (1, 4, 0, 0))),
        (*SINGERS, *_all(55, 84, 56, 57, 73, 24)),
        _all(28, 52, 32, 33),
        _all(48, 84, 0, 24, 25, 12, 108),
        (0,),
        {
            **{CLAVES: "9002009000909000", HIGH_CONGA: "3060903060309060", LOW_CONGA: "0000000300008080"},
            **{SHAKER: "8484848484848484", COWBELL: "4000400040004000", KICK: "6000006060000060"},
        },
    ),
    "chamber": Genre(
        *((60, 120), (0.5, 0.5), 4, ("major", "minor", "harmonic minor"), ((0, 3, 4, 0), (0, 5, 1, 4), (0, 4, 0, 3))),
        _all(57, 90, 40, 41, 68, 71, 72, 73),
        _all(36, 57, 42, 43, 70),
        _all(45, 84, 6, 46, 45, 48, 60, 19),
        (48,),
        {LOW: "3000000010000000", MID: "1000003000001000", HIGH: "0000200000000020", CRASH: "1000000000000000"},
        sustained=True,
    ),
    "reggae": Genre(
        *((66, 92), (0.5, 0.62), 4, ("minor", "major", "dorian"), ((0, 3, 0, 4), (0, 6, 0, 6), (0, 4, 5, 3))),
        (*SINGERS, *_all(55, 82, 22, 57, 67)),
        _all(26, 50, 33, 35),
        _all(48, 76, 16, 17, 27, 4),
        (0, 16),
        {KICK: "0000000090000000", STICK: "0000100092000010", CLOSED: "7090709070907090", HIGH: "0010000000000011"},
    ),
}


@dataclass(frozen=True)
class Kind:
    """A kind of band.

    Parameters
    ----------
    genre
        Key of :data:`GENRES`.
    speech
        Whether somebody speaks instead of the lead.
    kit
        Name of a recorded drum kit that is played instead of the sound font's.
    """

    genre: str
    speech: bool = False
    kit: str | None = None


SPEECH = "speech"


def kinds_of_bands(kits: tuple[str, ...], left_out: tuple[str, ...] = ()) -> dict[str, Kind]:
    """Name the kinds of bands: the genres, speech over music, and a rock band for each recorded drum kit.

    A genre that is left out is not played by speakers and kits either.

    Examples
    --------
    >>> sorted(set(kinds_of_bands(("gogodze",))) - set(kinds_of_bands(("gogodze",), ("rock",))))
    ['gogodze', 'rock']

    Raises
    ------
    InputError
        If a kit has the name of another kind.
    """
    if clash := {*GENRES, SPEECH} & set(kits):
        raise InputError(f"the drum kit '{min(clash)}' has the name of a kind of band; name it otherwise")
    kinds = {name: Kind(name) for name in GENRES}
    kinds[SPEECH] = Kind("ballad", speech=True)
    kinds |= {name: Kind("rock", kit=name) for name in kits}
    return {name: kind for name, kind in kinds.items() if not {name, kind.genre} & set(left_out)}
