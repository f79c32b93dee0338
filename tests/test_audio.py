"""Files in and out: every format comes back as it was, to the bit, and what is broken is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from debleed.io import audio, carried, writing
from debleed.io.session import session_path
from debleed.recording import InputError
from takes import RATE, back, noise, put


@pytest.mark.parametrize(("name", "subtype"), [("a.ogg", "VORBIS"), ("a.opus", "OPUS"), ("a.mp3", "MPEG_LAYER_III")])
def test_lossy_files_read_the_same_in_any_order(tmp_path, name, subtype):
    path = put(tmp_path / name, noise(200000), rate=48000, subtype=subtype)
    whole = sf.read(path, dtype="float32")[0]
    file = audio.AudioFile(path)
    for start in np.random.default_rng(1).integers(0, len(whole) - 3000, 100):
        got = file.read(start, start + 3000, np.float32)[0]
        np.testing.assert_allclose(got, whole[start : start + 3000], atol=1e-6)


def test_numbers_of_more_than_24_bits_are_read_as_float64(tmp_path):
    short, long = (
        put(tmp_path / "a.wav", noise(9), subtype="PCM_24"),
        put(tmp_path / "b.wav", noise(9), subtype="PCM_32"),
    )
    assert audio.Take.open([short]).recording().read().dtype == np.float32
    assert audio.Take.open([short, long]).recording().read().dtype == np.float64


def test_a_stereo_file_is_two_microphones_of_one_source(tmp_path):
    put(tmp_path / "bass.wav", noise(50))
    stereo = noise(50, 2, seed=1)
    put(tmp_path / "piano.wav", stereo, subtype="DOUBLE")
    recording = audio.load(tmp_path)
    assert recording.names == ("bass", "piano.L", "piano.R")
    assert recording.sources == ("bass", "piano", "piano")
    np.testing.assert_array_equal(recording.read(10, 20)[1:], stereo[10:20].T)


def test_one_file_is_a_microphone_a_channel(tmp_path):
    path = put(tmp_path / "gig.wav", noise(50, 5))
    assert audio.load(path).sources == ("ch1", "ch2", "ch3", "ch4", "ch5")
    (written,), _ = back([path], tmp_path / "out", poly=True)
    np.testing.assert_array_equal(sf.read(written)[0], sf.read(path)[0])


def test_many_channels_in_a_folder_are_refused(tmp_path):
    put(tmp_path / "kit.wav", noise(50, 5))
    with pytest.raises(InputError, match=r"kit\.wav.*5 channels"):
        audio.load(tmp_path)


def test_only_audio_files_directly_in_the_folder_count(tmp_path, caplog):
    for name in ("b.wav", "A.WAV", "sub/c.wav", "._b.wav"):
        put(tmp_path / name, noise(9), container="WAV")
    (tmp_path / "notes.txt").write_text("hello")
    caplog.set_level("INFO", "debleed")
    assert audio.load(tmp_path).names == ("A", "b")
    assert "._b.wav, notes.txt, sub" in caplog.text


@pytest.mark.parametrize("rates", [(8000, 16000), (44100, 48000), (22050, 44100), (11025, 48000)])
def test_resampled_files_stay_aligned(tmp_path, rates):
    for rate in rates:
        time = np.arange(2 * rate)[:, None] / rate
        put(tmp_path / f"{rate}.wav", 0.5 * np.sin(2 * np.pi * 440 * time), rate=rate, subtype="FLOAT")
    recording = audio.load(tmp_path)
    assert (recording.rate, recording.length) == (max(rates), 2 * max(rates))
    inner = recording.read(2000, recording.length - 2000)
    np.testing.assert_allclose(inner[0], inner[1], atol=1e-5)


def test_resampled_files_read_the_same_in_any_order(tmp_path):
    put(tmp_path / "a.wav", noise(60000), rate=8000)
    put(tmp_path / "b.wav", noise(60000), rate=11025)
    recording = audio.load(tmp_path)
    whole = recording.read()
    for start, stop in [(50000, 60000), (0, 10), (33074, 33077), (70, 70), (0, recording.length)]:
        np.testing.assert_array_equal(recording.read(start, stop), whole[:, start:stop])


@pytest.mark.parametrize(
    ("name", "container"),
    [("a.wav", "WAV"), ("a.wav", "RF64"), ("a.w64", "W64"), ("a.aif", "AIFF"), ("a.flac", "FLAC")],
)
def test_a_file_shorter_than_its_header_says_is_refused(tmp_path, name, container):
    path = put(tmp_path / name, noise(20000), container=container)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(InputError, match=name):
        audio.load(path).read()


@pytest.mark.parametrize("content", [b"", b"hello, I am no sound\n" * 50, b"RIFF\0\0\0\0WAVEfmt "])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.aif"])
def test_what_is_no_sound_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        audio.load(tmp_path)


def test_a_file_without_samples_is_refused(tmp_path):
    put(tmp_path / "a.wav", noise(0))
    with pytest.raises(InputError, match=r"a\.wav.*no samples"):
        audio.load(tmp_path)


@pytest.mark.parametrize(("one", "two"), [("vox.wav", "vox.flac"), ("vox.wav", "VOX.wav"), ("vox.wav", "Vox.FLAC")])
def test_one_stem_twice_is_refused_naming_both(tmp_path, one, two):
    for name in (one, two):
        put(tmp_path / name, noise(9))
    with pytest.raises(InputError, match=f"(?=.*{one})(?=.*{two})"):
        audio.load(tmp_path)


def test_a_file_named_like_a_side_of_a_pair_is_refused(tmp_path):
    put(tmp_path / "a.wav", noise(9, 2))
    put(tmp_path / "a.R.wav", noise(9))
    with pytest.raises(InputError, match=r"'a\.R' has the name of one side of the stereo pair 'a'"):
        audio.load(tmp_path)


def test_folders_without_sound_are_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match=folder.name):
            audio.load(folder)


def test_a_mixture_is_the_mean_of_its_channels_at_the_recordings_rate(tmp_path):
    stereo = noise(100, 2)
    path = put(tmp_path / "mix.wav", stereo, subtype="DOUBLE")
    np.testing.assert_allclose(audio.load_mixture(path, RATE, 100).read()[0], stereo.mean(1), atol=1e-15)
    assert audio.load_mixture(path, 2 * RATE, 200).read().shape == (1, 200)
    with pytest.raises(InputError, match=r"mix\.wav"):
        audio.load_mixture(path, RATE, 100000)


def test_the_truth_goes_by_stem_at_the_takes_rate_and_length(tmp_path):
    mics = [put(tmp_path / "mics" / name, noise(200)) for name in ("a.wav", "b.wav")]
    for name in ("a.flac", "b.wav", "other.wav"):
        put(tmp_path / "truth" / name, noise(190))
    truth = audio.load_like(tmp_path / "truth", audio.Take.open(mics))
    assert (truth.names, truth.rate, truth.length) == (("a", "b"), RATE, 200)
    assert not truth.read(190, 200).any()


def test_the_truth_of_a_file_goes_by_channel(tmp_path):
    mics = put(tmp_path / "mics.wav", noise(200, 2))
    carried.append(mics, [(b"bext", b"sTRK1=Boom\r\nsTRK2=Lav\r\n".ljust(602, b"\0"))])
    truth = audio.load_like(put(tmp_path / "truth.wav", noise(200, 2)), audio.open_take(mics))
    assert truth.names == audio.load(mics).names == ("Boom", "Lav")


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_may_be_texts(tmp_path, kind):
    for name in "ab":
        put(tmp_path / "in" / f"{name}.wav", noise(100))
    folder, file = kind(tmp_path / "in"), kind(tmp_path / "in" / "a.wav")
    whole = audio.load(folder)
    assert whole.names == ("a", "b")
    take = audio.open_take(folder)
    assert audio.load_like(folder, take).names == ("a", "b")
    assert audio.load_mixture(file, RATE, 100).names == ("a",)
    assert audio.Take.open([file]).units == ("a",)
    assert audio.AudioFile(file).path == tmp_path / "in" / "a.wav"
    assert audio.is_audio(file)
    assert len(audio.audio_files(folder)) == 2
    assert session_path(folder) == tmp_path / "in" / "session.toml"
    written, _ = writing.write_take(take, whole, kind(tmp_path))
    assert written == [tmp_path / "a.wav", tmp_path / "b.wav"]
    assert writing.write_mics(kind(tmp_path / "out"), whole) == [tmp_path / "out" / f"{name}.wav" for name in "ab"]
