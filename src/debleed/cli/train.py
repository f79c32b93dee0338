"""``debleed train``: train one of the networks on a folder of stems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from debleed import feedback
from debleed.nets import NETS
from debleed.recording import InputError

PATH = click.Path(readable=False, path_type=Path)  # checked later, with our own sentences

SMOKE: dict[str, Any] = {
    "variant": "tiny",
    "steps": 12,
    "batch": 2,
    "seconds": 1.0,
    "every": 6,
    "rooms": 2,
}
"""A minute's work that goes through everything."""


@click.command(name="train")
@click.argument("net", metavar="NET", type=click.Choice(list(NETS)))
@click.option("--corpus", type=PATH, required=True, help="Dry stems in the shape of MUSDB18-HQ; its split train.")
@click.option("-o", "--output", type=PATH, required=True, help="Folder of the run; one that is there goes on.")
@click.option("--variant", metavar="NAME", help="published if not given; narrow is what is shipped.")
@click.option(
    "--scenes",
    multiple=True,
    metavar="NAME",
    help="Preset or kind of bleed; repeat for several. By default the one that the network was published with.",
)
@click.option("--source", metavar="NAME", help="The source that a di-cae learns.")
@click.option(
    "--validation", multiple=True, metavar="TRACK", help="Kept for validation; every seventh track if not given."
)
@click.option("--steps", type=click.IntRange(min=1), help="Number of steps; the learning rate falls until then.")
@click.option("--minutes", type=float, default=float("inf"), help="Stop after so long; the same command goes on.")
@click.option("--batch", type=click.IntRange(min=1), help="Examples in a step.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Length of an example.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Peak of the learning rate.")
@click.option("--rooms", type=click.IntRange(min=1), help="Number of scenes to draw from.")
@click.option("--every", type=click.IntRange(min=1), help="Steps between validations and checkpoints.")
@click.option("--patience", type=click.IntRange(min=1), help="Validations without a new best before it stops.")
@click.option("--seed", metavar="N", help="Number or name that everything is drawn from.")
@click.option("--start", type=PATH, help="Weights (.safetensors) to begin with; or the name of shipped ones.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--cache", type=PATH, help="Folder for songs and impulse responses; in the output if not given.")
@click.option("--smoke", is_flag=True, help="Train a tiny network for a minute, to see that everything works.")
def command(
    net: str,
    corpus: Path,
    output: Path,
    minutes: float,
    start: Path | None,
    device: str,
    cache: Path | None,
    smoke: bool,
    **given: Any,
) -> int:
    """Train NET on scenes drawn on the fly from a folder of songs.

    Writes the network (ONNX, safetensors, JSON), a card, the log as CSV and for TensorBoard, and a checkpoint every so
    many steps: a run that was stopped goes on when the same command is given again.
    """
    from debleed.nets import weights
    from debleed.training.train import Plan, Run

    settings = {key: value for key, value in given.items() if value not in (None, ())}
    plan = Plan(net, **{**(SMOKE if smoke else {}), **settings})
    if start is not None and start.suffix != ".safetensors":
        start = weights.find_start(str(start))
    if not minutes > 0:
        raise InputError(f"minutes are more than 0, got {minutes}")
    with feedback.messages(), feedback.progress("bar") as progress:
        run = Run(plan, corpus, output, cache, start, device, progress)
        if run.state.step:
            click.echo(f"goes on after step {run.state.step}")
        run.learn(60 * minutes, progress)
        found = run.finish()
    click.echo(
        f"{output / plan.name}.onnx: {found['steps']} steps, "
        f"SDR improvement in validation {found['validation_gain_db']} dB; "
        f"run {run.state.step} of {plan.steps} steps"
    )
    return 0
