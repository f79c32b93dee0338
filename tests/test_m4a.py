"""AAC and ALAC in MP4 files: what was encoded comes back to the sample, or a sentence says why not."""

import struct
import sys
from contextlib import suppress

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debleed.io import audio
from debleed.io.audio_file import AudioFile
from debleed.recording import InputError
from takes import RATE, back, noise, put

av = pytest.importorskip("av")


def encode(path, samples, codec="aac", container="ipod", flags="", rate=RATE, **options):
    """Write samples ``(samples, channels)``."""
    layout, kind = ("mono", "stereo")[samples.shape[1] - 1], "s16p" if codec == "alac" else "fltp"
    with av.open(str(path), "w", format=container, options={"movflags": flags} if flags else {}) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        stream.format, stream.options = kind, options
        planes = samples.T.astype(np.float32) if kind == "fltp" else np.round(samples.T * 32768).astype(np.int16)
        for start in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes[:, start : start + 1024]), kind, layout)
            frame.sample_rate, frame.pts = rate, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def tone(length):
    return 0.4 * np.sin(2 * np.pi * 0.03 * np.cumsum(1 + np.arange(length) / length))[:, None]


def patched(path, box, at, *values):
    """Write 32-bit numbers into the contents of a box."""
    content = bytearray(path.read_bytes())
    start = content.index(box) + 4 + at
    content[start : start + 4 * len(values)] = struct.pack(f">{len(values)}i", *values)
    target = path.with_name(f"patched-{path.name}")
    target.write_bytes(content)
    return target


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("m4a")


@pytest.fixture(scope="module")
def aac(folder):
    return encode(folder / "aac.m4a", tone(10000), b="48000")


def test_aac_begins_and_ends_at_the_samples_that_were_encoded(aac):
    file = AudioFile(aac)
    assert (file.frames, file.rate, file.channels, file.lossy) == (10000, RATE, 1, True)
    error = file.read(0, 10000, np.float32)[0] - tone(10000)[:, 0]
    assert np.sqrt(np.mean(error[500:-500] ** 2)) < 0.02  # a sample further on, it would be 0.1


def test_aac_reads_the_same_in_any_order(folder):
    path = encode(folder / "noise.m4a", noise(600000), b="16000")  # so few bits that bands are made of noise
    whole = AudioFile(path).read(0, 600000, np.float32)
    file = AudioFile(path)
    for start in np.random.default_rng(1).integers(0, 597000, 12):
        np.testing.assert_array_equal(file.read(start, start + 3000, np.float32), whole[:, start : start + 3000])
    with av.open(str(path)) as decoded:
        first = np.concatenate([frame.to_ndarray() for frame in decoded.decode(audio=0)], axis=1)[:, :200000]
    np.testing.assert_array_equal(whole[:, :200000], first)  # as FFmpeg reads it, while one decoder does


def test_alac_comes_back_as_flac_to_the_bit(folder, tmp_path):
    samples = np.round(noise(9000, 2) * 32767) / 32768
    path = encode(folder / "piano.m4a", samples, "alac")
    other = put(tmp_path / "bass.wav", noise(9000))
    (written, _), _ = back([path, other], tmp_path / "out")
    assert (written.name, sf.info(written).subtype) == ("piano.flac", "PCM_16")
    np.testing.assert_array_equal(sf.read(written)[0], samples)


def test_an_edit_list_in_samples_ends_the_sound(aac):
    per_sample = patched(aac, b"mvhd", 12, RATE)
    assert AudioFile(patched(per_sample, b"elst", 8, 9990, 1024)).frames == 9990
    assert AudioFile(patched(per_sample, b"elst", 8, 20000, 1024)).frames == 10000


@pytest.mark.parametrize(
    ("box", "at", "values", "sentence"),
    [
        (b"elst", 12, [-1], r"edit list cuts the sound, moves it or changes its speed; convert it to WAV"),
        (b"elst", 16, [2 << 16], r"changes its speed"),
        (b"elst", 12, [30000], r"leaves nothing"),
        (b"stts", 8, [5, 1024, 6, 900], r"packets differ in length"),
        (b"stts", 4, [0], r"how long it is"),
        (b"stts", 4, [2000], r"damaged"),
        (b"mdhd", 12, [1000], r"counts time in 1/1000 s"),
    ],
)
def test_what_is_not_clear_to_the_sample_is_refused(aac, box, at, values, sentence):
    with pytest.raises(InputError, match=sentence):
        AudioFile(patched(aac, box, at, *values))


def test_other_files_are_refused_with_what_to_do(folder, aac, monkeypatch):
    with pytest.raises(InputError, match=r"stream in fragments.*convert it to WAV"):
        AudioFile(encode(folder / "f.m4a", tone(3000), container="mp4", flags="frag_keyframe+empty_moov"))
    with pytest.raises(InputError, match=r"AAC without a container.*M4A or WAV"):
        AudioFile(encode(folder / "r", tone(3000), container="adts"))
    with pytest.raises(InputError, match=r"holds mp3.*only AAC-LC and ALAC"):
        AudioFile(encode(folder / "m.m4a", tone(3000), "libmp3lame", "mp4", rate=44100))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"aac\.m4a' is an MP4 file, which needs PyAV.*debleed\[formats\]"):
        audio.open_take(aac)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.integers(0, 255), st.booleans())
def test_damage_is_refused_in_a_sentence_if_at_all(tmp_path, aac, place, value, cut):
    content = bytearray(aac.read_bytes())
    place = len(content) - 1 - place % len(content)
    content[place] = value
    path = tmp_path / "damaged.m4a"
    path.write_bytes(content[:place] if cut else content)
    with suppress(InputError):
        file = AudioFile(path)
        file.read(0, min(file.frames, 20000), np.float32)
        file.close()
