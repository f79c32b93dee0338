import os
from pathlib import Path

import pytest

from debleed.io.staging import Staging, writable_ancestor
from debleed.recording import InputError


def test_files_appear_all_at_once(tmp_path):
    one, other = tmp_path / "a" / "b", str(tmp_path / "c")
    with Staging() as staging:
        for folder, names in ((one, "xy"), (other, "z")):
            place = staging.folder(folder)
            for name in names:
                (place / name).write_text(name)
        assert not one.exists()
        assert not Path(other).exists()
        assert staging.commit() == [one / "x", one / "y", Path(other) / "z"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "c", "x", "y", "z"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_stays_after_an_error(tmp_path, error):
    (tmp_path / "x").write_text("old")

    def fail():
        with Staging() as staging:
            (staging.folder(tmp_path) / "x").write_text("new")
            raise error

    with pytest.raises(error):
        fail()
    assert (tmp_path / "x").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_not_committed_is_gone(tmp_path):
    with Staging() as staging:
        (staging.folder(tmp_path) / "x").write_text("new")
    assert not list(tmp_path.iterdir())


def test_files_that_are_there_are_replaced_and_others_stay(tmp_path):
    (tmp_path / "x").write_text("old")
    (tmp_path / "y").write_text("other")
    with Staging() as staging:
        (staging.folder(tmp_path) / "x").write_text("new")
        staging.commit()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"x": "new", "y": "other"}


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
