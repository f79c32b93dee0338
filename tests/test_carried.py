"""What is written in a file beside its sound survives into the results."""

import struct

import numpy as np
import pytest
import soundfile as sf

from debleed.io import carried, chunks, flac
from headers import chunk
from takes import back, noise, put

CUES = struct.pack("<III4sIII", 1, 7, 500, b"data", 0, 0, 500)
LABEL = b"adtl" + chunk(b"labl", struct.pack("<I", 7) + b"Chorus\0")
INFO = b"INFO" + chunk(b"INAM", b"A Song\0") + chunk(b"IART", b"Band\0")
WAV = [(b"cue ", CUES), (b"LIST", LABEL), (b"LIST", INFO), (b"smpl", bytes(36)), (b"axml", b"<adm/>")]
MARK = struct.pack(">HHI", 1, 7, 500) + b"\6Chorus\0"
AIFF = [(b"NAME", b"Kick"), (b"MARK", MARK), (b"ANNO", b"odd")]
COMMENT = struct.pack("<I4sI", 4, b"test", 2) + b"".join(
    struct.pack("<I", len(text)) + text for text in (b"TITLE=Kick", b"DESCRIPTION=B\xc3\xbchne")
)
PIXELS = b"picture" * 9000
PICTURE = struct.pack(">II9sIIIIII", 3, 9, b"image/png", 0, 1, 1, 24, 0, len(PIXELS)) + PIXELS
CUE_SHEET = bytes(395) + b"\1" + struct.pack(">QB", 30001, 255) + bytes(27)  # nothing but where the sound ends


@pytest.mark.parametrize(("name", "container"), [("a.wav", "WAV"), ("a.wav", "WAVEX"), ("a.wav", "RF64")])
def test_cue_points_and_info_of_wav(tmp_path, name, container):
    path = put(tmp_path / "in" / name, noise(1001), container=container, subtype="PCM_24")
    carried.append(path, [*WAV, (b"PEAK", bytes(16)), (b"XxXx", b"a program's own")])
    (written,), (removed,) = back([path], tmp_path / "out", removed=tmp_path / "removed")
    for result in (written, removed):
        assert carried.carried(result) == WAV
        assert sf.info(result).frames == 1001
        assert [c.name for c in chunks.chunks(result)].count(b"PEAK") == 0
    np.testing.assert_array_equal(sf.read(written)[0], sf.read(path)[0])


def test_markers_and_names_of_aiff(tmp_path):
    path = put(tmp_path / "in/a.aif", noise(1001), subtype="PCM_24")
    carried.append(path, AIFF)
    (written,), _ = back([path], tmp_path / "out")
    assert carried.carried(written) == AIFF
    data = written.read_bytes()
    assert struct.unpack(">I", data[4:8])[0] == len(data) - 8
    np.testing.assert_array_equal(sf.read(written)[0], sf.read(path)[0])


@pytest.mark.parametrize("tag", [b"", b"ID3\4\0\0\0\0\0\x0a" + bytes(10)])
def test_tags_and_pictures_of_flac(tmp_path, tag):
    path = put(tmp_path / "in/a.flac", noise(30001), subtype="PCM_24")
    blocks = [(flac.COMMENT, COMMENT), (flac.PICTURE, PICTURE), (flac.CUE_SHEET, CUE_SHEET)]
    flac.insert(path, blocks)
    path.write_bytes(tag + path.read_bytes())
    (written,), _ = back([path], tmp_path / "out")
    assert flac.described(written) == blocks
    file = sf.SoundFile(written)
    assert file.title == "Kick"
    np.testing.assert_array_equal(file.read(), sf.read(path)[0])
    file.seek(29000)
    np.testing.assert_array_equal(file.read(), sf.read(path)[0][29000:])


def test_what_does_not_fit_the_format_stays_behind(tmp_path):
    path = put(tmp_path / "in/a.flac", noise(1001))
    flac.insert(path, [(flac.COMMENT, COMMENT)])
    (written,), _ = back([path], tmp_path / "out", change=lambda samples: 3 * samples)  # clips, so it becomes a WAV
    assert written.suffix == ".wav"
    assert carried.carried(written) == []


def test_a_mended_file_keeps_what_is_written_in_it(tmp_path):
    path = put(tmp_path / "in/a.wav", noise(4000))
    carried.append(path, WAV)
    sound = sf.read(path)[0]
    data = bytearray(path.read_bytes())
    data[40:44] = data[4:8] = b"\xff" * 4  # as from a pipe
    path.write_bytes(data)
    (written,), _ = back([path], tmp_path / "out")
    assert carried.carried(written) == WAV
    np.testing.assert_array_equal(sf.read(written)[0], sound)
