"""A stream as a client of the JACK audio connection kit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from debleed.live.stream import Stream
from debleed.live.watched import Watched, undisturbed
from debleed.recording import InputError

NAME = "debleed"
"""Name of the client; JACK adds a number if it is taken."""

Wait = Callable[[Watched], None]
"""Waits while a stream plays, and returns to end it."""


def play(rate: int, make: Callable[[int], Stream], wait: Wait) -> Watched:
    """Clean what the input ports hear and send it to the output ports, two ports for each microphone.

    Nothing is connected: which input of the sound card is which microphone is for the user to say, in a patchbay or
    with ``jack_connect``.

    Parameters
    ----------
    rate
        Sampling rate of the stage in Hz.
    make
        Makes the stream for blocks of so many samples.
    wait
        Called while it plays.

    Raises
    ------
    InputError
        If there is no JACK, no server, or one at another rate; and what ``make`` refuses.
    """
    client = opened()
    try:
        if client.samplerate != rate:
            raise InputError(
                f"JACK runs at {client.samplerate} Hz, but the stage was learnt at {rate} Hz; start JACK at {rate} Hz"
            )
        watched = Watched(make(client.blocksize))
        attach(client, watched)
        with undisturbed():
            client.activate()
            wait(watched)
        return watched
    finally:
        client.close()


def opened() -> Any:
    """Connect to the JACK server that runs."""
    try:
        import jack
    except ImportError:
        raise InputError("JACK needs the package 'JACK-Client'; install it with: pip install 'debleed[live]'") from None
    except OSError:
        raise InputError("JACK is not installed here; install it, or use --driver portaudio") from None
    silence = jack.set_error_function, jack.set_info_function
    for quiet in silence:  # its messages go to the terminal otherwise; ours says what to do
        quiet(lambda message: None)
    try:
        return jack.Client(NAME, no_start_server=True)
    except jack.JackError:
        raise InputError("no JACK server runs here; start one (qjackctl, jackd), or use --driver portaudio") from None


def attach(client: Any, watched: Watched) -> None:
    """Give a client a port in and a port out for each microphone, and let the stream clean what arrives."""
    names = watched.stream.stage.names
    inputs = [client.inports.register(f"in {k} {name}") for k, name in enumerate(names, 1)]
    outputs = [client.outports.register(f"out {k} {name}") for k, name in enumerate(names, 1)]
    size = watched.stream.block

    def process(frames: int) -> None:
        heard = np.stack([port.get_array() for port in inputs])
        if frames != size and watched.failure is None:
            watched.failure = f"JACK changed the block from {size} to {frames} samples"
        for port, row in zip(outputs, watched.process(heard), strict=True):
            port.get_array()[:] = row

    def gap(delayed: float) -> None:
        watched.dropouts += 1

    def shut_down(status: Any, reason: str) -> None:
        watched.lost = f"JACK has ended ({reason})"

    client.set_process_callback(process)
    client.set_xrun_callback(gap)
    client.set_shutdown_callback(shut_down)
