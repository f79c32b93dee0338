"""The training loop: trains a network on songs and scenes and writes it with its model card.

Every step depends only on the seed and its number. An interrupted run therefore resumes from its last checkpoint and,
on a CPU, ends with identical bits. The loop uses one device: the networks are small, and several devices are better
used for several networks.
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
from debleed.scenes.set_file import Book
from debleed.seeding import generator
from debleed.spelling import current
from debleed.training.by_kind import by_kind, improvements
from debleed.training.material import Floats, Material, Scenes
from debleed.training.modelcard import card, commit
from debleed.training.stock import GENERATED, Stock, generated_stock, stock_of_folder

if TYPE_CHECKING:
    import torch

CHECKPOINT, BEST, LOG = "checkpoint.safetensors", "best.safetensors", "log.csv"


@dataclass(frozen=True)
class Plan:
    """Settings of a run; a run can only be resumed with the same plan, except for ``steps``.

    Parameters
    ----------
    net, variant
        The network.
    scenes
        Presets or kinds of bleed.
    source
        The source, for a network that processes one source.
    validation
        Names of the validation tracks of a folder, which are excluded from training.
    left_out, bands
        Kinds of the generated corpus that are not learnt from, and bands of each of the others.
    seed, steps, batch, seconds, rate
        Seed, number of steps, examples per step, length of an example, and peak learning rate.
    rooms
        Number of scenes per preset or kind.
    every
        Steps between validations, each of which writes a checkpoint.
    patience
        Validations without improvement after which training stops.
    """

    net: str
    variant: str = "published"
    scenes: tuple[str, ...] = ()
    source: str | None = None
    validation: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    bands: int = 40
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
        """Name of the resulting network."""
        return f"{self.net}-{self.source}" if self.source else self.net


def learning_rate(plan: Plan, step: int) -> float:
    """Return the learning rate: a linear rise over the first 2 %, then a half cosine down to a hundredth."""
    warm = max(1, round(0.02 * plan.steps))
    if step < warm:
        return plan.rate * (step + 1) / warm
    return plan.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, plan.steps - warm))))


@dataclass
class State:
    """State of a run: steps and seconds so far, best validation, and validations since then."""

    step: int = 0
    seconds: float = 0.0
    best: float = -math.inf
    waited: int = 0


class Run:
    """Training run of one network.

    Parameters
    ----------
    plan, corpus, output
        Settings, folder of dry stems in the layout of MUSDB18-HQ (or :data:`debleed.training.stock.GENERATED`), and
        folder for the results.
    cache
        Folder for songs and impulse responses; runs may share it.
    start
        Initial weights instead of random ones.
    device
        ``cpu``, ``cuda``, ``cuda:1``; uses bfloat16 where that is safe, on a CPU only if it is fast there.
    book
        Songs and drum kits for the generated corpus.
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
        book: Book | None = None,
    ) -> None:
        try:
            import torch

            from debleed.nets import checkpoint
        except ModuleNotFoundError as missing:
            if missing.name != "torch":
                raise
            raise InputError(NEEDS_TRAINING) from None
        self.output, self.device = Path(output), device
        net = described(plan.net)
        configs = variants(plan.net)
        plan = dataclasses.replace(plan, variant=current("variant", plan.variant))
        if plan.variant not in configs:
            raise InputError(f"'{plan.net}' has no variant '{plan.variant}'; it has {', '.join(configs)}")
        self.config = configs[plan.variant]
        plan = dataclasses.replace(plan, scenes=plan.scenes or (net.scenes,))
        if device != "cpu" and not torch.cuda.is_available():
            raise InputError(f"the device '{device}' is not available; omit it to train on the CPU")
        cache = Path(cache or self.output / "cache")
        stock = self._stocked(plan, corpus, book, cache, progress)
        sources = stock.sources
        if net.alone != (plan.source is not None) or (plan.source and plan.source not in sources):
            advice = f"name its source: {', '.join(sources)}" if net.alone else "it processes all sources, so name none"
            raise InputError(f"'{plan.net}' cannot be trained like this; {advice}")
        self.plan, self.stock = plan, stock
        self.output.mkdir(parents=True, exist_ok=True)
        scenes = Scenes(plan.scenes, sources, self.config.rate, plan.seed, plan.rooms, cache)
        samples = round(plan.seconds * self.config.rate)
        source = sources.index(plan.source) if plan.source else None
        self.material = Material(stock.learn, scenes, samples, net.level, source, noise_db=stock.noise_db)
        others = dataclasses.replace(scenes, seed=f"{plan.seed}/validation", count=min(plan.rooms, 16))
        self.heldout = Material(stock.validate, others, samples, net.level, source, remix=0)
        torch.manual_seed(int(generator(plan.seed, plan.name).integers(2**62)))
        self.network = build(plan.net, self.config).to(device)
        self.adam = torch.optim.Adam(self.network.parameters(), lr=plan.rate)
        self.state = State()
        if (self.output / CHECKPOINT).exists():
            self._resume(self.output / CHECKPOINT)
        elif start is not None:
            idle = ("attention.", "gate.") if getattr(self.config, "residual", False) else ()  # initially the identity
            checkpoint.load_network(start, self.network, new=idle)

    def _stocked(self, plan: Plan, corpus: Place, book: Book | None, cache: Path, progress: Progress) -> Stock:
        if str(corpus) == GENERATED:
            if plan.validation:
                raise InputError("the generated corpus has bands of its own for validation; leave kinds out instead")
            return generated_stock(book, plan.left_out, plan.bands, plan.seed, self.config.rate, cache, progress)
        if plan.left_out:
            raise InputError("only the generated corpus has kinds to leave out; name tracks for validation instead")
        return stock_of_folder(corpus, plan.validation, self.config.rate, cache, progress)

    # ------------------------------------------------------------------------------------------------- resuming

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

        tensors, stored = checkpoint.load(path)
        mine = json.loads(json_line(dataclasses.asdict(self.plan)))
        theirs = {**json.loads(json_line(dataclasses.asdict(Plan(self.plan.net)))), **stored["plan"]}
        differing = [key for key in mine if key != "steps" and theirs[key] != mine[key]]
        if differing:
            listed = ", ".join(f"{key} {theirs[key]} there, {mine[key]} here" for key in differing)
            raise InputError(f"'{path}' belongs to a run with other settings ({listed}); choose another folder")
        checkpoint.load_network(path, self.network)
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("adam."):
                _, number, name = key.split(".")
                moments.setdefault(int(number), {})[name] = value
        self.adam.load_state_dict({**self.adam.state_dict(), "state": moments})
        state = dict(stored["state"])
        self.state = State(**{**state, "best": read_number(state["best"], state.pop("best_reason", None))})
        trim_log(self.output / LOG, self.state.step)

    # -------------------------------------------------------------------------------------------------- training loop

    def learn(self, seconds: float = math.inf, progress: Progress = quiet) -> None:
        """Train until the plan is completed, patience is exhausted or the time is over."""
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
                self._validate(float(np.mean(losses)), board)
                losses = []
            progress(
                f"step {self.state.step}, best {shown(self.state.best, 2, sign=True)} dB",
                self.state.step / self.plan.steps,
            )
        if losses:
            self._validate(float(np.mean(losses)), board)
        if board is not None:
            board.close()

    def _batches(self, first: int) -> Iterator[tuple[Floats, Floats]]:
        """Draw batches ahead in threads, in the order of the steps."""
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
            raise InputError(f"the loss is not finite at step {number + 1}; train again with a lower --rate")
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.adam.step()
        return float(loss.detach())

    def _validate(self, loss: float, board: Any) -> None:
        improvement = float(np.median(self.sdr_improvements())) if self.heldout.songs else 0.0
        if improvement > self.state.best or not self.heldout.songs:
            self.state.best, self.state.waited = improvement, 0
            self._save_best()
        else:
            self.state.waited += 1
        row = {
            "step": self.state.step,
            "loss": loss,
            "rate": learning_rate(self.plan, self.state.step - 1),
            "gain_db": improvement,
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

    def sdr_improvements(self, examples: int = 48) -> Floats:
        """Return SDR improvements over the unprocessed microphones, in dB, on excerpts of the validation songs."""
        import torch

        self.network.eval()
        found = []
        for number in range(examples):
            mics, images = self.heldout.example("look", number)
            with torch.no_grad():
                out = self.network(torch.from_numpy(mics)[None].to(self.device))[0].float().cpu().numpy()
            found.append(improvements(mics, images, out))
        return np.concatenate(found)

    # ----------------------------------------------------------------------------------------------- results

    def finish(self, progress: Progress = quiet) -> dict[str, Any]:
        """Export the best network as ONNX, safetensors, JSON and a model card, all named after the network.

        Returns
        -------
        Content of the JSON file.
        """
        from debleed.nets import checkpoint
        from debleed.nets.exporting import export
        from debleed.scenes.corpus import checksum

        name, net = self.plan.name, described(self.plan.net)
        network = build(self.plan.net, self.config)
        stored = checkpoint.load_network(self.output / BEST, network)
        export(network, self.output / f"{name}.onnx", any_mics=net.sources is None and not net.alone)
        halves = {f"net.{key}": value.half() for key, value in network.state_dict().items()}
        checkpoint.save(self.output / f"{name}.safetensors", halves, {"net": self.plan.net, **stored})
        description = {
            "net": self.plan.net,
            "variant": self.plan.variant,
            "config": dataclasses.asdict(self.config),
            "plan": dataclasses.asdict(self.plan),
            "tracks": list(self.stock.names),
            "steps": stored["state"]["step"],
            **json_numbers("validation_gain_db", round(self.state.best, 2)),
            "hours": round(self.state.seconds / 3600, 3),
            "examples_per_second": round(self.state.step * self.plan.batch / max(self.state.seconds, 1e-9), 2),
            "device": device_name(self.device),
            "parameters": sum(value.numel() for value in network.parameters()),
            "commit": commit(),
            "sha256": {suffix: checksum(self.output / f"{name}.{suffix}") for suffix in ("onnx", "safetensors")},
        }
        write_text(self.output / f"{name}.json", json_text(description))
        if self.stock.kinds:
            scenes = dataclasses.replace(self.heldout.scenes, seed=f"{self.plan.seed}/test")
            drawn = dataclasses.replace(self.heldout, scenes=scenes)
            description["kinds"] = by_kind(
                *(self.stock.kinds, self.stock.names, drawn, self.plan.net, self.plan.source, self.output), progress
            )
            write_text(self.output / f"{name}.json", json_text(description))
        write_text(self.output / f"{name}.md", card(description, self.output / LOG))
        return description


def trim_log(path: Path, step: int) -> None:
    """Remove log entries that an interrupted run wrote after its last checkpoint."""
    if path.exists():
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        kept = [row for row in rows if row.split(",")[0].isdigit() and int(row.split(",")[0]) <= step]
        write_text(path, "\n".join([head, *kept]) + "\n")


def tensorboard(output: Path) -> Any:
    """Open a TensorBoard log, if TensorBoard is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(output / "tensorboard")  # type: ignore[no-untyped-call,unused-ignore]


@cache
def halves_on_cpu() -> bool:
    """Whether this processor is faster in bfloat16 than in float32 (twice as fast, measured with AVX-512)."""
    import torch

    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # missing in older versions
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def device_name(device: str) -> str:
    """Return a description of the device."""
    if device == "cpu":
        return f"{platform.machine()} CPU, {os.cpu_count()} cores"
    import torch

    return str(torch.cuda.get_device_name(device))
