"""The generated corpus: random scores, their MIDI files, and songs by bands of several kinds."""

import shutil
from itertools import pairwise

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.training.generated import bands, render
from debleed.training.generated.bands import Bands, kit_stem, levelled, rendered
from debleed.training.generated.kinds import GENRES, SCALES, SPEECH, Instrument, kinds_of_bands
from debleed.training.generated.midi import DRUMS, midi_file, variable_length
from debleed.training.generated.score import ROLES, Note, Part, draw_score
from debleed.training.material import Song
from debleed.training.stock import generated_stock
from kits import RATE as KIT_RATE
from kits import folder_of_hits

RATE = 22050

needs_players = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not any(path.is_file() for path in render.FONTS),
    reason="needs fluidsynth and FluidR3: apt install fluidsynth fluid-soundfont-gm",
)
needs_speaker = pytest.mark.skipif(shutil.which("flite") is None, reason="needs flite: apt install flite")


@pytest.mark.parametrize("genre", GENRES)
def test_a_seed_is_a_score(genre):
    assert draw_score(genre, 20, "a", 1) == draw_score(genre, 20, "a", 1)
    assert draw_score(genre, 20, "a", 1) != draw_score(genre, 20, "a", 2)


@pytest.mark.parametrize("genre", GENRES)
def test_scores_obey_their_genre(genre):
    kind = GENRES[genre]
    for number in range(5):
        score = draw_score(genre, 30, "obey", number)
        assert kind.tempo[0] <= score.tempo <= kind.tempo[1]
        assert score.scale in kind.scales
        allowed = {(score.tonic + step) % 12 for step in SCALES[score.scale]}
        for role, instruments in (("vocals", kind.leads), ("bass", kind.basses), ("other", kind.others)):
            part = score.parts[role]
            assert part.instrument in instruments
            assert {note.pitch % 12 for note in part.notes} <= allowed
            assert all(part.instrument.low <= note.pitch <= part.instrument.high for note in part.notes)
        assert {note.pitch for note in score.parts["drums"].notes} <= set(kind.drums)
        for part in score.parts.values():
            assert all(1 <= note.velocity <= 127 and note.length > 0 and note.start >= 0 for note in part.notes)


@pytest.mark.parametrize("genre", GENRES)
def test_genres_are_complete(genre):
    kind = GENRES[genre]
    assert {len(chances) for chances in kind.drums.values()} == {4 * kind.beats}
    assert all(len(chords) == 4 for chords in kind.chords)
    for instrument in (*kind.leads, *kind.basses, *kind.others):
        assert 0 <= instrument.program <= 127
        assert instrument.high - instrument.low >= 12  # every pitch class has a place


