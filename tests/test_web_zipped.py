import io
import zipfile

import pytest

from debleed.web.zipped import zipped


def test_a_zip_begins_before_its_content_is_there(tmp_path):
    asked = []

    def content():
        for k in range(2):
            asked.append(k)
            path = tmp_path / f"{k}"
            path.write_bytes(b"%d" % k * 9)
            yield f"x/ü{k}.wav", path
            path.unlink()
        yield "x/z", b"z"

    pieces = zipped(content())
    first = next(pieces)
    assert asked == [0]
    with zipfile.ZipFile(io.BytesIO(first + b"".join(pieces))) as packed:
        assert [packed.read(name) for name in ("x/ü0.wav", "x/ü1.wav", "x/z")] == [b"0" * 9, b"1" * 9, b"z"]
        assert {entry.compress_type for entry in packed.infolist()} == {zipfile.ZIP_STORED}


def test_an_error_leaves_no_zip_that_looks_complete():
    def content():
        yield "a", b"a"
        raise OSError("the disk is full")

    got = []
    with pytest.raises(OSError, match="full"):
        got.extend(zipped(content()))
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(b"".join(got)))
