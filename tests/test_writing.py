import errno

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from debleed.io import audio, chunks, forms, writing
from debleed.io.audio_file import BITS
from debleed.recording import InputError
from takes import RATE, back, noise, put


def described(path):
    info = sf.info(path)
    return info.format, info.subtype, info.samplerate, info.channels, info.frames


FORMATS = [
    *(("a.wav", "WAV", s) for s in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
    *(("a.wav", "WAVEX", s) for s in ("PCM_16", "PCM_24", "FLOAT")),
    *(("a.wav", "RF64", s) for s in ("PCM_24", "FLOAT")),
    *(("a.w64", "W64", s) for s in ("PCM_16", "FLOAT")),
    *(("a.aif", "AIFF", s) for s in ("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
    *(("a.flac", "FLAC", s) for s in ("PCM_S8", "PCM_16", "PCM_24")),
]


@pytest.mark.parametrize(("name", "container", "subtype"), FORMATS)
def test_unchanged_samples_come_back_to_the_bit(tmp_path, name, container, subtype):
    path = put(tmp_path / "in" / name, noise(5001, 2), subtype=subtype, container=container)
    (written,), _ = back([path], tmp_path / "out")
    assert written.name == name
    assert described(written) == described(path) == (container, subtype, RATE, 2, 5001)
    np.testing.assert_array_equal(sf.read(written)[0], sf.read(path)[0])


@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
@pytest.mark.parametrize("name", ["a.wav", "a.aif"])
def test_byte_order_is_kept(tmp_path, name, endian):
    path = put(tmp_path / "in" / name, noise(100), endian=endian)
    (written,), _ = back([path], tmp_path / "out")
    assert written.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "subtype"), [("a.ogg", "VORBIS"), ("a.opus", "OPUS"), ("a.mp3", "MPEG_LAYER_III"), ("a.wav", "ULAW")]
)
def test_lossy_files_come_back_as_24_bit_flac(tmp_path, name, subtype):
    path = put(tmp_path / "in" / name, noise(30000, peak=0.3), rate=48000, subtype=subtype)
    (written,), _ = back([path], tmp_path / "out")
    assert written.name == "a.flac"
    assert described(written) == ("FLAC", "PCM_24", 48000, 1, sf.info(path).frames)
    np.testing.assert_allclose(sf.read(written)[0], sf.read(path)[0], atol=2**-24)


@pytest.mark.parametrize(("rates", "lengths"), [((8000, 11025), (9001, 12345)), ((44100, 48000, 96000), (50000, 1, 9))])
def test_mixed_rates_and_lengths_come_back_to_the_bit(tmp_path, rates, lengths):
    paths = [
        put(tmp_path / "in" / f"{rate}.wav", noise(length), rate=rate, subtype="PCM_24")
        for rate, length in zip(rates, lengths, strict=True)
    ]
    written, _ = back(paths, tmp_path / "out")
    for path, result in zip(paths, written, strict=True):
        assert described(result) == described(path)
        np.testing.assert_array_equal(sf.read(result)[0], sf.read(path)[0])


def test_a_change_at_another_rate_lands_on_its_sample(tmp_path):
    time = np.arange(8000)[:, None] / 8000
    low = put(tmp_path / "in/low.wav", 0.5 * np.sin(2 * np.pi * 300 * time), rate=8000, subtype="FLOAT")
    high = put(tmp_path / "in/high.wav", noise(44100), rate=44100, subtype="FLOAT")
    written, removed = back([low, high], tmp_path / "out", change=lambda x: x * np.float32(0.5), removed=tmp_path / "r")
    np.testing.assert_allclose(sf.read(written[0])[0][500:-500], sf.read(low)[0][500:-500] / 2, atol=1e-5)
    np.testing.assert_allclose(sf.read(written[1])[0], sf.read(high)[0] / 2, atol=1e-7)
    np.testing.assert_allclose(sf.read(removed[0])[0] + sf.read(written[0])[0], sf.read(low)[0], atol=2**-24)


@pytest.mark.parametrize(("name", "container", "subtype"), FORMATS)
@pytest.mark.parametrize("gain", [0.3, -0.9])
def test_input_is_output_plus_removed(tmp_path, name, container, subtype, gain):
    path = put(tmp_path / "in" / name, noise(999), subtype=subtype, container=container)
    (written,), (removed,) = back(
        [path], tmp_path / "out", change=lambda x: x * x.dtype.type(gain), removed=tmp_path / "r"
    )
    total = sf.read(written)[0] + sf.read(removed)[0]
    # a unit in the last place of a float32 peak just below 1 is 2**-24; integers must agree exactly
    tolerance = {"FLOAT": 2**-24, "DOUBLE": 2**-53}.get(subtype, 0)
    np.testing.assert_allclose(total, sf.read(path)[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "subtype", "result"),
    [("a.wav", "PCM_16", "a.wav"), ("a.aif", "PCM_24", "a.aif"), ("a.flac", "PCM_16", "a.wav")],
)
def test_an_overloaded_integer_file_becomes_float(tmp_path, caplog, name, subtype, result):
    samples = noise(5 * RATE, peak=0.5)
    samples[-10:] = 0.9  # late, so that what was written before must change its format
    path = put(tmp_path / "in" / name, samples, subtype=subtype)
    take = audio.Take.open([path])
    recording = take.recording()
    after = recording.with_reader(lambda a, b: 1.5 * recording.read(a, b))
    object.__setattr__(after, "blocks", lambda: ((s, s + 1000) for s in range(0, after.length, 1000)))
    (tmp_path / "out").mkdir()
    (written,), _ = writing.write_take(take, after, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [result] == [written.name]
    assert sf.info(written).subtype == "FLOAT"
    np.testing.assert_allclose(sf.read(written)[0], 1.5 * sf.read(path)[0], atol=2**-16)
    assert "10 samples of " + name in caplog.text


def test_equal_sound_gives_equal_bytes(tmp_path, monkeypatch):
    path = put(tmp_path / "in/a.wav", noise(100), subtype="FLOAT")
    first = back([path], tmp_path / "one")[0][0].read_bytes()
    again = put(tmp_path / "in/a.wav", noise(100), subtype="FLOAT")
    with again.open("r+b") as file:  # another time of day in the input
        peak = next(c for c in chunks.chunks(again) if c.name == b"PEAK")
        file.seek(peak.start + 4)
        file.write(b"\x01\x02\x03\x04")
    assert back([again], tmp_path / "two")[0][0].read_bytes() == first
    written = next(c for c in chunks.chunks(tmp_path / "one/a.wav") if c.name == b"PEAK")
    assert first[written.start + 4 : written.start + 8] == b"\0\0\0\0"


def test_files_too_large_for_wav_become_rf64(tmp_path, monkeypatch):
    monkeypatch.setattr(forms, "PLAIN_LIMIT", 1000)
    path = put(tmp_path / "in/a.wav", noise(2000))
    (written,), _ = back([path], tmp_path / "out")
    assert described(written)[:2] == ("RF64", "PCM_16")
    np.testing.assert_array_equal(sf.read(written)[0], sf.read(path)[0])


def test_a_full_disk_is_noticed(tmp_path, monkeypatch):
    path = put(tmp_path / "in/a.wav", noise(2000))
    monkeypatch.setattr(writing.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100}))
    with pytest.raises(OSError, match="needed") as caught:
        back([path], tmp_path / "out")
    assert caught.value.errno == errno.ENOSPC


