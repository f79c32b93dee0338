"""``debleed live STAGE``: clean microphones in real time."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debleed import feedback
from debleed.cli.job_options import STAGE, options
from debleed.recording import InputError

if TYPE_CHECKING:
    from debleed.live.watched import Watched

log = logging.getLogger(__name__)

STEPS = ("background", "own-sound", "tracking", "postfilter")

BLOCK = 256
"""Samples of a block through PortAudio, unless said otherwise."""

LOOK = 0.2
"""Seconds between two looks at whether the stream still works."""


@click.command(
    help="""Clean microphones in real time.

    STAGE is the file that 'debleed learn' wrote. All microphones have to come through one sound system at the sample
    rate of the stage. With JACK, each microphone has ports to connect; with PortAudio, the microphones are the first
    inputs and outputs of a device, in the order of the stage. The latency is printed at the start. Press Ctrl-C to
    stop."""
)
@options(STAGE)
@click.option("--driver", type=click.Choice(["jack", "portaudio"]), default="jack", show_default=True)
@click.option("--device", metavar="NAME", help="The device for PortAudio: its number or a part of its name.")
@click.option(
    "--block",
    type=int,
    metavar="SAMPLES",
    help=f"Block size for PortAudio, 64 to 2048; JACK sets its own.  [default: {BLOCK}]",
)
@click.option(
    "--lookahead",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    metavar="MS",
    help="Milliseconds that the filters may look ahead, at the cost of latency; few reach further than 40.",
)
@click.option(
    "--without",
    type=click.Choice(STEPS),
    multiple=True,
    help="Leave out a step, and its latency: giving back the background or own sound, tracking, the postfilter.",
)
def command(
    stage: Path,
    method: str | None,
    driver: str,
    device: str | None,
    block: int | None,
    lookahead: float,
    without: tuple[str, ...],
) -> int:
    """Load the stage and play it until Ctrl-C; the exit code is 1 if it ended otherwise, or failed."""
    from debleed.live import jack_client, portaudio
    from debleed.live.stream import Stream
    from debleed.stage import Stage

    if driver == "jack" and (device is not None or block is not None):
        raise InputError("--device and --block are for --driver portaudio; with JACK, its server decides both")
    loaded = Stage.load(stage, method)
    steps = {name.replace("-", "_"): name not in without for name in STEPS}

    def make(size: int) -> Stream:
        return Stream(loaded, size, lookahead=lookahead / 1000, **steps)

    with feedback.messages():
        if driver == "jack":
            watched = jack_client.play(loaded.rate, make, wait)
        else:
            watched = portaudio.play(loaded.rate, make, wait, block=BLOCK if block is None else block, device=device)
        log.info("%s", watched.summary())
    return 0 if watched.lost is None and watched.failure is None else 1


def wait(watched: Watched) -> None:
    """Say what plays, and wait for Ctrl-C or for the end of the sound system."""
    log.info("%s; press Ctrl-C to stop", watched.delay())
    said = False
    try:
        while watched.lost is None:
            if watched.failure and not said:
                log.warning("%s; the microphones go through unchanged until you press Ctrl-C", watched.failure)
                said = True
            time.sleep(LOOK)
    except KeyboardInterrupt:
        return
    log.warning("%s", watched.lost)
