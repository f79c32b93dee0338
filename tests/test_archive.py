"""Hostile zips are refused before they are unpacked."""

import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_projects import zipped
from debleed.daw import archive
from debleed.daw.archive import Archive
from debleed.recording import InputError


@pytest.mark.parametrize("name", ["../../evil.wav", "/etc/evil", "C:\\evil", "audio\\..\\..\\evil"])
def test_names_that_lead_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="leads outside"):
        Archive(zipped(tmp_path / "a.zip", {"project.xml": b"", name: b"x"}))


def test_what_is_no_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\3\4 and no more")
    with pytest.raises(InputError, match="no zip, or damaged"):
        Archive(path)


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", {"a.wav": bytes(2_000_000), "project.xml": b"<Project/>"})
    Archive(path)  # small, though it grows a thousandfold
    monkeypatch.setattr(archive, "LARGE", 1_000_000)
    with pytest.raises(InputError, match="would grow to"):
        Archive(path)
    monkeypatch.setattr(archive, "MOST_MEMBERS", 1)
    with pytest.raises(InputError, match="holds 2 files"):
        Archive(path)


def test_a_bomb_of_many_gigabytes_that_overlap(tmp_path: Path) -> None:
    """Every entry of the directory names the same compressed bytes."""
    path = zipped(tmp_path / "a.zip", {"0": bytes(10_000_000)})
    whole = path.read_bytes()
    at = whole.index(b"PK\1\2")
    entry, end = whole[at : at + 47], whole[-22:]
    count = 5000
    entries = b"".join(entry[:28] + struct.pack("<H", 4) + entry[30:46] + f"{k:04d}".encode() for k in range(count))
    end = end[:8] + struct.pack("<HHII", count, count, len(entries), at) + end[20:]
    path.write_bytes(whole[:at] + entries + end)
    with pytest.raises(InputError, match="would grow to"):
        Archive(path)


def test_two_of_one_name_and_passwords(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as twice:
        twice.writestr("a", "one")
        with pytest.warns(UserWarning, match="Duplicate"):
            twice.writestr("a", "another")
    with pytest.raises(InputError, match="two files of one name"):
        Archive(tmp_path / "a.zip")
    path = zipped(tmp_path / "b.zip", {"a": b"x"})
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(whole)
    with pytest.raises(InputError, match="encrypted"):
        Archive(path)


def test_members_that_are_damaged_missing_or_large(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"project.xml": b"<Project>" + bytes(range(256)) * 50})
    with pytest.raises(InputError, match="holds no 'other'"):
        Archive(path).read("other", 100)
    with pytest.raises(InputError, match="MiB; refused"):
        Archive(path).read("project.xml", 100)
    whole = bytearray(path.read_bytes())
    whole[60:70] = bytes(10)
    path.write_bytes(whole)
    with pytest.raises(InputError, match="is damaged"):
        Archive(path).unpack("project.xml", tmp_path / "out")


@given(st.integers(0, 400), st.binary(min_size=1, max_size=4), st.integers(0, 400))
def test_bytes_that_change_are_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, at: int, change: bytes, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("zip")
    path = zipped(folder / "a.zip", {"project.xml": b"<Project/>" * 30, "audio/a": b"abc"})
    whole = bytearray(path.read_bytes())
    whole[at : at + len(change)] = change
    path.write_bytes(whole[: len(whole) - cut // 8])
    try:
        found = Archive(path)
        for k, name in enumerate(found.members):
            found.read(name, 10_000)
            found.unpack(name, folder / str(k))
    except InputError as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017
