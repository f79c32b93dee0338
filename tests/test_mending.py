"""Files as machines leave them: all the sound that is there is read, or one sentence says what is wrong."""

import io

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from debleed.io import audio
from debleed.io.mending import Spliced, mended
from debleed.recording import InputError
from headers import (
    BIG,
    COUNT,
    RATE,
    SAMPLES,
    SOUND,
    W64_FORM,
    aiff,
    chunk,
    flac_of,
    form,
    rf64,
    riff,
    sixty_four,
    w64,
    wide,
)
from takes import back

LIST = b"INFOISFT\3\0\0\0abc"
WHOLE = 36 + 36 + len(SOUND)
UNKNOWN = 0xFFFFFFFF


def encoded(**kind):
    file = io.BytesIO()
    sf.write(file, SAMPLES, RATE, **kind)
    return file.getvalue()


FLAC = encoded(format="FLAC")

SAID = {  # name → bytes, and what is said
    "power_lost.wav": (riff(form(), chunk(b"data", SOUND, 1000)), "says 0.1 s, but it holds 0.5 s"),
    "power_lost_in_step.wav": (riff(form(), chunk(b"data", SOUND, 1000), size=1036), "says 0.1 s, but it holds 0.5 s"),
    "never_closed.wav": (riff(form(), chunk(b"data", SOUND, 0), size=36), "says 0.0 s, but it holds 0.5 s"),
    "never_closed_junk.wav": (riff(chunk(b"JUNK", bytes(28)), form(), chunk(b"data", SOUND, 0), size=0), "holds 0.5 s"),
    "never_closed_list.wav": (riff(form(), chunk(b"data", SOUND, 0), chunk(b"LIST", LIST)), "holds 0.5 s"),
    "pipe.wav": (riff(form(), chunk(b"data", SOUND, UNKNOWN), size=UNKNOWN), "does not say how long"),
    "pipe_list.wav": (riff(form(), chunk(b"data", SOUND, UNKNOWN), chunk(b"LIST", LIST)), "does not say how long"),
    "pipe_31_bits.wav": (riff(form(), chunk(b"data", SOUND, 2**31 - 1 - 36), size=2**31 - 1), "does not say how long"),
    "pipe_sox.wav": (riff(form(), chunk(b"data", SOUND, 0x7FFFF000), size=0x7FFFF024), "does not say how long"),
    "two_data.wav": (riff(form(), chunk(b"data", SOUND[:4000]), chunk(b"data", SOUND[4000:])), "2 chunks of sound"),
    "two_fmt.wav": (riff(form(), form(), chunk(b"data", SOUND)), ""),
    "fmt_last.wav": (riff(chunk(b"data", SOUND), form()), ""),
    "odd_list.wav": (riff(form(), chunk(b"LIST", LIST, padded=False), chunk(b"data", SOUND)), ""),
    "zoom.wav": (riff(form(), chunk(b"LIST", b"adtl" + b"\1" * 393211, padded=False), chunk(b"data", SOUND)), ""),
    "odd_list_last.wav": (riff(form(), chunk(b"data", SOUND), chunk(b"LIST", LIST, padded=False), form()), ""),
    "block_0.wav": (riff(form(block=0), chunk(b"data", SOUND)), ""),
    "block_4.wav": (riff(form(block=4), chunk(b"data", SOUND)), ""),
    "bw64.wav": (
        rf64(sixty_four(WHOLE, len(SOUND), COUNT), form(), chunk(b"data", SOUND, UNKNOWN), magic=b"BW64"),
        "",
    ),
    "bw64_as_riff.wav": (riff(form(), chunk(b"data", SOUND), magic=b"BW64"), ""),
    "rf64.wav": (rf64(sixty_four(WHOLE, len(SOUND), COUNT), form(), chunk(b"data", SOUND, UNKNOWN)), ""),
    "rf64_open.wav": (rf64(sixty_four(0, 0, 0), form(), chunk(b"data", SOUND, UNKNOWN)), "holds 0.5 s"),
    "rf64_2_63.wav": (rf64(sixty_four(2**63, 2**63, 2**63 - 1), form(), chunk(b"data", SOUND, UNKNOWN)), "how long"),
    "rf64_2_64.wav": (rf64(sixty_four(*[2**64 - 1] * 3), form(), chunk(b"data", SOUND, UNKNOWN)), "how long"),
    "rf64_bare.wav": (rf64(b"", form(), chunk(b"data", SOUND, UNKNOWN)), "how long"),
    "rf64_lost.wav": (rf64(sixty_four(1000, 1000, 500), form(), chunk(b"data", SOUND, UNKNOWN)), "says 0.1 s"),
    "pipe.w64": (w64(W64_FORM, wide(b"data", SOUND, 2**63 + 23), size=2**63), "how long"),
    "pipe_2_64.w64": (w64(W64_FORM, wide(b"data", SOUND, 2**64 - 1), size=2**64 - 1), "how long"),
    "open.w64": (w64(W64_FORM, wide(b"data", SOUND, 0), size=0), "holds 0.5 s"),
    "open_24.w64": (w64(W64_FORM, wide(b"data", SOUND, 24), size=88), "holds 0.5 s"),
    "lost.w64": (w64(W64_FORM, wide(b"data", SOUND, 1024)), "says 0.1 s, but it holds 0.5 s"),
    "two_data.w64": (w64(W64_FORM, wide(b"data", SOUND[:4000]), wide(b"data", SOUND[4000:])), "2 chunks of sound"),
    "pipe.aif": (aiff(0, 0, 0), "holds 0.5 s"),
    "pipe_8.aif": (aiff(0, 8, 46), "holds 0.5 s"),
    "pipe_32_bits.aif": (aiff(UNKNOWN, UNKNOWN, UNKNOWN), "how long"),
    "pipe_31_bits.aif": (aiff(2**30, 2**31 - 1, 2**31 - 1), "how long"),
    "pipe.aifc": (aiff(0, 0, 0, kind=b"AIFC"), "holds 0.5 s"),
    "lost.aif": (aiff(500, 1008, 1054), "says 0.1 s, but it holds 0.5 s"),
    "pipe.flac": (flac_of(FLAC, 0), "does not say how long"),
    "lost.flac": (flac_of(FLAC, 1000), "says 0.1 s, but it holds 0.5 s"),
    "tagged.flac": (b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + FLAC, ""),
    "whole.wav": (riff(form(), chunk(b"data", SOUND), chunk(b"LIST", LIST)), ""),
    "whole.w64": (w64(W64_FORM, wide(b"data", SOUND)), ""),
    "whole.aif": (aiff(), ""),
    "preallocated.wav": (riff(form(), chunk(b"data", SOUND), bytes(3000)), ""),
    "with_tag.wav": (riff(form(), chunk(b"data", SOUND), b"TAG" + b"x" * 997), ""),
}


