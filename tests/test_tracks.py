from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from debleed.recording import InputError
from debleed.scenes.tracks import common_stems, find_tracks, musdb_complaints


def put(
    root: Path, track: str, stems: tuple[str, ...], frames: int = 100, rate: int = 44100, channels: int = 2
) -> None:
    folder = root / track
    folder.mkdir(parents=True, exist_ok=True)
    for stem in stems:
        soundfile.write(folder / f"{stem}.wav", np.zeros((frames, channels)), rate, "PCM_16")


FOUR = ("vocals", "bass", "drums", "other")


def test_finds_tracks_and_their_stems(tmp_path: Path) -> None:
    put(tmp_path, "train/B", (*FOUR, "mixture"))
    put(tmp_path, "test/A - a", FOUR)
    (tmp_path / "train/empty").mkdir()
    (tmp_path / ".hidden/x").mkdir(parents=True)
    tracks = find_tracks(tmp_path)
    assert [track.id for track in tracks] == ["test/A - a", "train/B"]
    assert common_stems(tracks) == ("bass", "drums", "other", "vocals")
    assert tracks[1].take(("vocals",), None).units == ("vocals",)


def test_any_names_and_a_missing_stem(tmp_path: Path) -> None:
    put(tmp_path, "a/1", ("kick", "snare"))
    put(tmp_path, "a/2", ("kick",))
    tracks = find_tracks(tmp_path)
    assert common_stems(tracks) == ("kick", "snare")
    with pytest.raises(InputError, match=r"a/2' lacks snare; it has kick"):
        tracks[1].take(("kick", "snare"), None)


def test_what_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        find_tracks(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"<split>/<track>/<stem>\.wav"):
        find_tracks(tmp_path)
    put(tmp_path, "a/1", ("mixture",))
    with pytest.raises(InputError, match="only the mixture"):
        find_tracks(tmp_path)[0].stems()


def test_musdb_is_checked(tmp_path: Path) -> None:
    for number in range(50):
        put(tmp_path, f"test/{number:02d}", (*FOUR, "mixture"))
    for number in range(100):
        put(tmp_path, f"train/{number:02d}", (*FOUR, "mixture"))
    assert musdb_complaints(tmp_path) == []

    (tmp_path / "test/03/bass.wav").unlink()
    whole = (tmp_path / "test/04/drums.wav").read_bytes()
    (tmp_path / "test/04/drums.wav").write_bytes(whole[:-40])
    put(tmp_path, "train/05", ("vocals",), frames=90)
    put(tmp_path, "train/06", ("other",), rate=48000)
    put(tmp_path, "more/07", FOUR)
    (tmp_path / "train/08").rename(tmp_path / "gone")
    found = "\n".join(musdb_complaints(tmp_path))
    assert "train/ has 99 tracks of 100" in found
    assert "more/ is not a split" in found
    assert "test/03 lacks bass.wav" in found
    assert "drums.wav' is truncated" in found
    assert "train/05: its files have 90 to 100 samples" in found
    assert "train/06/other.wav has 2 channels at 48000 Hz" in found
