"""``debleed export STAGE --ir DIR``: the filters of a stage for other programs."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from debleed import feedback
from debleed.cli.job_options import PATH, STAGE, options

log = logging.getLogger(__name__)


@click.command(
    help="""Export the filters of a stage for other programs.

    STAGE is a file that 'debleed learn' wrote with the method 'demix'. DIR gets an impulse response for each pair of
    microphones that hear each other, as 32-bit float WAV, and two configurations that run them all: jconvolver.conf for
    jconvolver, fconvolver and mcfx_convolver, and brutefir.conf for BruteFIR."""
)
@options(STAGE)
@click.option("--ir", "folder", metavar="DIR", type=PATH, required=True, help="Folder for the impulse responses.")
@click.option("--force", is_flag=True, help="Overwrite an earlier export.")
def command(stage: Path, method: str | None, folder: Path, force: bool) -> None:
    """Load the stage and export its filters."""
    from debleed.daw.impulse_responses import impulse_responses, write_impulse_responses
    from debleed.stage import Stage

    with feedback.messages():
        found = impulse_responses(Stage.load(stage, method))
        write_impulse_responses(found, folder, force)
        count, length = len(found.names), found.taps.shape[-1]
        log.info(
            "wrote %d of %d × %d filters to %s: %.0f ms long, latency %d samples (%.1f ms)",
            len(found.pairs),
            count,
            count,
            folder,
            1000 * length / found.rate,
            found.latency,
            1000 * found.latency / found.rate,
        )