def test_players_rest_and_play_together():
    starts = [
        [{int(note.start // 4) for note in draw_score("rock", 40, "rest", n).parts[role].notes} for role in ROLES]
        for n in range(8)
    ]
    sounding = np.array([[[k in them for k in range(10)] for them in score] for score in starts])
    assert 0.6 < sounding.mean() < 0.97
    assert (sounding.sum(axis=1) >= 2).mean() > 0.95


def test_melodies_are_doubled_now_and_then():
    shared = []
    for number in range(12):
        parts = draw_score("rock", 40, "double", number).parts
        lead = {round(note.start, 1) for note in parts["vocals"].notes}
        own = [round(note.start, 1) in lead for note in parts["other"].notes]
        shared.append(np.mean(own) if own else 0)
    assert max(shared) > 0.4
    assert min(shared) < 0.3


def test_swing_moves_the_off_beats():
    def off_beats(genre):
        score = draw_score(genre, 60, "swing", 3)
        beats = np.array([note.start for note in score.parts["drums"].notes]) * score.tempo / 60 % 1
        return beats[(beats > 0.4) & (beats < 0.8)]

    assert np.median(off_beats("electronic")) == pytest.approx(0.5, abs=0.06)
    assert 0.56 < np.median(off_beats("swing")) < 0.74


# ------------------------------------------------------------------------------------------------------------- MIDI


def events_of(data):
    """Read the events of our own files: (tick, status, rest)."""
    assert data[:4] == b"MThd"
    assert data[14:18] == b"MTrk"
    assert int.from_bytes(data[18:22], "big") == len(data) - 22
    at, tick, found = 22, 0, []
    while at < len(data):
        delta = 0
        while data[at] & 0x80:
            delta, at = delta << 7 | data[at] & 0x7F, at + 1
        delta, at = delta << 7 | data[at], at + 1
        tick += delta
        length = {0xFF: 3 + data[at + 2], 0xC0: 2}.get(data[at] if data[at] == 0xFF else data[at] & 0xF0, 3)
        found.append((tick, data[at], data[at + 1 : at + length]))
        at += length
    return found


@pytest.mark.parametrize("channel", [0, DRUMS])
def test_midi_files_hold_the_notes(channel):
    notes = (Note(0.0, 0.5, 60, 90), Note(0.5, 200.0, 60, 80), Note(1.25, 0.0001, 64, 70))
    events = events_of(midi_file(Part(Instrument(33, 30, 90), notes), channel))
    assert (0, 0xC0 | channel, bytes([33])) in events
    assert events[-1][1:] == (0xFF, b"\x2f\x00")
    on = [(tick, *rest) for tick, status, rest in events if status == 0x90 | channel]
    off = [(tick, *rest[:1]) for tick, status, rest in events if status == 0x80 | channel]
    assert on == [(0, 60, 90), (500, 60, 80), (1250, 64, 70)]
    assert off == [(500, 60), (1251, 64), (200_500, 60)]
    assert all(a[0] <= b[0] for a, b in pairwise(events))
    assert [status for tick, status, _ in events if tick == 500] == [0x80 | channel, 0x90 | channel]


def test_variable_lengths():
    assert [variable_length(n).hex() for n in (0, 127, 8192, 16383, 16384)] == ["00", "7f", "c000", "ff7f", "818000"]


# ------------------------------------------------------------------------------------------------------------ sound


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(render.FONT, str(tmp_path / "none.sf2"))
    with pytest.raises(InputError, match=r"none.sf2' \(DEBLEED_SOUNDFONT\) does not exist"):
        render.require_players(speech=True)
    (tmp_path / "none.sf2").touch()
    monkeypatch.setattr(render.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="needs the program 'fluidsynth'"):
        render.require_players(speech=True)
    monkeypatch.delenv(render.FONT)
    monkeypatch.setattr(render, "FONTS", (tmp_path / "elsewhere.sf2",))
    with pytest.raises(InputError, match="install fluid-soundfont-gm"):
        render.sound_font()


def test_stems_have_a_level_while_they_sound(monkeypatch):
    monkeypatch.setattr(bands, "SECONDS", 2.0)
    stem = np.zeros(2 * RATE, np.float32)
    stem[:RATE] = np.random.default_rng(1).standard_normal(RATE)
    assert np.sqrt(np.mean(levelled(stem, 0.1)[:RATE] ** 2)) == pytest.approx(0.1, rel=0.05)
    assert not levelled(np.zeros_like(stem), 0.1).any()


@needs_players
def test_what_is_played_is_heard():
    note = Part(Instrument(73, 40, 90), (Note(0.5, 1.0, 69, 100),))  # a flute, 440 Hz
    sound = render.play(note, False, 2.0, RATE)
    assert sound.shape == (2 * RATE,)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert np.argmax(spectrum) / 2 == pytest.approx(440, abs=4)
    power = [np.mean(sound[a:b] ** 2) for a, b in ((0, 10_000), (12_000, 30_000))]
    assert power[0] < 1e-3 * power[1]


@needs_players
def test_bands_are_rendered_once(tmp_path, monkeypatch):
    monkeypatch.setattr(bands, "SECONDS", 6.0)
    kinds = {name: kind for name, kind in kinds_of_bands(()).items() if name in ("waltz", "funk")}
    recorded = {"real": Song("real", np.ones((4, 9), np.float16), np.ones(4))}
    songs = Bands(kinds, 2, "7", RATE, tmp_path, {}, recorded)
    assert len(songs) == 6
    assert [song.id for song in songs] == ["7/funk/0", "7/waltz/0", "real", "7/funk/1", "7/waltz/1", "real"]
    assert len(list(tmp_path.rglob("*.npy"))) == 4
    again = rendered(kinds["funk"], "7/funk/1", RATE)
    assert np.array_equal(songs[3].samples, again.astype(np.float16))
    assert songs[3].samples.shape == (4, 6 * RATE)
    assert not np.array_equal(songs[0].samples, songs[3].samples)
    assert songs[-1] is songs[2]
    with pytest.raises(IndexError):
        songs[6]


@needs_speaker
def test_speech_has_pauses(monkeypatch):
    monkeypatch.setattr(bands, "SECONDS", 6.0)
    sound = bands.speech(np.random.default_rng(3), RATE)
    assert sound.shape == (6 * RATE,)
    power = np.mean(sound.reshape(-1, 2205) ** 2, axis=1)
    assert 0.05 < np.mean(power < 1e-4 * power.max()) < 0.7


def test_kits_play_their_odd_hits(tmp_path, monkeypatch):
    monkeypatch.setattr(bands, "SECONDS", 2.0)
    kit = folder_of_hits(tmp_path)
    sound = kit_stem(kit, 120, KIT_RATE, 1)
    assert sound.shape == (2 * KIT_RATE,)
    assert sound.any()
    for path in tmp_path.rglob("*.flac"):
        if path.stem.isdigit() and int(path.stem) % 2 == 0:
            path.unlink()
    assert np.array_equal(kit_stem(kit, 120, KIT_RATE, 1), sound)


# ------------------------------------------------------------------------------------------------------------ kinds


def test_a_genre_is_left_out_everywhere():
    every = kinds_of_bands(("big",))
    assert set(every) == {*GENRES, SPEECH, "big"}
    assert "swing" not in kinds_of_bands(("big",), ("swing",))
    assert not {"rock", "big"} & set(kinds_of_bands(("big",), ("rock",)))
    with pytest.raises(InputError, match="kit 'rock' has the name of a kind"):
        kinds_of_bands(("rock",))


@needs_players
@needs_speaker
def test_what_is_left_out_is_only_measured(tmp_path):
    stock = generated_stock(None, ("swing", SPEECH), 3, "1", RATE, tmp_path)
    assert not {"swing", SPEECH} & {*stock.names, *stock.learn.kinds, *stock.validate.kinds}
    assert set(stock.kinds) == {*GENRES, SPEECH}
    seeds = {stock.learn.seed, stock.validate.seed, *(songs.seed for songs in stock.kinds.values())}
    assert len(seeds) == 3
    with pytest.raises(InputError, match="no kind 'polka'; the kinds are rock, funk"):
        generated_stock(None, ("polka",), 3, "1", RATE, tmp_path)
    with pytest.raises(InputError, match="none is left for training"):
        generated_stock(None, (*GENRES, SPEECH), 3, "1", RATE, tmp_path)
