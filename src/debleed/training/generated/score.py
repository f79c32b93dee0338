"""Random scores: what the lead, the bass, the accompaniment and the drums of a band play.

A score is in one key. Each bar has a chord, on which the bass and the accompaniment play, while the lead wanders along
the scale. Every four bars the players change: some rest, and the accompaniment may double the lead's melody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from debleed.seeding import generator
from debleed.training.generated.kinds import GENRES, SCALES, Genre, Instrument

ROLES = ("vocals", "bass", "drums", "other")
"""The stems of a song; the vocals are the lead, whatever plays it."""

SECTION = 4
"""Bars after which the players change."""

RESTS = {"vocals": 0.25, "bass": 0.12, "drums": 0.15, "other": 0.2}
"""How likely each is to rest for a section."""

DOUBLES = 0.25
"""How likely the accompaniment is to double the melody of a section, in unison or an octave away."""

RHYTHMS = (
    (1, 1, 1, 1),
    (2, 1, 1),
    (1.5, 0.5, 1, 1),
    (0.5, 0.5, 1, 0.5, 0.5, 1),
    (0.5,) * 8,
    (3, 1),
    (0.75, 0.75, 0.5, 2),
)
"""Lengths of the notes of a bar, in beats; cut off at the end of a shorter bar."""

LOOSE = 0.008
"""Standard deviation of the onsets, in seconds."""


@dataclass(frozen=True)
class Note:
    """One note: onset and length in seconds, MIDI pitch, and velocity from 1 to 127."""

    start: float
    length: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Part:
    """The notes of one player. The instrument of drums is a kit, whose pitches are its drums."""

    instrument: Instrument
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Score:
    """A score: quarter notes per minute, semitones of the tonic above C, its scale, and a part for each role."""

    tempo: float
    tonic: int
    scale: str
    parts: Mapping[str, Part]


@dataclass(frozen=True)
class _Piece:
    """What all players of a score share, drawn before anybody plays."""

    genre: Genre
    tempo: float
    swing: float
    tonic: int
    scale: str
    bars: tuple[int, ...]
    """Degree of each bar's chord."""
    playing: Mapping[str, tuple[bool, ...]]
    """Whether each role plays in each bar."""

    def seconds(self, bar: int, beat: float) -> float:
        """Return when a beat of a bar is, with swing."""
        whole, part = divmod(beat, 1.0)
        late = 2 * part * self.swing if part < 0.5 else self.swing + (2 * part - 1) * (1 - self.swing)
        return (bar * self.genre.beats + whole + late) * 60 / self.tempo

    def pitch(self, degree: int, instrument: Instrument) -> int:
        """Return the pitch of a degree, brought into the range of an instrument by octaves."""
        scale = SCALES[self.scale]
        pitch = 60 + self.tonic + 12 * (degree // len(scale)) + scale[degree % len(scale)]
        while pitch > instrument.high:
            pitch -= 12
        while pitch < instrument.low:
            pitch += 12
        return pitch


def draw_score(genre: str, seconds: float, *key: object) -> Score:
    """Draw a score of at least so many seconds from a key.

    Examples
    --------
    >>> draw_score("waltz", 8, "a seed", 3) == draw_score("waltz", 8, "a seed", 3)
    True
    """
    rng = generator("score", genre, *key)
    piece = _drawn(GENRES[genre], seconds, rng)
    lead, bass, other = (_one(rng, them) for them in (piece.genre.leads, piece.genre.basses, piece.genre.others))
    kit = Instrument(int(rng.choice(piece.genre.kits)), 27, 87)
    melody = _melody(piece, rng)
    parts = {
        "vocals": Part(lead, _humanised(piece, "vocals", _sung(piece, melody, lead), rng)),
        "bass": Part(bass, _humanised(piece, "bass", _bass(piece, bass, rng), rng)),
        "drums": Part(kit, _humanised(piece, "drums", _drums(piece, rng), rng)),
        "other": Part(other, _humanised(piece, "other", _accompaniment(piece, melody, other, rng), rng)),
    }
    return Score(piece.tempo, piece.tonic, piece.scale, parts)


Event = tuple[int, float, float, int]
"""Bar, beat, length in beats, pitch (of a melody: the degree)."""


def _one(rng: np.random.Generator, them: tuple[Instrument, ...]) -> Instrument:
    return them[int(rng.integers(len(them)))]


def _drawn(genre: Genre, seconds: float, rng: np.random.Generator) -> _Piece:
    tempo, swing = float(rng.uniform(*genre.tempo)), float(rng.uniform(*genre.swing))
    count = SECTION * int(np.ceil(seconds * tempo / 60 / genre.beats / SECTION))
    chords = [genre.chords[int(rng.integers(len(genre.chords)))] for _ in range(2)]  # a verse and a chorus
    bars = [degree for section in range(count // SECTION) for degree in chords[(section // 2) % 2]]
    playing: dict[str, list[bool]] = {role: [] for role in ROLES}
    for _ in range(count // SECTION):
        plays = {role: bool(rng.random() >= RESTS[role]) for role in ROLES}
        if sum(plays.values()) < 2:
            plays = dict.fromkeys(ROLES, True)
        for role in ROLES:
            playing[role] += [plays[role]] * SECTION
    return _Piece(
        *(genre, tempo, swing, int(rng.integers(-6, 6)), str(rng.choice(genre.scales)), tuple(bars)),
        {role: tuple(plays) for role, plays in playing.items()},
    )


def _rhythm(beats: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Draw onsets and lengths within a bar."""
    found, at = [], 0.0
    for length in RHYTHMS[int(rng.integers(len(RHYTHMS)))]:
        if at < beats:
            found.append((at, min(length, beats - at)))
        at += length
    return found


def _melody(piece: _Piece, rng: np.random.Generator) -> list[Event]:
    """Wander along the scale, from a chord's note at the beginning of each bar; the rhythm of a bar often returns."""
    found, degree = [], 0
    rhythm = _rhythm(piece.genre.beats, rng)
    for bar, root in enumerate(piece.bars):
        if rng.random() < 0.5:
            rhythm = _rhythm(piece.genre.beats, rng)
        for index, (beat, length) in enumerate(rhythm):
            degree += int(rng.choice((-2, -1, -1, 0, 1, 1, 2)))
            if index == 0:
                degree = min((root + 7 * octave + third for octave in (-1, 0, 1) for third in (0, 2, 4)),
                             key=lambda near: abs(near - degree))  # fmt: skip
            degree = int(np.clip(degree, -7, 10))
            if rng.random() >= 0.12:
                found.append((bar, beat, length * float(rng.uniform(0.6, 1)), degree))
    return found


def _sung(piece: _Piece, melody: list[Event], instrument: Instrument) -> list[Event]:
    return [(bar, beat, length, piece.pitch(degree, instrument)) for bar, beat, length, degree in melody]


def _bass(piece: _Piece, instrument: Instrument, rng: np.random.Generator) -> list[Event]:
    found = []
    rhythm = _rhythm(piece.genre.beats, rng)
    for bar, root in enumerate(piece.bars):
        if rng.random() < 0.25:
            rhythm = _rhythm(piece.genre.beats, rng)
        steps = [(float(beat), 1.0) for beat in range(piece.genre.beats)] if piece.genre.walking else rhythm
        for beat, length in steps:
            above = int(rng.choice((0, 1, 2, 4, 5, 6) if piece.genre.walking else (0, 0, 0, 0, 4, 7)))
            degree = root + (0 if beat == 0 else above) - 14
            found.append((bar, beat, length * float(rng.uniform(0.5, 0.95)), piece.pitch(degree, instrument)))
    return found


def _accompaniment(piece: _Piece, melody: list[Event], instrument: Instrument, rng: np.random.Generator) -> list[Event]:
    found: list[Event] = []
    for first in range(0, len(piece.bars), SECTION):
        bars = range(first, first + SECTION)
        if rng.random() < DOUBLES:
            shift = int(rng.choice((-7, 0, 7)))
            found += [(b, t, n, piece.pitch(d + shift, instrument)) for b, t, n, d in melody if b in bars]
            continue
        rhythm = [(0.0, float(piece.genre.beats))] if piece.genre.sustained else _rhythm(piece.genre.beats, rng)
        broken = rng.random() < 0.3
        for bar in bars:
            chord = sorted({piece.pitch(piece.bars[bar] + third, instrument) for third in (0, 2, 4)})
            if broken:
                steps = [(0.5 * k, 0.5) for k in range(2 * piece.genre.beats)]
                found += [(bar, beat, 2 * length, chord[k % len(chord)]) for k, (beat, length) in enumerate(steps)]
            else:
                found += [(bar, beat, 0.9 * length, pitch) for beat, length in rhythm for pitch in chord]
    return found


def _drums(piece: _Piece, rng: np.random.Generator) -> list[Event]:
    found = []
    for bar in range(len(piece.bars)):
        for drum, chances in piece.genre.drums.items():
            hits = rng.random(len(chances)) < np.array([int(digit) / 9 for digit in chances])
            found += [(bar, 0.25 * int(step), 0.2, drum) for step in np.flatnonzero(hits)]
    return found


def _humanised(piece: _Piece, role: str, events: list[Event], rng: np.random.Generator) -> tuple[Note, ...]:
    """Turn the bars that a role plays into notes that are neither exactly in time nor equally loud."""
    loud, late = rng.uniform(70, 100), rng.normal(0, LOOSE)
    notes = []
    for bar, beat, length, pitch in events:
        if piece.playing[role][bar]:
            start = max(0.0, piece.seconds(bar, beat) + late + rng.normal(0, LOOSE))
            velocity = int(np.clip(rng.normal(loud + (8 if beat == 0 else 0), 9), 30, 127))
            notes.append(Note(start, max(0.05, length * 60 / piece.tempo), pitch, velocity))
    return tuple(sorted(notes, key=lambda note: note.start))
