import io
import zipfile

import pytest

from debleed.web.zipped import zipped


def test_a_zip_holds_one_result(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode() * 9)
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 2:
            raise OSError("written anew")

    files = [(tmp_path / name, name) for name in "ab"]
    length, pieces = zipped(files, lambda: None)
    whole = b"".join(pieces)
    assert len(whole) == length
    assert zipfile.ZipFile(io.BytesIO(whole)).read("b") == b"b" * 9
    got = []
    with pytest.raises(OSError, match="written anew"):
        got.extend(zipped(files, check)[1])
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(b"".join(got)))


def test_a_file_that_grows_breaks_the_zip_off(tmp_path):
    (tmp_path / "a").write_bytes(b"a" * 9)
    _, pieces = zipped([(tmp_path / "a", "a")], lambda: None)
    (tmp_path / "a").write_bytes(b"a" * 10)
    with pytest.raises(RuntimeError):
        list(pieces)


def test_a_zip_of_the_same_files_is_the_same(tmp_path):
    (tmp_path / "a").write_bytes(b"a" * 9)
    first, second = (b"".join(zipped([(tmp_path / "a", "x/ü.wav")], lambda: None)[1]) for _ in range(2))
    assert first == second
    (entry,) = zipfile.ZipFile(io.BytesIO(first)).infolist()
    assert (entry.filename, entry.compress_type, entry.file_size) == ("x/ü.wav", zipfile.ZIP_STORED, 9)
