"""The length of FLAC by its last frame, for all kinds of frames."""

import io

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from debleed.io import flac
from headers import flac_of


@pytest.mark.parametrize("length", [1, 15, 192, 4000, 4096, 4097, 600_000])
@pytest.mark.parametrize("rate", [8000, 44100, 96000, 11025, 47_999])
def test_samples_are_counted_by_the_last_frame(length, rate):
    sound = np.random.default_rng(0).uniform(-1, 1, (length, 2))
    sound[length // 2 :] = 0  # frames of silence are a few bytes
    file = io.BytesIO()
    sf.write(file, sound, rate, "PCM_24", format="FLAC")
    told = flac.stream(file)
    assert (told.rate, told.samples) == (rate, length)
    assert flac.counted(file, told) == length
    file = io.BytesIO(flac_of(file.getvalue(), 0))
    assert flac.counted(file, flac.stream(file)) == length


@given(st.binary(max_size=300), st.booleans())
def test_hostile_bytes_do_no_harm(content, begun):
    file = io.BytesIO(b"fLaC\0\0\0\x22" * begun + content)
    told = flac.stream(file)
    assert told is None or flac.counted(file, told) is None or len(content) > 40
    assert len(list(flac.blocks(file))) <= len(content) + 1


def test_bytes_that_look_like_frames_take_no_long():
    file = io.BytesIO(b"fLaC\x80\0\0\x22" + bytes(34) + b"\xff\xf8\xc9\x08\0" * 200_000)
    assert flac.counted(file, flac.stream(file)) is None
