import errno
import types

import pytest

from debleed.io import failures
from debleed.io.failures import is_full_disk, sentence


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EMFILE, "too many files are open"),
        (errno.EFBIG, "larger than this disk"),
        (errno.ENOMEM, "not enough memory"),
        (errno.EIO, "broken"),
    ],
)
def test_failures_are_sentences(number, said):
    failure = OSError(number, "broken", "a file")
    assert said in sentence(failure)
    assert is_full_disk(failure) == (said == "disk is full")


def test_a_disk_without_inodes_is_told_from_a_full_one(tmp_path, monkeypatch):
    left = types.SimpleNamespace(f_files=1000, f_favail=0)
    monkeypatch.setattr(failures.os, "statvfs", lambda _: left, raising=False)
    failure = OSError(errno.ENOSPC, "no space", str(tmp_path / "new" / "file"))
    assert "no inodes left" in sentence(failure)
    left.f_favail = 1
    assert "disk is full" in sentence(failure)
    left.f_files = left.f_favail = 0  # a file system that does not count them
    assert "disk is full" in sentence(failure)
