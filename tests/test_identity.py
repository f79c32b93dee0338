import os

import pytest

from debleed.io.identity import Identity, Witness, is_same, is_within
from debleed.recording import InputError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "vox.wav"
    path.write_text("sound")
    return path


def longer(path):
    path.write_text("more sound")


def same_length(path):
    before = path.stat().st_mtime_ns
    path.write_text("SOUND")
    os.utime(path, ns=(before + 1, before + 1))


def replaced(path):
    now = path.stat()
    path.with_name("new").write_text("sound")
    os.utime(path.with_name("new"), ns=(now.st_atime_ns, now.st_mtime_ns))
    path.with_name("new").replace(path)


@pytest.mark.parametrize("change", [longer, same_length, replaced, os.unlink])
def test_every_change_is_noticed(file, change):
    witness = Witness.of([file])
    witness.refuse_changes()
    change(file)
    with pytest.raises(InputError, match=r"vox\.wav' changed while it was read"):
        witness.refuse_changes()


def test_reading_is_no_change(file):
    witness = Witness.of([file])
    file.read_text()
    file.chmod(0o400)
    witness.refuse_changes()
    assert Identity.of(file).size == 5


def test_one_file_by_two_paths(file, tmp_path):
    (tmp_path / "hard").hardlink_to(file)
    (tmp_path / "soft").symlink_to(file)
    assert is_same(file, tmp_path / "hard")
    assert is_same(file, tmp_path / "soft")
    assert not is_same(file, tmp_path / "nowhere")


def test_within_a_folder_by_any_path(tmp_path):
    (tmp_path / "gig" / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "gig")
    for place in ("gig", "gig/new", "gig/a/../b", "link", "link/new/newer"):
        assert is_within(tmp_path / place, tmp_path / "gig")
    for place in ("", "clean", "gig-clean", "gig/../clean"):
        assert not is_within(tmp_path / place, tmp_path / "gig")
