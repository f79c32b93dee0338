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
    "bands": 1,
}
"""Settings for one minute of training that exercises every part."""


@click.command(name="train")
@click.argument("net", metavar="NET", type=click.Choice(list(NETS)))
@click.option(
    "--corpus",
    type=PATH,
    required=True,
    help="Dry stems in the layout of MUSDB18-HQ, of which only the split 'train' is used; or 'generated': bands that "
    "play random scores.",
)
@click.option("-o", "--output", type=PATH, required=True, help="Folder for the run; an existing run resumes.")
@click.option(
    "--variant", metavar="NAME", help="Size of the network; the shipped ones are 'narrow'.  [default: published]"
)
@click.option(
    "--scenes",
    multiple=True,
    metavar="NAME",
    help="Preset or kind of bleed; may be repeated.  [default: that of the publication]",
)
@click.option("--source", metavar="NAME", help="The source that a di-cae extracts.")
@click.option(
    "--validation",
    multiple=True,
    metavar="TRACK",
    help="Track for validation; may be repeated.  [default: every seventh]",
)
@click.option(
    "--leave-out",
    "left_out",
    multiple=True,
    metavar="KIND",
    help="Kind of the generated corpus that is measured but not used for training; may be repeated.",
)
@click.option("--bands", type=click.IntRange(min=1), help="Number of bands of each kind in the generated corpus.")
@click.option(
    "--sets", type=PATH, help="Description of songs and drum kits that join the generated corpus, as for 'corpus make'."
)
@click.option(
    "--data",
    type=PATH,
    envvar="DEBLEED_DATA",
    help="Folder of these songs and kits, instead of the one in --sets; or set DEBLEED_DATA.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Number of steps, over which the learning rate decays.")
@click.option("--minutes", type=float, default=float("inf"), help="Stop after this time; the same command resumes.")
@click.option("--batch", type=click.IntRange(min=1), help="Examples per step.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Length of an example.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Peak learning rate.")
@click.option("--rooms", type=click.IntRange(min=1), help="Number of different scenes.")
@click.option("--every", type=click.IntRange(min=1), help="Steps between validations and checkpoints.")
@click.option("--patience", type=click.IntRange(min=1), help="Stop after this many validations without improvement.")
@click.option("--seed", metavar="N", help="Random seed, a number or a name.")
@click.option("--start", type=PATH, help="Initial weights: a .safetensors file, or the name of shipped weights.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--cache", type=PATH, help="Folder for cached songs and impulse responses.  [default: inside the output]")
@click.option("--smoke", is_flag=True, help="Train a tiny network for a minute to test the installation.")
def command(
    net: str,
    corpus: Path,
    output: Path,
    minutes: float,
    start: Path | None,
    device: str,
    cache: Path | None,
    sets: Path | None,
    data: Path | None,
    smoke: bool,
    **given: Any,
) -> int:
    """Train NET on scenes drawn at random from a folder of songs.

    Writes the network (ONNX, safetensors, JSON), a model card, a log as CSV and for TensorBoard, and regular
    checkpoints: the same command resumes an interrupted run.
    """
    from debleed.nets import weights
    from debleed.scenes.set_file import read_sets
    from debleed.training.train import Plan, Run

    settings = {key: value for key, value in given.items() if value not in (None, ())}
    plan = Plan(net, **{**(SMOKE if smoke else {}), **settings})
    if start is not None and start.suffix != ".safetensors":
        start = weights.find_start(str(start))
    if not minutes > 0:
        raise InputError(f"--minutes must be more than 0, got {minutes:g}")
    book = read_sets(sets, data) if sets else None
    with feedback.messages(), feedback.progress("bar") as progress:
        run = Run(plan, corpus, output, cache, start, device, progress, book)
        if run.state.step:
            click.echo(f"resuming after step {run.state.step}")
        run.learn(60 * minutes, progress)
        found = run.finish(progress)
    click.echo(
        f"{output / plan.name}.onnx: {found['steps']} steps, "
        f"SDR improvement in validation {found['validation_gain_db']} dB; "
        f"run {run.state.step} of {plan.steps} steps"
    )
    return 0
