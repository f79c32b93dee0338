import struct
import zlib

import numpy as np
import pytest

from debleed.report.pictures import ROWS, SHADES, columns, height_of, png, shades, spectrogram


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
@pytest.mark.parametrize("frequency", [220.0, 1000.0, 3000.0])
def test_a_tone_is_a_line_at_its_height(rate, frequency):
    tone = np.sin(2 * np.pi * frequency * np.arange(2 * rate) / rate)
    picture = spectrogram(tone, rate)
    assert picture.shape == (ROWS, columns(2 * rate, rate))
    brightest = np.argmax(picture[:, picture.shape[1] // 2])
    assert (brightest + 0.5) / ROWS == pytest.approx(height_of(frequency, rate), abs=0.025)


def test_silence_is_dark_and_the_brightest_is_bright():
    assert not shades(np.full((2, 3), -np.inf), 0.0).any()
    np.testing.assert_array_equal(shades(np.array([[-80.0, 0.0, 9.0]]), 0.0), [[0, SHADES - 1, SHADES - 1]])


def test_png_holds_the_picture_upside_up():
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    data = png(picture)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(data):
        (size,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        chunks[kind] = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + chunks[kind])
        at += 12 + size
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (4, 3)
    assert len(chunks[b"PLTE"]) == 3 * SHADES
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(3, 5)
    np.testing.assert_array_equal(lines[:, 1:], picture[::-1])
