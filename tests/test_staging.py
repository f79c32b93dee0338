import os
from pathlib import Path

import pytest

from debleed.io.lock import Busy
from debleed.io.staging import MARK, WORK, Staging, Unfinished, place_of, sweep, writable_ancestor
from debleed.recording import InputError


def test_files_appear_all_at_once(tmp_path):
    out = tmp_path / "a" / "b"
    with Staging(out) as staging:
        (staging.folder("in") / "x").write_text("x")
        (staging.folder() / "y").write_text("y")
        assert not out.exists()
        assert (tmp_path / "a" / "b.unfinished").is_dir()
        assert staging.commit() == [out / "in" / "x", out / "y"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "in", "x", "y"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_stays_after_an_error(tmp_path, error):
    (tmp_path / "x").write_text("old")

    def fail():
        with Staging(tmp_path / "a" / "b") as staging:
            (staging.folder() / "x").write_text("new")
            raise error

    with pytest.raises(error):
        fail()
    assert (tmp_path / "x").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_not_committed_is_gone(tmp_path):
    with Staging(tmp_path / "out") as staging:
        (staging.folder() / "x").write_text("new")
    assert not list(tmp_path.iterdir())


def test_files_that_are_there_are_replaced_by_force_alone_and_others_stay(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "x").write_text("old")
    (out / "y").write_text("other")

    def write(force):
        with Staging(out, force) as staging:
            (staging.folder() / "x").write_text("new")
            staging.commit()

    with pytest.raises(InputError, match="exists already"):
        write(False)
    assert (out / "x").read_text() == "old"
    write(True)
    assert {path.name: path.read_text() for path in out.iterdir()} == {"x": "new", "y": "other"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_run_left_is_swept(tmp_path):
    left = tmp_path / "out.unfinished"
    (left / WORK).mkdir(parents=True)
    (left / MARK).write_text("{}")
    (left / WORK / "half").write_text("half")
    with Staging(tmp_path / "out") as staging:
        (staging.folder() / "x").write_text("new")
        staging.commit()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["out", "x"]


def test_somebody_s_own_folder_of_that_name_is_left_alone(tmp_path):
    own = tmp_path / "out.unfinished"
    own.mkdir()
    (own / "song.wav").write_text("mine")
    with pytest.raises(InputError, match="debleed did not make"), Staging(tmp_path / "out"):
        pass
    assert [path.name for path in own.iterdir()] == ["song.wav"]
    own.rename(tmp_path / "elsewhere")
    own.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="not a folder of debleed"), Staging(tmp_path / "out"):
        pass
    assert (tmp_path / "elsewhere" / "song.wav").read_text() == "mine"


def test_a_file_put_into_the_folder_stays(tmp_path):
    with Unfinished(tmp_path / "out") as unfinished:
        (unfinished.place / "notes.txt").write_text("mine")
    assert [path.name for path in tmp_path.rglob("*")] == ["out.unfinished", "notes.txt"]


def test_two_runs_do_not_share_a_folder(tmp_path):
    with Unfinished(tmp_path / "out") as first:
        with pytest.raises(InputError, match="another run of debleed"), Unfinished(tmp_path / "out"):
            pass
        assert first.work.is_dir()
    with Unfinished(tmp_path / "out"):
        pass
    assert not list(tmp_path.iterdir())


def test_what_is_kept_is_named(tmp_path):
    def fail():
        with Unfinished(tmp_path / "out") as unfinished:
            unfinished.keep = True
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        fail()
    (note,) = caught.value.__notes__
    assert str(tmp_path / "out.unfinished") in note
    with Unfinished(tmp_path / "out") as unfinished:
        unfinished.finish()
    assert not list(tmp_path.iterdir())


def test_a_folder_whose_parent_is_of_no_use_holds_its_own_work(tmp_path, monkeypatch):
    out = tmp_path / "mounted"
    out.mkdir()
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path and real(path, mode))
    assert place_of(out) == out / "mounted.unfinished"


def test_the_nearest_folder_that_is_there(tmp_path, monkeypatch):
    assert writable_ancestor(tmp_path / "a" / "b") == tmp_path
    assert writable_ancestor(tmp_path) == tmp_path
    monkeypatch.chdir(tmp_path)
    assert writable_ancestor("a") == tmp_path
    (tmp_path / "file").touch()
    for below in ("file", "file/a"):
        with pytest.raises(InputError, match="is a file"):
            writable_ancestor(tmp_path / below)


def test_no_permission_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="no permission"):
        writable_ancestor(tmp_path)


def test_what_is_left_of_finished_work_is_swept_and_nothing_else(tmp_path):
    final = tmp_path / "clean"
    sweep(final)
    for end in ("done", "before it", "empty", "kept"):
        with Unfinished(final) as unfinished:
            unfinished.begin({"job": "one"})
            (unfinished.work / "sound").touch()
            if end == "done":
                unfinished.finish()
            unfinished.keep = True  # as after a kill
        if end in ("before it", "empty"):
            (unfinished.work / "sound").unlink()
        if end == "before it":
            unfinished.work.rmdir()
        sweep(final)
        assert unfinished.place.exists() == (end == "kept")
    with Unfinished(final) as held:
        held.finish()
        with pytest.raises(Busy, match="another run"):
            sweep(final)
