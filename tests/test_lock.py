import errno
import fcntl
import subprocess
import sys

import pytest

from debleed.io import lock
from debleed.io.lock import acquired


def test_a_lock_is_held_once_and_free_when_it_is_closed(tmp_path):
    path = tmp_path / "lock"
    first = acquired(path)
    assert first is not None
    assert acquired(path) is None
    first.close()
    with acquired(path) as again:
        assert again is not None


def test_another_process_is_kept_out_and_its_death_frees_the_lock(tmp_path):
    code = (
        f"import time; from debleed.io.lock import acquired; f = acquired({str(tmp_path / 'lock')!r}); print(bool(f))"
    )
    with subprocess.Popen(
        [sys.executable, "-uc", code + "; time.sleep(60)"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "True\n"
        assert acquired(tmp_path / "lock") is None
        process.kill()
        process.wait()
    with acquired(tmp_path / "lock") as free:
        assert free is not None


def test_a_lock_that_its_holder_deleted_is_not_taken_for_one(tmp_path, monkeypatch):
    path, real = tmp_path / "lock", lock._locked
    calls = []

    def deleted_meanwhile(number):
        calls.append(number)
        if len(calls) == 1:
            path.unlink()  # as its last holder does at its end, between our opening and locking
        return real(number)

    monkeypatch.setattr(lock, "_locked", deleted_meanwhile)
    with acquired(path) as file:
        assert file is not None
        assert path.exists()
        assert acquired(path) is None
    assert len(calls) == 3


def test_a_link_is_no_lock(tmp_path):
    (tmp_path / "song.wav").write_text("mine")
    (tmp_path / "lock").symlink_to("song.wav")
    with pytest.raises(OSError, match="lock"):
        acquired(tmp_path / "lock")
    with pytest.raises(FileNotFoundError):
        acquired(tmp_path / "nowhere" / "lock")


@pytest.mark.parametrize(("number", "works"), [(errno.ENOLCK, True), (errno.EIO, False)])
def test_a_disk_that_knows_no_locks(tmp_path, monkeypatch, number, works):
    def refuse(*_):
        raise OSError(number, "as some disks do")

    monkeypatch.setattr(fcntl, "flock", refuse)
    if works:
        acquired(tmp_path / "lock").close()
    else:
        with pytest.raises(OSError, match="as some disks do"):
            acquired(tmp_path / "lock")