@pytest.mark.parametrize("name", list(SAID))
def test_all_the_sound_is_read(tmp_path, caplog, name):
    caplog.set_level("INFO", "debleed")
    content, said = SAID[name]
    path = tmp_path / "in" / name
    path.parent.mkdir()
    path.write_bytes(content)
    file = audio.AudioFile(path)
    assert (file.rate, file.channels, file.frames) == (RATE, 1, COUNT)
    np.testing.assert_array_equal(file.read(0, COUNT, np.float64)[0], SAMPLES / 2**15)
    np.testing.assert_array_equal(file.read(100, 200, np.float64)[0], SAMPLES[100:200] / 2**15)
    lines = [line for line in caplog.messages if name in line]
    assert len(lines) == bool(said)
    assert said in caplog.text
    (written,), _ = back([path], tmp_path / "out")
    result = sf.SoundFile(written)
    assert result.format == file.container
    np.testing.assert_array_equal(result.read(dtype="int16"), SAMPLES)
    assert path.read_bytes() == content


REFUSED = {
    "truncated.wav": (riff(form(), chunk(b"data", SOUND))[:-1000], "1000 bytes are missing at the end"),
    "two_fmt.wav": (riff(form(), form(channels=2, rate=16000), chunk(b"data", SOUND)), "two fmt chunks that differ"),
    "no_fmt.wav": (riff(chunk(b"data", SOUND)), "no fmt chunk"),
    "no_data.wav": (riff(form()), "data"),
    "bits_0.wav": (riff(form(bits=0, block=2), chunk(b"data", SOUND)), "samples of 0 bits"),
    "bits_24_in_32.wav": (riff(form(bits=24, block=4), chunk(b"data", SOUND)), "24 bits in 4 bytes"),
    "channels_0.wav": (riff(form(channels=0, block=2), chunk(b"data", SOUND)), "0 channels"),
    "aac.wav": (riff(form(tag=0xFF), chunk(b"data", SOUND)), "holds AAC.*convert it"),
    "short_fmt.wav": (riff(chunk(b"fmt ", b"x" * 14), chunk(b"data", SOUND)), "14 bytes"),
    "truncated.flac": (flac_of(FLAC, 100000), "ends at 0.5 s, but its header says 12.5 s"),
    "pipe_truncated.flac": (flac_of(FLAC, 0)[:-9], "does not say how long it is, and does not end"),
    "rate_1.aif": (aiff(rate=1), "rate of 1 Hz"),
    "truncated.aif": (aiff(frames=9000), "10000 bytes are missing"),
    **{
        f"rate_{rate}.wav": (riff(form(rate=rate), chunk(b"data", SOUND)), f"rate of {rate} Hz")
        for rate in (0, 1, 2999, 768001, 2**31 - 1, 2**32 - 1)
    },
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_cannot_be_read_is_said(tmp_path, name):
    content, said = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}.*{said}"):
        audio.AudioFile(tmp_path / name)