def test_microphones_are_written_by_name(tmp_path):
    recording = audio.Recording.from_array(noise(2, 30), RATE, ["a", "b"])
    written = writing.write_mics(tmp_path / "new", recording)
    assert [path.name for path in written] == ["a.wav", "b.wav"]
    np.testing.assert_allclose(audio.load(tmp_path / "new").read(), recording.read(), atol=2**-24)


def test_two_channels_of_one_source_become_the_stereo_file_that_they_are_read_from(tmp_path):
    names, sources = ["a", "b.L", "b.R", "c.L", "c.R", "d.R"], ["a", "b", "b", "x", "y", "d"]
    recording = audio.Recording.from_array(noise(6, 30), RATE, names, sources)
    written = writing.write_mics(tmp_path / "new", recording, "FLOAT")
    assert [path.name for path in written] == ["a.wav", "b.wav", "c.L.wav", "c.R.wav", "d.R.wav"]
    again = audio.load(tmp_path / "new")
    assert list(again.names) == names
    np.testing.assert_array_equal(again.read(), recording.read().astype(np.float32))


@given(
    arrays(np.float64, (2, 50), elements=st.floats(-1.5, 1.5)),
    st.sampled_from(sorted(BITS.values())),
)
def test_rounding_stays_within_half_a_step(samples, bits):
    grid, overloads = writing.to_grid(samples, bits)
    full = 2 ** (bits - 1)
    assert (grid == np.rint(grid)).all()
    assert np.abs(grid - samples * full).max() <= 0.5
    assert overloads == np.count_nonzero((grid > full - 1) | (grid < -full))


def test_what_was_rounded_stays_as_it_is():
    grid = np.arange(-(2**15), 2**15)[None] / 2**15
    found, overloads = writing.to_grid(grid, 16)
    assert np.array_equal(found, grid * 2**15)
    assert not overloads


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_no_sample_is_written_that_is_no_number(tmp_path, subtype, number):
    path = put(tmp_path / "in/a.wav", noise(2000), subtype=subtype)
    with pytest.raises(InputError, match="the result for 'a' has samples that are no numbers"):
        back(
            [path], tmp_path / "out", change=lambda samples: np.where(np.arange(samples.shape[1]) == 7, number, samples)
        )
    assert not list((tmp_path / "out").glob("*.wav"))


def test_no_sample_is_written_that_becomes_infinite(tmp_path):
    recording = audio.Recording.from_array(np.full((1, 9), 1e39), RATE, ["a"])
    with pytest.raises(InputError, match="no numbers"):
        writing.write_mics(tmp_path / "new", recording, "FLOAT")
