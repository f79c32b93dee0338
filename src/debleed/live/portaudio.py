"""A stream on a sound device, through PortAudio."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.live.jack_client import Wait
from debleed.live.stream import Stream
from debleed.live.watched import Watched, undisturbed
from debleed.recording import InputError


def play(rate: int, make: Callable[[int], Stream], wait: Wait, *, block: int, device: str | None) -> Watched:
    """Clean what the first inputs of a device hear and send it to its first outputs, in the order of the stage.

    Parameters
    ----------
    rate
        Sampling rate of the stage in Hz.
    make
        Makes the stream for blocks of so many samples.
    wait
        Called while it plays.
    block
        Samples of a block.
    device
        The device's number or a part of its name; ``None`` for the system's default.

    Raises
    ------
    InputError
        If there is no PortAudio, no such device, or one that cannot do this; and what ``make`` refuses.
    """
    sound = library()
    watched = Watched(make(block))
    mics = len(watched.stream.stage.names)
    chosen = int(device) if device is not None and device.isdecimal() else device

    def process(heard: NDArray[np.float32], played: NDArray[np.float32], frames: int, time: Any, status: Any) -> None:
        watched.dropouts += bool(status)
        played[:] = watched.process(heard.T).T

    playing = Event()
    playing.set()

    def finished() -> None:
        if playing.is_set():
            watched.lost = "the sound device has stopped"

    try:
        opened = sound.Stream(
            samplerate=rate,
            blocksize=block,
            device=chosen,
            channels=mics,
            dtype="float32",
            latency="low",
            callback=process,
            finished_callback=finished,
        )
    except (sound.PortAudioError, ValueError) as failure:
        raise InputError(
            f"the sound device cannot take {mics} inputs and {mics} outputs at {rate} Hz ({reason(failure)}); choose "
            "another with --device; 'python -m sounddevice' lists them"
        ) from None
    with undisturbed(), opened:
        wait(watched)
        playing.clear()
    return watched


def library() -> Any:
    """Import sounddevice."""
    try:
        import sounddevice
    except ImportError:
        raise InputError(
            "PortAudio needs the package 'sounddevice'; install it with: pip install 'debleed[live]'"
        ) from None
    except OSError:
        raise InputError("PortAudio is not installed here; install it (libportaudio2), or use --driver jack") from None
    return sounddevice


def reason(failure: Exception) -> str:
    """Return the first line of what PortAudio says."""
    return str(failure).splitlines()[0] if str(failure) else type(failure).__name__
