"""Which recordings a batch has."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from debleed import InputError
from debleed.batch.plan import Batch, planned
from debleed.batch.recordings import DEEPEST, Listed, passed_over, recordings, refuse_inside
from debleed.intake import prepared
from recorders import LENGTHS, RECORDERS, band


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def names(given: Path) -> list[str]:
    return [one.name for one in recordings(given)]


def test_folders_with_audio_or_a_session_are_recordings(tmp_path: Path) -> None:
    for name in ("sat/bass.wav", "fri/set 2/vox.FLAC", "fri/set 1/vox.wav", "pro/session.toml", "pro/audio/1.wav"):
        put(tmp_path / name)
    for name in ("notes/a.txt", ".trash/x/bass.wav", "sun.unfinished/work/bass.wav", "mon/.bass.wav"):
        put(tmp_path / name)
    found = recordings(tmp_path)
    assert [one.name for one in found] == ["fri/set 1", "fri/set 2", "pro", "sat"]
    assert found[0].input == tmp_path.resolve() / "fri" / "set 1"
    assert passed_over(tmp_path, names(tmp_path)) == [".trash", "mon", "notes", "sun.unfinished"]


def test_the_folder_around_the_audio_of_a_recorder_is_the_recording(tmp_path: Path) -> None:
    for name in ("fri/X_LIVE/5F3A/00000001.WAV", "song/Audio Files/Kick_01.wav", "song/Bounced Files/mix.wav"):
        put(tmp_path / name)
    for name in ("fri/show.scn", "sat/X_LIVE/5F3B/00000001.WAV", "sat/X_LIVE/5F3C/00000001.WAV", "sun/set 1/vox.wav"):
        put(tmp_path / name)
    assert names(tmp_path) == ["fri", "sat/X_LIVE/5F3B", "sat/X_LIVE/5F3C", "song", "sun/set 1"]
    put(tmp_path / "song" / "more" / "x.wav")  # of several folders, none is the only one
    assert names(tmp_path)[3:5] == ["song/Audio Files", "song/more"]
    for name in ("X_LIVE/5F3A/00000001.WAV", "show.scn"):  # a card itself
        put(tmp_path / "card" / name)
    assert names(tmp_path / "card") == ["X_LIVE/5F3A"]


def test_the_card_of_a_console_is_one_recording_with_the_names_of_its_scene(tmp_path: Path) -> None:
    recorder = RECORDERS["M32 with a scene"]
    recorder.fill(tmp_path / "gigs" / "fri", band(4))
    (one,) = recordings(tmp_path / "gigs")
    plan = planned(Batch(tmp_path / "gigs", tmp_path / "out"), one)
    assert (plan.name, plan.state, plan.failure) == ("fri", "new", "")
    with closing(prepared(plan.job)) as ready:
        assert ready.recording.names == recorder.units
        assert ready.recording.length == sum(LENGTHS)


def test_folders_far_below_are_none(tmp_path: Path) -> None:
    put(tmp_path.joinpath(*"abcdefg"[:DEEPEST], "x.wav"))
    assert names(tmp_path) == ["a/b/c/d"]
    put(tmp_path.joinpath("b", *"abcdefg"[:DEEPEST], "x.wav"))
    assert names(tmp_path) == ["a/b/c/d"]


def test_links_are_followed_once(tmp_path: Path) -> None:
    put(tmp_path / "gigs" / "a" / "x.wav")
    put(tmp_path / "elsewhere" / "x.wav")
    (tmp_path / "gigs" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "gigs" / "c").mkdir()
    (tmp_path / "gigs" / "c" / "circle").symlink_to(tmp_path / "gigs")
    assert names(tmp_path / "gigs") == ["a", "b"]


def test_a_list_names_recordings(tmp_path: Path) -> None:
    lines = ["# friday", "", "fri/set 1", "  ../card/set 2/ ", f"{tmp_path}/a/b", "poly.wav", "./sat"]
    path = tmp_path / "lists" / "gigs.txt"
    put(path).write_text("\ufeff" + "\r\n".join(lines), "utf-8")
    put(tmp_path / "lists" / "poly.wav")
    absolute = "/".join(tmp_path.parts[1:]) + "/a/b"
    assert recordings(path) == (
        Listed("fri/set 1", tmp_path / "lists" / "fri" / "set 1"),
        Listed("card/set 2", tmp_path / "card" / "set 2"),
        Listed(absolute, tmp_path / "a" / "b"),
        Listed("poly", tmp_path / "lists" / "poly.wav"),
        Listed("sat", tmp_path / "lists" / "sat"),
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "lists no recording"),
        (b"# nothing\n\n", "lists no recording"),
        (b"\xff\xfe\x00", "is not a list"),
        (b"a\nb\nA\n", "would both be in 'a'"),
        (b"a\n../a\n", "would both be in 'a'"),
        (b"fri\nfri/set 1\n", "would both be in 'fri'"),
        (b"fri/set 1\nfri\n", "would both be in 'fri'"),
        (b"a\n/\n", "line 2 of .* is not the path"),
        (b"a\0b\n", "line 1 of .* is not the path"),
        (b"a" * 1_000_001, "too long"),
    ],
)
def test_bad_lists_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(InputError, match=said):
        recordings(tmp_path / "list.txt")


def test_what_is_no_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder or list"):
        recordings(tmp_path / "nowhere")
    with pytest.raises(InputError, match="there is no recording"):
        recordings(tmp_path)
    with pytest.raises(InputError, match=r"is a recording, not a list.*debleed remove"):
        recordings(put(tmp_path / "x.wav"))
    put(tmp_path / "a" / "x.wav")
    with pytest.raises(InputError, match=r"is a recording itself.*debleed remove"):
        recordings(tmp_path)


def test_results_are_never_inside_what_is_read(tmp_path: Path) -> None:
    put(tmp_path / "gigs" / "a" / "x.wav")
    (tmp_path / "link").symlink_to(tmp_path / "gigs")
    found = recordings(tmp_path / "gigs")
    for place in ("gigs", "gigs/clean", "gigs/a", "link/a/b"):
        with pytest.raises(InputError, match="would be inside"):
            refuse_inside(tmp_path / place, tmp_path / "gigs", found)
    refuse_inside(tmp_path / "clean", tmp_path / "gigs", found)
    path = tmp_path / "list.txt"
    put(tmp_path / "clean" / "other" / "y.wav")
    path.write_text(f"gigs/a\nother\n{tmp_path}/clean/other")  # the second one's results would be in the third
    with pytest.raises(InputError, match="results of 'other' would be inside"):
        refuse_inside(tmp_path / "clean", path, recordings(path))
    put(tmp_path / "takes" / "one.wav")
    path.write_text("takes/one.wav")
    refuse_inside(tmp_path / "takes" / "clean", path, recordings(path))
    put(tmp_path / "out" / "takes" / "one" / "two.wav")
    path.write_text("takes/one.wav\nout/takes/one/two.wav")  # the first one's results would lie beside the second
    with pytest.raises(InputError, match="results of 'takes/one' would be inside"):
        refuse_inside(tmp_path / "out", path, recordings(path))
