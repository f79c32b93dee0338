import hashlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from debleed import Stage
from debleed.io.stage_file import HEAD, MAGIC, TYPES, read_stage, write_stage
from debleed.recording import InputError

text = st.text('abä✓"\\\n\0😀', max_size=5)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
values = leaves | st.lists(leaves, max_size=3) | st.dictionaries(text, leaves, max_size=3)
headers = st.dictionaries(text, values, max_size=3)
named = st.dictionaries(
    text,
    st.sampled_from(TYPES).flatmap(lambda kind: arrays(kind, array_shapes(min_dims=0, max_dims=3, max_side=3))),
    max_size=3,
)


@given(headers, named)
def test_what_is_written_is_read(tmp_path_factory, header, held):
    path = tmp_path_factory.mktemp("stage") / "a.debleed"
    write_stage(str(path), header, held)
    found, read = read_stage(str(path))
    assert found == header
    assert list(read) == list(held)
    for name, array in held.items():
        assert read[name].dtype == array.dtype
        assert read[name].shape == array.shape
        assert read[name].tobytes() == np.ascontiguousarray(array).tobytes()


def test_equal_stages_are_equal_files(tmp_path):
    held = {"a": np.arange(6.0).reshape(2, 3).T}  # not in C order
    for name in "ab":
        write_stage(tmp_path / name, {"x": 1}, held)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@given(st.data())
def test_every_changed_byte_and_every_cut_is_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("stage") / "a.debleed"
    write_stage(path, {"x": "y"}, {"a": np.arange(3.0)})
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:at])
    else:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :])
    with pytest.raises(InputError):
        read_stage(path)


keys = st.sampled_from(
    [
        "arrays",
        "name",
        "type",
        "shape",
        "method",
        "settings",
        "rate",
        "names",
        "sources",
        "program",
        "recorded",
        "references",
        "soundcheck",
        "copies",
        "mixes",
        "groups",
        "faint",
        "<f4",
        "demix",
    ]
)
hostile = st.recursive(
    leaves | keys | st.just(2**70) | st.just(-1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=12,
)
GOOD = {
    "method": "instantaneous", "settings": {}, "rate": 8000, "names": ["a", "b"], "sources": ["a", "b"],
    "references": [], "soundcheck": {"copies": {}, "mixes": [], "groups": []}, "program": "1", "recorded": None,
    "arrays": [{"name": "matrix", "type": "<f4", "shape": [1]}],
}  # fmt: skip


@given(st.dictionaries(keys, hostile, max_size=3), hostile, st.binary(max_size=20))
def test_any_header_with_a_right_checksum_is_read_or_refused(tmp_path_factory, changed, other, rest):
    path = tmp_path_factory.mktemp("stage") / "a.debleed"
    for header in (GOOD | changed, other):
        text = json.dumps(header).encode()
        whole = HEAD.pack(MAGIC, 1, len(text)) + text + rest
        path.write_bytes(whole + hashlib.sha256(whole).digest())
        with pytest.raises(InputError):  # a stage of two bytes of what was learnt is none
            Stage.load(path)


@pytest.mark.parametrize("length", [2**24 + 1, 2**40, 2**64 - 1])
def test_no_size_is_believed(tmp_path, length):
    path = tmp_path / "a.debleed"
    path.write_bytes(HEAD.pack(MAGIC, 1, length) + b"{}" + bytes(32))
    with pytest.raises(InputError, match="longer than the file"):
        read_stage(path)


def test_other_versions_say_what_to_do(tmp_path):
    path = tmp_path / "a.debleed"
    for version, said in ((2, "install a newer debleed"), (0, "learn it again")):
        path.write_bytes(HEAD.pack(MAGIC, version, 2) + b"{}" + bytes(32))
        with pytest.raises(InputError, match=said):
            read_stage(path)


def test_what_is_no_stage_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(struct.pack("<I", 5))
    for name, said in (("a", "not a saved stage"), ("b", "there is no file"), (".", "is a folder")):
        with pytest.raises(InputError, match=said):
            read_stage(tmp_path / name)


def test_types_that_a_stage_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match="type"):
        write_stage(tmp_path / "a", {}, {"a": np.array(["text"])})
    with pytest.raises(ValueError, match="JSON"):
        write_stage(tmp_path / "a", {"a": float("nan")}, {})
    assert not list(tmp_path.iterdir())
