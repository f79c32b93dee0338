import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.web.limits import (
    LONGEST_NAME,
    Refusal,
    checked_file_name,
    checked_name,
    full_disk,
    refuse_full_disk,
)


@pytest.mark.parametrize("name", ["a", "03 Füße [wet].wav", "a.b", "é" * (LONGEST_NAME // 2)])
def test_names_that_may_stand_in_a_folder(name):
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", " ", " a", "a ", ".a", "..", "a/b", "a\\b", "a\0", "a\nb", "\u202ea", "\ud800", "a" * (LONGEST_NAME + 1)],
)
def test_names_that_may_not(name):
    with pytest.raises(Refusal) as refusal:
        checked_name(name)
    assert refusal.value.status == 400


@given(st.text("ab./\\ \n\0ä", max_size=8))
def test_a_name_stays_in_its_folder(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp()
    try:
        checked_name(name)
    except Refusal:
        return
    assert (folder / name).parent == folder
    assert (folder / name).name == name


def test_only_sound_has_the_name_of_sound():
    assert checked_file_name("a.WAV") == "a.WAV"
    for name in ("a", "a.txt", "wav"):
        with pytest.raises(Refusal) as refusal:
            checked_file_name(name)
        assert refusal.value.status == 415


def test_a_full_disk_is_refused_before(tmp_path):
    refuse_full_disk(tmp_path, 1, 0)
    with pytest.raises(Refusal, match=r"GiB|bytes") as refusal:
        refuse_full_disk(tmp_path, 2**62, 0)
    assert refusal.value.status == 507
    assert full_disk(OSError(errno.ENOSPC, ""))
    assert not full_disk(OSError(errno.EACCES, ""))
