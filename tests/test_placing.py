import errno
import os

import pytest

from debleed.io import placing
from debleed.io.placing import Move, place_all
from debleed.recording import InputError


@pytest.fixture
def moves(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    for name in "ab":
        (work / name).write_text(f"new {name}")
    return [Move(work / name, tmp_path / "out" / name) for name in "ab"]


def placed(tmp_path):
    assert not list((tmp_path / "work").iterdir())
    return {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}


def refusing(monkeypatch, number):
    def refuse(*_, **__):
        raise OSError(number, "as some disks do")

    monkeypatch.setattr(placing.os, "link", refuse)


@pytest.mark.parametrize("disk", ["usual", "without links", "another"])
@pytest.mark.parametrize("force", [False, True])
def test_files_come_to_their_places(moves, tmp_path, monkeypatch, disk, force):
    if disk == "without links":
        refusing(monkeypatch, errno.EPERM)
    if disk == "another":
        across(monkeypatch, tmp_path)
    place_all(moves, force)
    place_all(moves, force)  # a call that was killed at its end is repeated
    assert placed(tmp_path) == {"a": "new a", "b": "new b"}


def across(monkeypatch, tmp_path):
    """Let the work be on another file system than the places."""
    link, replace = os.link, placing.Path.replace

    def checked(work):
        def moving(source, target):
            if placing.Path(source).parent == tmp_path / "work":
                raise OSError(errno.EXDEV, "another disk")
            return work(source, target)

        return moving

    monkeypatch.setattr(placing.os, "link", checked(link))
    monkeypatch.setattr(placing.Path, "replace", checked(replace))


@pytest.mark.parametrize("disk", ["usual", "without links"])
def test_what_is_there_stays_and_nothing_is_placed(moves, tmp_path, monkeypatch, disk):
    if disk == "without links":
        refusing(monkeypatch, errno.EPERM)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b").write_text("mine")
    with pytest.raises(InputError, match="b' exists already"):
        place_all(moves, False)
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {"b": "mine"}
    place_all(moves, True)
    assert placed(tmp_path) == {"a": "new a", "b": "new b"}


@pytest.mark.parametrize("disk", ["usual", "without links"])
def test_what_appears_in_this_moment_stays(moves, tmp_path, monkeypatch, disk):
    if disk == "without links":
        refusing(monkeypatch, errno.EPERM)
    real = placing._place

    def late(move, *rest):
        if move.target.name == "b":
            move.target.write_text("mine")
        real(move, *rest)

    monkeypatch.setattr(placing, "_place", late)
    with pytest.raises(InputError, match="b' exists already"):
        place_all(moves, False)
    assert (tmp_path / "out" / "b").read_text() == "mine"
    assert moves[1].source.read_text() == "new b"


def test_a_kill_between_linking_and_unlinking(moves, tmp_path):
    (tmp_path / "out").mkdir()
    os.link(moves[0].source, moves[0].target)
    place_all(moves, False, again=True)
    assert placed(tmp_path) == {"a": "new a", "b": "new b"}


def test_a_kill_after_a_place_was_claimed(moves, tmp_path):
    (tmp_path / "out").mkdir()
    moves[0].target.touch()
    with pytest.raises(InputError, match="exists already"):  # it may be somebody's, who begins to write
        place_all(moves, False)
    place_all(moves, False, again=True)
    assert placed(tmp_path) == {"a": "new a", "b": "new b"}


def test_a_file_that_is_gone_is_said_before_anything_is_placed(moves, tmp_path):
    moves[1].source.unlink()
    with pytest.raises(InputError, match="somebody moved it away"):
        place_all(moves, False)
    assert not (tmp_path / "out").exists()
