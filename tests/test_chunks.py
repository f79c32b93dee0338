import struct

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from debleed.io import audio, carried, chunks
from takes import back, noise, put


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("size", [602, 605])
def test_bext_and_ixml_are_carried_over(tmp_path, container, size):
    path = put(tmp_path / "in/a.wav", noise(101), subtype="PCM_24", container=container)
    extra = [(b"bext", bytes(range(256)) * 2 + b"x" * (size - 512)), (b"iXML", b"<BWFXML></BWFXML>")]
    carried.append(path, extra)
    (written,), _ = back([path], tmp_path / "out")
    assert carried.carried(written) == extra
    assert chunks.missing_bytes(written) == 0
    data = written.read_bytes()
    stated = struct.unpack("<Q", data[20:28]) if container == "RF64" else struct.unpack("<I", data[4:8])
    assert stated[0] == len(data) - 8
    np.testing.assert_array_equal(sf.read(written)[0], sf.read(path)[0])


def test_speaker_positions_are_carried_over(tmp_path):
    path = put(tmp_path / "in/a.wav", noise(10, 2), container="WAVEX")
    with path.open("r+b") as file:
        file.seek(40)
        file.write(struct.pack("<I", 0x600))
    (written,), _ = back([path], tmp_path / "out")
    assert written.read_bytes() == path.read_bytes()


def test_a_wav_written_to_a_pipe_is_read_to_its_end(tmp_path):
    path = put(tmp_path / "a.wav", noise(100))
    data = bytearray(path.read_bytes())
    data[40:44] = data[4:8] = b"\xff" * 4
    path.write_bytes(data)
    assert audio.AudioFile(path).frames == 100


def iff(magic, order, chunk_list):
    body = b"".join(
        name + struct.pack(order + "I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunk_list
    )
    return magic + struct.pack(order + "I", 4 + len(body)) + b"WAVE" + body


letters = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=4, max_size=4)
names = letters.map(str.encode).filter(lambda name: name not in (b"data", b"ds64", b"SSND"))


@given(
    st.sampled_from([(b"RIFF", "<"), (b"RIFX", ">"), (b"FORM", ">")]), st.lists(st.tuples(names, st.binary(max_size=9)))
)
def test_chunks_are_listed_where_they_lie(tmp_path_factory, kind, content):
    path = tmp_path_factory.mktemp("iff") / "a.wav"
    path.write_bytes(iff(*kind, content))
    whole = path.read_bytes()
    found = chunks.chunks(str(path))
    assert [(chunk.name, whole[chunk.start : chunk.start + chunk.size]) for chunk in found] == content


@given(st.lists(st.tuples(st.sampled_from([b"bext", b"iXML"]), st.binary(max_size=9)), min_size=1, max_size=3))
def test_appended_chunks_are_read_back(tmp_path_factory, extra):
    path = tmp_path_factory.mktemp("iff") / "a.wav"
    path.write_bytes(iff(b"RIFF", "<", [(b"fmt ", b"x" * 16), (b"data", b"odd")]))
    carried.append(path, extra)
    assert carried.carried(path) == extra
    assert struct.unpack("<I", path.read_bytes()[4:8])[0] == path.stat().st_size - 8
    assert chunks.missing_bytes(path) == 0


@given(st.binary(max_size=200), st.sampled_from([b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"riff", b"none"]))
def test_hostile_bytes_do_no_harm(tmp_path_factory, content, magic):
    path = tmp_path_factory.mktemp("iff") / "a.wav"
    path.write_bytes(magic + content)
    found = chunks.chunks(path)
    assert all(chunk.start <= path.stat().st_size for chunk in found)
    assert chunks.missing_bytes(path) >= 0
    carried.carried(path)
    chunks.recorded_on(path)


@pytest.mark.parametrize("missing", [0, 1, 50])
def test_missing_bytes_are_counted(tmp_path, missing):
    whole = iff(b"RIFF", "<", [(b"data", b"x" * 100)])
    (tmp_path / "a.wav").write_bytes(whole[: len(whole) - missing])
    assert chunks.missing_bytes(tmp_path / "a.wav") == missing


def test_the_time_of_day_is_forgotten(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(iff(b"RIFF", "<", [(b"PEAK", b"\1\0\0\0" + b"time" + b"rest")]))
    carried.forget_time(path)
    assert b"\1\0\0\0" + b"\0\0\0\0" + b"rest" in path.read_bytes()
    assert b"time" not in path.read_bytes()
