"""The file formats of results: those of the inputs, or what replaces them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from debleed.io.audio_file import BITS, FLOATS, AudioFile
from debleed.io.m4a import CONTAINER

PLAIN_LIMIT = 2**32 - 2**20
"""Size limit of WAV and AIFF in bytes, with room for the header; libsndfile overflows silently beyond it."""


@dataclass(frozen=True)
class Form:
    """A file format, with the names of libsndfile."""

    container: str
    subtype: str
    suffix: str
    endian: str = "FILE"

    @property
    def suffixes(self) -> set[str]:
        """Possible suffixes of a result: its own, and that of the floating-point format used on overload."""
        return {self.suffix, ".wav"}


def form_of(file: AudioFile) -> Form:
    """Return the format of a file's result: its own, or FLAC for a lossy file, in 24 bits, and for ALAC, in its own."""
    if not file.lossy and file.container != CONTAINER:
        return Form(file.container, file.subtype, file.path.suffix, file.endian)
    subtype = "PCM_24" if file.lossy else file.subtype
    if file.channels > 8 or subtype == "PCM_32":  # the limits of FLAC
        return Form("WAV", subtype, ".wav")
    return Form("FLAC", subtype, ".flac")


def widened(form: Form, subtype: str) -> Form:
    """Return the floating-point format that replaces an integer format whose range is too small."""
    if form.container == "FLAC":
        return Form("WAV", subtype, ".wav")
    return Form(form.container, subtype, form.suffix)


def fitted(form: Form, size: int) -> Form:
    """Return the format for this many bytes of samples: RF64 beyond the size limit of WAV and AIFF."""
    if size < PLAIN_LIMIT or form.container not in ("WAV", "WAVEX", "AIFF"):
        return form
    return Form("RF64", form.subtype, ".wav" if form.container == "AIFF" else form.suffix)


def data_size(form: Form, channels: int, frames: int) -> int:
    """Return the size of the samples in bytes; for FLAC, before compression."""
    width = BITS[form.subtype] // 8 if form.subtype in BITS else np.dtype(FLOATS[form.subtype]).itemsize
    return width * channels * frames


def shown_size(count: float) -> str:
    """Format a number of bytes for people.

    Examples
    --------
    >>> shown_size(5), shown_size(2_500_000), shown_size(3 * 2**30)
    ('5 bytes', '2.4 MiB', '3.0 GiB')
    """
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count:.0f} bytes"
