"""Sound of scores and sentences: FluidSynth with the sound font FluidR3, and Flite.

Both run as commands, in training only. FluidR3 (Frank Wen, MIT licence) is Debian's ``fluid-soundfont-gm``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from debleed.io.audio_file import AudioFile, resampled
from debleed.recording import InputError
from debleed.training.generated.midi import DRUMS, midi_file
from debleed.training.generated.score import Part

Floats = NDArray[np.float32]

FONT = "DEBLEED_SOUNDFONT"
"""Environment variable with the path of the sound font, where it is in none of the usual places."""

FONTS = tuple(
    Path("/usr/share") / folder / name
    for folder in ("sounds/sf2", "soundfonts", "sounds/sf3")
    for name in ("FluidR3_GM.sf2", "FluidR3_GM.sf3")
)

SPEAKERS = ("awb", "kal16", "rms", "slt")
"""Those of Flite at 16 kHz."""


def sound_font() -> Path:
    """Return the sound font.

    Raises
    ------
    InputError
        If it is in none of the usual places.
    """
    named = os.environ.get(FONT)
    for path in (Path(named),) if named else FONTS:
        if path.is_file():
            return path
    raise InputError(
        f"the sound font '{named}' ({FONT}) does not exist"
        if named
        else f"the generated corpus needs the sound font FluidR3; on Debian, install fluid-soundfont-gm, or say where "
        f"it is with {FONT}"
    )


def require_players(speech: bool) -> None:
    """Make sure that bands can be rendered.

    Raises
    ------
    InputError
        If a program or the sound font is missing.
    """
    sound_font()
    for name in ("fluidsynth", "flite") if speech else ("fluidsynth",):
        if shutil.which(name) is None:
            raise InputError(f"the generated corpus needs the program '{name}'; on Debian, install the package {name}")


def play(part: Part, drums: bool, seconds: float, rate: int) -> Floats:
    """Render a part without reverberation, in mono, ``(samples,)``.

    Raises
    ------
    InputError
        If FluidSynth fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        score, sound = Path(folder) / "part.mid", Path(folder) / "part.wav"
        score.write_bytes(midi_file(part, DRUMS if drums else 0))
        settings = ("synth.dynamic-sample-loading=1", "synth.lock-memory=0", "synth.cpu-cores=1")
        options = [word for setting in settings for word in ("-o", setting)]
        _run(
            *("fluidsynth", "-q", "-n", "-i", "-R", "0", "-C", "0", "-g", "0.4", "-r", str(rate), "-O", "s16"),
            *(*options, "-T", "wav", "-F", str(sound), str(sound_font()), str(score)),
        )
        return fitted(_read(sound, rate), seconds, rate)


def say(sentence: str, speaker: str, rate: int) -> Floats:
    """Let one of :data:`SPEAKERS` speak, ``(samples,)``.

    Raises
    ------
    InputError
        If Flite fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "spoken.wav"
        _run("flite", "-voice", speaker, "-t", sentence, "-o", str(sound))
        return _read(sound, rate)


def fitted(sound: Floats, seconds: float, rate: int) -> Floats:
    """Cut a sound, or add silence, so that it has a length."""
    length = round(seconds * rate)
    return np.pad(sound[:length], (0, max(0, length - len(sound))))


def _read(path: Path, rate: int) -> Floats:
    file = AudioFile(path)
    try:
        mono = file.read(0, file.frames, np.float32).mean(axis=0)
        return np.asarray(resampled(mono, file.rate, rate), np.float32)
    finally:
        file.close()


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        said: Sequence[str] = done.stderr.strip().splitlines() or ["no reason given"]
        raise InputError(f"'{words[0]}' failed: {said[-1]}")