@pytest.mark.parametrize("rate", [3000, 768000])
def test_rates_of_recordings_are_read(tmp_path, rate):
    (tmp_path / "a.wav").write_bytes(riff(form(rate=rate), chunk(b"data", SOUND)))
    assert audio.AudioFile(tmp_path / "a.wav").rate == rate


def test_a_size_that_has_wrapped_is_taken_as_what_it_was(tmp_path):
    path, size = tmp_path / "a.wav", 2**32 + 1000
    with path.open("wb") as file:  # sparse
        file.write(riff(form(), chunk(b"data", SOUND, 1000)))
        file.seek(44 + size - 4)
        file.write(b"last" + chunk(b"LIST", LIST))
    opened = audio.AudioFile(path)
    assert opened.frames == size // 2
    np.testing.assert_array_equal(opened.read(0, COUNT, np.float64)[0], SAMPLES / 2**15)
    last = np.frombuffer(b"last", "<i2") / 2**15
    np.testing.assert_array_equal(opened.read(size // 2 - 2, size // 2 + 1, np.float64)[0], [*last, 0])


@pytest.mark.parametrize(
    ("name", "subtype"), [("a.wav", "GSM610"), ("a.aif", "GSM610"), ("a.wav", "G721_32"), ("a.wav", "NMS_ADPCM_16")]
)
def test_what_can_only_be_decoded_from_its_beginning_is_read_in_any_order(tmp_path, name, subtype):
    container = {"wav": "WAV", "aif": "AIFF"}[name[2:]]
    sf.write(tmp_path / name, np.tile(SAMPLES, 8), RATE, subtype, format=container)
    whole = sf.read(tmp_path / name, dtype="float32")[0]
    file = audio.AudioFile(tmp_path / name)
    assert file.frames == len(whole)
    for start in (20000, 0, 30000, 29000, len(whole) - 10):
        stop = min(start + 1000, len(whole))
        np.testing.assert_array_equal(file.read(start, stop, np.float32)[0], whole[start:stop])


def test_files_that_are_right_are_read_directly(tmp_path):
    for name, content in (("a.wav", SAID["whole.wav"][0]), ("a.aif", aiff()), ("a.flac", FLAC), ("a.txt", b"no sound")):
        (tmp_path / name).write_bytes(content)
        assert mended(tmp_path / name) is None


def test_stretches_are_read_as_one_file(tmp_path):
    (tmp_path / "a").write_bytes(BIG)
    whole = b"head" + BIG[10:20] + BIG[100:900]
    with Spliced(tmp_path / "a", b"head", [(10, 10), (50, 0), (100, 800)]) as file:
        assert file.seek(0, 2) == len(whole)
        for start, stop in [(0, 814), (2, 6), (13, 15), (810, 900), (814, 815)]:
            file.seek(start)
            assert file.read(stop - start) == whole[start:stop]


@settings(max_examples=60)
@given(st.data())
def test_hostile_headers_are_read_or_refused(tmp_path_factory, data):
    """Whatever bytes of a header are wrong, the answer is sound or one sentence, and never much memory."""
    name = data.draw(st.sampled_from(sorted(SAID)))
    content = bytearray(SAID[name][0][:6000])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, 120))
        content[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4) | st.just(b"\xff\xff\xff\xff"))
    path = tmp_path_factory.mktemp("hostile") / name
    path.write_bytes(content)
    try:
        file = audio.AudioFile(path)
        channels, found = file.channels, file.read(0, min(file.frames, 5000), np.float32)
    except InputError as refusal:
        said = str(refusal)
    else:
        said = name
        assert found.shape[0] == channels
    assert name in said
