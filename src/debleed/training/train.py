"""The one training loop: songs and scenes in, a network and its card out.

Everything a step does follows from the seed and the step's number, so a run that was killed goes on from its last
checkpoint and ends, on a CPU, with the same bits. A plain loop on one device: the networks are small enough for one
card, and several are better used by training several networks.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import os
import platform
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from debleed.decibels import shown
from debleed.dsp.parallel import threads
from debleed.io.documents import Place, json_line, json_numbers, json_text, read_number, write_text
from debleed.nets import NEEDS_TRAINING, build, described, variants
from debleed.progress import Progress, quiet
from debleed.recording import InputError
from debleed.scenes.tracks import Track, common_stems, find_tracks
from debleed.scoring.evaluate import sdr
from debleed.seeding import generator
from debleed.spelling import current
from debleed.training.material import Floats, Material, Scenes, load_songs
from debleed.training.modelcard import card, commit

if TYPE_CHECKING:
    import torch

CHECKPOINT, BEST, LOG = "checkpoint.safetensors", "best.safetensors", "log.csv"

AUDIBLE = 1e-3
"""Mean power of an image, against that of its microphone over whole songs, from which its gain counts: −30 dB."""


@dataclass(frozen=True)
class Plan:
    """What a network is trained with; a run goes on only under the plan it began with, ``steps`` aside.

    Parameters
    ----------
    net, variant
        Which network.
    scenes
        Presets or kinds of bleed.
    source
        The source it knows, for a network that knows one.
    validation
        Names of the tracks it is validated on, which it does not learn from.
    seed, steps, batch, seconds, rate
        Of the run: seed, number of steps, examples a step, their length and the peak of the learning rate.
    rooms
        Number of scenes that examples are drawn from.
    every
        Steps from one validation and checkpoint to the next.
    patience
        Validations without a new best after which training stops.
    """

    net: str
    variant: str = "published"
    scenes: tuple[str, ...] = ()
    source: str | None = None
    validation: tuple[str, ...] = ()
    seed: str = "0"
    steps: int = 100_000
    batch: int = 8
    seconds: float = 10.0
    rate: float = 1e-3
    rooms: int = 2000
    every: int = 500
    patience: int = 40

    @property
    def name(self) -> str:
        """Name of the network that comes out."""
        return f"{self.net}-{self.source}" if self.source else self.net


def learning_rate(plan: Plan, step: int) -> float:
    """Rise over the first 2 %, then fall as a half cosine to a hundredth."""
    warm = max(1, round(0.02 * plan.steps))
    if step < warm:
        return plan.rate * (step + 1) / warm
    return plan.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, plan.steps - warm))))


@dataclass
class State:
    """Where a run stands: steps done, seconds spent, best validation and validations since."""

    step: int = 0
    seconds: float = 0.0
    best: float = -math.inf
    waited: int = 0


class Run:
    """One network in training.

    Parameters
    ----------
    plan, corpus, output
        What, from which folder of dry stems in MUSDB18-HQ's shape, into which folder.
    cache
        Where songs and impulse responses are kept; may be shared by runs.
    start
        Weights to begin with, instead of random ones.
    device
        ``cpu``, ``cuda``, ``cuda:1``; computes in bfloat16 where that is safe, on a CPU only if it is made for it.
    """

    def __init__(
        self,
        plan: Plan,
        corpus: Place,
        output: Place,
        cache: Place | None = None,
        start: Place | None = None,
        device: str = "cpu",
        progress: Progress = quiet,
    ) -> None:
        try:
            import torch

            from debleed.nets import checkpoint
        except ModuleNotFoundError as missing:
            if missing.name != "torch":
                raise
            raise InputError(NEEDS_TRAINING) from None
        corpus, self.output, self.device = Path(corpus), Path(output), device
        net = described(plan.net)
        configs = variants(plan.net)
        plan = dataclasses.replace(plan, variant=current("variant", plan.variant))
        if plan.variant not in configs:
            raise InputError(f"'{plan.net}' has no variant '{plan.variant}'; it has {', '.join(configs)}")
        self.config = configs[plan.variant]
        plan = dataclasses.replace(plan, scenes=plan.scenes or (net.scenes,))
        sources, learn, validate = choose(corpus, plan)
        if net.alone != (plan.source is not None) or (plan.source and plan.source not in sources):
            told = f"name its source: {', '.join(sources)}" if net.alone else "it knows all sources, so name none"
            raise InputError(f"'{plan.net}' cannot be trained so; {told}")
        if device != "cpu" and not torch.cuda.is_available():
            raise InputError(f"there is no device '{device}' here; leave it away to train on the CPU")
        self.plan, self.tracks = plan, learn
        self.output.mkdir(parents=True, exist_ok=True)
        cache = Path(cache or self.output / "cache")
        songs = load_songs([*learn, *validate], sources, self.config.rate, cache, progress)
        scenes = Scenes(plan.scenes, sources, self.config.rate, plan.seed, plan.rooms, cache)
        samples = round(plan.seconds * self.config.rate)
        source = sources.index(plan.source) if plan.source else None
        self.material = Material(songs[: len(learn)], scenes, samples, net.level, source)
        others = dataclasses.replace(scenes, seed=f"{plan.seed}/validation", count=min(plan.rooms, 16))
        self.heldout = Material(songs[len(learn) :], others, samples, net.level, source, remix=0)
        torch.manual_seed(int(generator(plan.seed, plan.name).integers(2**62)))
        self.network = build(plan.net, self.config).to(device)
        self.adam = torch.optim.Adam(self.network.parameters(), lr=plan.rate)
        self.state = State()
        if (self.output / CHECKPOINT).exists():
            self._resume(self.output / CHECKPOINT)
        elif start is not None:
            idle = ("attention.", "gate.") if getattr(self.config, "residual", False) else ()  # begin at doing nothing
            checkpoint.load_network(start, self.network, new=idle)

    # ------------------------------------------------------------------------------------------------- to go on

    def _described(self) -> dict[str, Any]:
        state = {**dataclasses.asdict(self.state), **json_numbers("best", self.state.best)}
        return {"plan": dataclasses.asdict(self.plan), "state": state}

    def _save(self) -> None:
        from debleed.nets import checkpoint

        tensors = {f"net.{name}": value for name, value in self.network.state_dict().items()}
        for number, entry in self.adam.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": value for name, value in entry.items()}
        checkpoint.save(self.output / CHECKPOINT, tensors, self._described())

    def _save_best(self) -> None:
        from debleed.nets import checkpoint

        tensors = {f"net.{name}": value for name, value in self.network.state_dict().items()}
        checkpoint.save(self.output / BEST, tensors, self._described())

    def _resume(self, path: Path) -> None:
        from debleed.nets import checkpoint

        tensors, told = checkpoint.load(path)
        mine = json.loads(json_line(dataclasses.asdict(self.plan)))
        differing = [key for key in mine if key != "steps" and told["plan"].get(key) != mine[key]]
        if differing:
            listed = ", ".join(f"{key} {told['plan'].get(key)} there, {mine[key]} here" for key in differing)
            raise InputError(f"'{path}' belongs to another plan ({listed}); choose another folder")
        checkpoint.load_network(path, self.network)
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("adam."):
                _, number, name = key.split(".")
                moments.setdefault(int(number), {})[name] = value
        self.adam.load_state_dict({**self.adam.state_dict(), "state": moments})
        state = dict(told["state"])
        self.state = State(**{**state, "best": read_number(state["best"], state.pop("best_reason", None))})
        trim_log(self.output / LOG, self.state.step)

    # -------------------------------------------------------------------------------------------------- the loop

    def learn(self, seconds: float = math.inf, progress: Progress = quiet) -> None:
        """Train until the plan is fulfilled, patience ends or so many seconds are over."""
        import torch

        began, spent, losses = time.perf_counter(), self.state.seconds, []
        board = tensorboard(self.output)
        for number, (mics, images) in zip(
            range(self.state.step, self.plan.steps), self._batches(self.state.step), strict=False
        ):
            if self.state.waited >= self.plan.patience or time.perf_counter() - began > seconds:
                break
            torch.manual_seed(int(generator(self.plan.seed, "dropout", number).integers(2**62)))
            losses.append(self._step(number, mics, images))
            self.state.step = number + 1
            self.state.seconds = spent + time.perf_counter() - began
            if self.state.step % self.plan.every == 0 or self.state.step == self.plan.steps:
                self._look(float(np.mean(losses)), board)
                losses = []
            progress(
                f"step {self.state.step}, best {shown(self.state.best, 2, sign=True)} dB",
                self.state.step / self.plan.steps,
            )
        if losses:
            self._look(float(np.mean(losses)), board)
        if board is not None:
            board.close()

    def _batches(self, first: int) -> Iterator[tuple[Floats, Floats]]:
        """Draw batches ahead in threads; their order is that of the steps."""
        workers = 1 if self.device == "cpu" else min(16, threads())
        with ThreadPoolExecutor(workers) as pool:
            ahead = [pool.submit(self.material.batch, self.plan.batch, first + k) for k in range(2 * workers)]
            try:
                for number in count(first + 2 * workers):
                    yield ahead.pop(0).result()
                    ahead.append(pool.submit(self.material.batch, self.plan.batch, number))
            finally:
                for future in ahead:
                    future.cancel()

    def _step(self, number: int, mics: Floats, images: Floats) -> float:
        import torch

        self.network.train()
        for group in self.adam.param_groups:
            group["lr"] = learning_rate(self.plan, number)
        kind = torch.device(self.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=kind != "cpu" or halves_on_cpu()):
            loss = self.network.loss(torch.from_numpy(mics).to(self.device), torch.from_numpy(images).to(self.device))
        if not torch.isfinite(loss):
            raise InputError(f"the loss is no number at step {number + 1}; train anew with a lower --rate")
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.adam.step()
        return float(loss.detach())

    def _look(self, loss: float, board: Any) -> None:
        gain = float(np.median(self.gains())) if self.heldout.songs else 0.0
        if gain > self.state.best or not self.heldout.songs:
            self.state.best, self.state.waited = gain, 0
            self._save_best()
        else:
            self.state.waited += 1
        row = {
            "step": self.state.step,
            "loss": loss,
            "rate": learning_rate(self.plan, self.state.step - 1),
            "gain_db": gain,
            "seconds": self.state.seconds,
        }
        path = self.output / LOG
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow({key: f"{value:.6g}" for key, value in row.items()})
        if board is not None:
            for key in ("loss", "rate", "gain_db"):
                board.add_scalar(key, row[key], self.state.step)
        self._save()

    def gains(self, examples: int = 48) -> Floats:
        """Gain in SDR over the unprocessed microphones, in dB, on stretches from all over the validation songs."""
        import torch

        self.network.eval()
        found = []
        for number in range(examples):
            mics, images = self.heldout.example("look", number)
            with torch.no_grad():
                out = self.network(torch.from_numpy(mics)[None].to(self.device))[0].float().cpu().numpy()
            sounding = np.mean(images**2, axis=1) > AUDIBLE
            found.append((sdr(images, out) - sdr(images, mics))[sounding])
        return np.concatenate(found).astype(np.float32)

    # ----------------------------------------------------------------------------------------------- what comes out

    def finish(self) -> dict[str, Any]:
        """Export the best network so far: ONNX, safetensors, JSON and a card for people, named after the network.

        Returns
        -------
        What the JSON says.
        """
        from debleed.nets import checkpoint
        from debleed.nets.exporting import export
        from debleed.scenes.corpus import checksum

        name, net = self.plan.name, described(self.plan.net)
        network = build(self.plan.net, self.config)
        told = checkpoint.load_network(self.output / BEST, network)
        export(network, self.output / f"{name}.onnx", any_mics=net.sources is None and not net.alone)
        halves = {f"net.{key}": value.half() for key, value in network.state_dict().items()}
        checkpoint.save(self.output / f"{name}.safetensors", halves, {"net": self.plan.net, **told})
        description = {
            "net": self.plan.net,
            "variant": self.plan.variant,
            "config": dataclasses.asdict(self.config),
            "plan": dataclasses.asdict(self.plan),
            "tracks": [track.id for track in self.tracks],
            "steps": told["state"]["step"],
            **json_numbers("validation_gain_db", round(self.state.best, 2)),
            "hours": round(self.state.seconds / 3600, 3),
            "examples_per_second": round(self.state.step * self.plan.batch / max(self.state.seconds, 1e-9), 2),
            "device": device_name(self.device),
            "parameters": sum(value.numel() for value in network.parameters()),
            "commit": commit(),
            "sha256": {suffix: checksum(self.output / f"{name}.{suffix}") for suffix in ("onnx", "safetensors")},
        }
        write_text(self.output / f"{name}.json", json_text(description))
        write_text(self.output / f"{name}.md", card(description, self.output / LOG))
        return description


def choose(corpus: Place, plan: Plan) -> tuple[tuple[str, ...], list[Track], list[Track]]:
    """Choose sources, tracks to learn from and tracks to validate on: whole songs of the split ``train``.

    Where none are named, every seventh of at least two is for validation. The split ``test`` is never looked at.

    Raises
    ------
    InputError
        Where there is nothing to learn from, or a named track is not there.
    """
    tracks = [track for track in find_tracks(Path(corpus)) if track.split == "train"]
    if not tracks:
        raise InputError(f"'{corpus}' has no split 'train'; networks learn from nothing else")
    names = [track.name for track in tracks]
    if strangers := sorted(set(plan.validation) - set(names)):
        raise InputError(f"there is no track '{strangers[0]}' in the split 'train' of '{corpus}'")
    chosen = set(plan.validation) or set(names[1::7])
    learn = [track for track in tracks if track.name not in chosen]
    if not learn:
        raise InputError("every track is for validation, so nothing is left to learn from; name fewer")
    return common_stems(tracks), learn, [track for track in tracks if track.name in chosen]


def trim_log(path: Path, step: int) -> None:
    """Drop what a killed run logged after its last checkpoint."""
    if path.exists():
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        kept = [row for row in rows if row.split(",")[0].isdigit() and int(row.split(",")[0]) <= step]
        write_text(path, "\n".join([head, *kept]) + "\n")


def tensorboard(output: Path) -> Any:
    """Open a log for TensorBoard, where that is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(output / "tensorboard")  # type: ignore[no-untyped-call,unused-ignore]


@cache
def halves_on_cpu() -> bool:
    """Say whether this processor computes in bfloat16 faster than in float32: twice, measured with AVX-512."""
    import torch

    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # older versions do not tell
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def device_name(device: str) -> str:
    """Name what was computed on."""
    if device == "cpu":
        return f"{platform.machine()} CPU, {os.cpu_count()} cores"
    import torch

    return str(torch.cuda.get_device_name(device))
