"""Train the leakage estimator (debleed.methods.demix.leakage_net) on songs and drums that bleed, with the truth.

    python benchmarks/leakage_net.py SCRATCH [--out FILE]

Needs debleed[train] and the material of corpora.toml. Recordings are drawn from their numbers: songs in rooms and on
stages, and takes of two drum kits. demix filters them, and what the network sees of them is kept in SCRATCH, so a run
that is stopped goes on. The network learns from all songs and from the hits of odd numbers of both kits. What it does
to material that it never heard is measured by networks that learn without one song or kit each, and are scored on it.
Three quarters of an hour on two cores, most of it for demixing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage
import torch
from scipy.signal import resample_poly

from debleed.dsp.stft import nfft_at, stft
from debleed.methods.demix.excerpt import sounding_excerpt
from debleed.methods.demix.features import HOPS, NFFT, reverberate, stacked
from debleed.methods.demix.leakage_net import SHIPPED
from debleed.methods.demix.method import Demix
from debleed.methods.demix.postfilter import DECAY_TIMES, Postfilter
from debleed.methods.demix.steps import STEPS, State, calibrated_features
from debleed.progress import quiet
from debleed.recording import Recording, Samples
from debleed.scenes.rendering import render_own
from debleed.scenes.scene import draw_scene
from debleed.scenes.takes import Kit, take
from debleed.seeding import generator
from debleed.training.material import SPEEDS, played
from debleed.training.modelcard import commit
from leakage_net_torch import Example, Network, gained, loss
from material import KITS, SONGS, refuse_absence

SONG_RATE = 22050
POINTS, POINTS_A_STEP = 400, 130
"""Frames kept of each recording, and drawn from them for a step of training."""

BATCH, RATE = 4, 3e-3

CAUTION = 0.6
"""Of what was learnt of λ so much is believed."""

MISHAPS = ("crowd=-25,-10", "wedge", "compressor", "clipping")
"""What may happen on the stages that are drawn; nothing that needs the alignment of files, which demix does not see."""

KINDS = ("song", "stage", "song", "stage", "song", *KITS)
"""What the recordings are, in turn."""


def songs_of(rng: np.random.Generator, stage: bool) -> tuple[list[str], Samples]:
    """Draw a song, two at once, or stems of several: names of the stems with their songs, and the stems."""
    seconds = float(rng.choice([10, 20, 40, 60], p=[0.35, 0.35, 0.2, 0.1]))
    speed = SPEEDS[int(rng.integers(len(SPEEDS)))]
    kind = "song" if stage else rng.choice(["song", "two", "mixed"], p=[0.7, 0.12, 0.18])
    songs = list(SONGS.starts)
    for _ in range(40):
        if kind == "mixed":
            chosen = [(str(rng.choice(songs)), part) for part in rng.permutation(4)[: rng.integers(2, 5)]]
            starts = {pair: rng.random() for pair in chosen}
        else:
            several = rng.permutation(songs)[: 2 if kind == "two" else 1]
            chosen = [(str(song), part) for k, song in enumerate(several) for part in range(4 - k * rng.integers(3))]
            at = {song: rng.random() for song in several}
            starts = {pair: at[pair[0]] for pair in chosen}
        stems = [stem(song, int(part), starts[song, part], seconds, speed) for song, part in chosen]
        if all(np.std(row) > 0.015 for row in stems):  # of 0.1 over the whole song
            break
    alike = rng.random() < 0.5
    rows = [row / (10 * np.std(row) if alike else 1) * 10 ** (rng.uniform(-4, 4) / 20) for row in stems]
    return [f"{k}.{song}" for k, (song, _) in enumerate(chosen)], np.stack(rows).astype(np.float32)


def scene_of(rng: np.random.Generator, key: str, stage: bool) -> tuple[Recording, Recording, set[str]]:
    """Draw a recording of songs: a stage, a room or made-up responses, some with noise; also return the songs."""
    names, rows = songs_of(rng, stage)
    settings: dict[str, Any] = {"rt60": float(rng.uniform(0.25, 1.0))}
    where = "stage" if stage else str(rng.choice(["room", "convolutive"], p=[0.75, 0.25]))
    if where == "stage":
        settings |= {"distance": float(rng.choice([0.2, 0.3, 0.5])), "mishaps": MISHAPS, "chance": 0.25}
    elif where == "room":
        settings["distance"] = float(rng.choice([0.3, 0.5, 0.5, 0.5, 1.0, 1.5]))
    if where != "stage" and rng.random() < 0.3:
        settings["noise_db"] = float(rng.uniform(-60, -35))
    scene = draw_scene(where, names, SONG_RATE, key, **settings)
    mics, own = render_own(scene, rows)
    return mics, own, {name.split(".", 1)[1] for name in names}


def stem(song: str, part: int, start: float, seconds: float, speed: tuple[int, int]) -> Samples:
    """Read a stretch of a stem, played at a speed; ``start`` is a share of the song."""
    whole, count = _song(song), round(seconds * SONG_RATE)
    heard = played(count, speed)
    first = int(start * max(1, whole.shape[1] - heard))
    stretch: Samples = resample_poly(whole[part, first : first + heard], speed[1], speed[0])[:count]
    return stretch


_held: dict[str, Samples] = {}


def _song(song: str) -> Samples:
    if song not in _held:
        _held[song] = np.stack(
            list(SONGS.stems(song, SONG_RATE, 236.0, start=0.0).values())
        )  # the shortest lasts 236 s
    return _held[song]


def take_of(rng: np.random.Generator, number: int, kit: Kit, hits: str) -> tuple[Recording, Recording]:
    """Draw a take of a kit, in half of them with fewer microphones than it has."""
    seconds, rate = float(rng.choice([12, 20])), int(rng.choice([22050, 22050, 44100]))
    bleed, bpm = float(rng.choice([0, 6, 12, 12, 15])), float(rng.uniform(80, 150))
    count = len(kit.microphones) if rng.random() < 0.5 else int(rng.integers(2, len(kit.microphones) + 1))
    if len(kit.microphones) == 2:  # the second kit bleeds enough as it is
        bleed = float(rng.choice([-6, 0, 0, 3]))
    few = replace(kit, microphones=kit.microphones[:count])
    return take(few, 1000 + number, seconds, bleed_db=bleed, choice=hits, bpm=bpm, rate=rate)


def prepare(scratch: Path, number: int) -> Path | None:
    """Draw, demix and keep one recording; none where there was nothing to demix."""
    kind, key = KINDS[number % len(KINDS)], f"leakage/{number}"
    path = scratch / f"{number:05}-{hashlib.sha256((key + method_state()).encode()).hexdigest()[:16]}.npz"
    if path.exists():
        return path
    rng = generator(key)
    if kind in KITS:
        hits = "even" if number // len(KINDS) % 3 == 2 else "odd"
        mics, own = take_of(rng, number, KITS[kind], hits)
        made_of = {kind, hits}
    else:
        mics, own, made_of = scene_of(rng, key, kind == "stage")
    sounding, heard, _ = sounding_excerpt(mics, 120.0)
    if len(sounding) < len(mics):
        return None
    settings = Demix()
    state = State.begun(heard, mics.rate, mics.can_bleed(), mics.sources)
    for step, _ in STEPS[:-1]:
        state = step(state, settings, quiet)
    if state.broadband.instantaneous or not state.broadband.changed_mics.any():
        return None
    seen, gains = calibrated_features(state.samples, state.sources, state.broadband, mics.rate, state.allowed)
    before = np.mean(np.square(mics.read()), axis=1, keepdims=True)
    scale = np.sqrt(np.mean(np.square(state.samples), axis=1, keepdims=True) / before)
    evened = gains[:, None]
    arrays = points(state.sources / evened, own.read() * scale / evened, mics.rate, rng)
    arrays |= {
        "features": stacked(seen, sorted(seen)),
        "allowed": state.allowed,
        "touched": state.broadband.changed_mics,
    }
    part = path.with_suffix(f".{os.getpid()}.part.npz")
    np.savez(part, names=np.array(sorted(seen)), made_of=np.array(sorted(made_of)), **arrays)
    part.replace(path)
    return path


def method_state() -> str:
    """Tell one state of the code from another: what is kept in SCRATCH belongs to one."""
    code = [*sorted(SHIPPED.parent.glob("*.py")), Path(__file__), Path(__file__).with_name("corpora.toml")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest()


def points(sources: Samples, own: Samples, rate: int, rng: np.random.Generator) -> dict[str, Samples]:
    """Keep some frames of what the gain is made of, and of what it is to reach."""
    nfft = nfft_at(rate, NFFT)
    spectra, truth = (stft(rows.astype(np.float32), nfft, nfft // HOPS) for rows in (sources, own))
    power = np.square(np.abs(spectra))
    sources = np.stack([reverberate(power, rate, seconds) for seconds in DECAY_TIMES])
    smooth = np.maximum(scipy.ndimage.uniform_filter(power, (1, 3, 3)), 0)
    some = np.sort(rng.permutation(power.shape[-1])[:POINTS])
    all_of = {
        "power": power,
        "smooth": smooth,
        "agreement": (spectra * truth.conj()).real,
        "wanted": np.square(np.abs(truth)),
        "sources": sources,
    }
    return {name: values[..., some].astype(np.float32) for name, values in all_of.items()}


def load(path: Path) -> Example:
    """Read what was kept, with its features in the order of their names."""
    with np.load(path) as arrays:
        about = ("names", "made_of")
        held = {name: torch.from_numpy(arrays[name]) for name in arrays.files if name not in about}
    bands, bins = held["features"].shape[2], held["power"].shape[1]
    unit = np.broadcast_to(np.eye(bands, dtype=np.float32)[None, :, None], (len(DECAY_TIMES), bands, 1, bands))
    spread = Postfilter(unit).over_bins(bins)[0, :, 0]
    return Example(**held, spread=torch.from_numpy(spread))


def described(path: Path) -> tuple[set[str], list[str]]:
    """Return what a recording was made of, and the names of its features."""
    with np.load(path) as arrays:
        return {str(name) for name in arrays["made_of"]}, [str(name) for name in arrays["names"]]


def train(examples: Sequence[Example], epochs: int) -> Network:
    """Fit the network, for so many turns through all examples."""
    torch.manual_seed(0)
    seen = np.concatenate([e.features[e.allowed].numpy().reshape(-1, e.features.shape[-1]) for e in examples])
    network = Network(seen.mean(axis=0), seen.std(axis=0) + 1e-3)
    steps = epochs * -(-len(examples) // BATCH)
    adam = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, total_steps=steps)
    rng = np.random.default_rng(0)
    for epoch in range(epochs):
        began, order = time.perf_counter(), rng.permutation(len(examples))
        network.train()
        for first in range(0, len(order), BATCH):
            losses = []
            for k in order[first : first + BATCH]:
                some = rng.permutation(examples[k].power.shape[-1])[:POINTS_A_STEP]
                example = examples[k].some(torch.from_numpy(some))
                losses.append(loss(example, network(example.features, example.allowed)))
            adam.zero_grad()
            torch.stack(losses).mean().backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            adam.step()
            rate.step()
        if epoch % 5 == 4 or epoch + 1 == epochs:
            print(
                f"epoch {epoch + 1}/{epochs}, {time.perf_counter() - began:.0f} s: {summed_up(examples, network)}",
                flush=True,
            )
    with torch.no_grad():
        network.last.bias += float(np.log(CAUTION))
    return network


def summed_up(examples: Sequence[Example], network: Network) -> str:
    """Sum up the change of SDR over all touched microphones."""
    network.eval()
    with torch.no_grad():
        changes = torch.cat([gained(e, network(e.features, e.allowed))[0] for e in examples]).numpy()
    return (
        f"{len(changes)} microphones, median {np.median(changes):+.2f} dB, mean {changes.mean():+.2f}, least "
        f"{changes.min():+.2f}; {np.mean(changes < -0.1):.1%} lose more than 0.1"
    )


def left_out(about: Mapping[Path, tuple[set[str], list[str]]], epochs: int, name: str) -> str:
    """Train a network without a song or a kit, and sum up what it does to recordings of it."""
    torch.set_num_threads(1)
    network = train([load(path) for path in about if not about[path][0] & {"even", name}], epochs)
    return summed_up([load(path) for path in about if name in about[path][0]], network)


def keep(network: Network, names: Sequence[str], out: Path, figures: Mapping[str, str]) -> None:
    """Write the weights, and what is known of them."""
    held = network.weights()
    np.savez(out, features=np.array(names), **held)
    sha = hashlib.sha256(out.read_bytes()).hexdigest()
    history = {
        "learnt from": [*SONGS.starts, *(f"{kit}, hits of odd numbers" for kit in KITS)],
        "parameters": int(sum(values.size for values in held.values())),
        "change of SDR by the gain": figures,
        "made by": f"python benchmarks/leakage_net.py, commit {commit()}",
    }
    out.with_suffix(".json").write_text(json.dumps({"sha256": sha, **history}, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scratch", type=Path, help="what is prepared is kept here")
    parser.add_argument("--recordings", type=int, default=280, help="songs, stages and takes of both kits")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--out", type=Path, default=SHIPPED, help="the weights; a .json is written beside them")
    return parser.parse_args()


def main() -> None:
    """Prepare, train and score."""
    args = parse()
    refuse_absence()
    args.scratch.mkdir(parents=True, exist_ok=True)
    found = []
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for number, path in enumerate(pool.map(partial(prepare, args.scratch), range(args.recordings)), 1):
            found += [path] if path else []
            print(f"\rprepared {number} of {args.recordings}", end="", flush=True)
    print()
    about = {path: described(path) for path in found}
    names = [*SONGS.starts, *KITS]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        sums = pool.map(partial(left_out, about, args.epochs), names)
        figures = {f"without {name}: on it": figure for name, figure in zip(names, sums, strict=True)}
    network = train([load(path) for path in found if "even" not in about[path][0]], args.epochs)
    figures["hits of even numbers"] = summed_up([load(path) for path in found if "even" in about[path][0]], network)
    for what, figure in figures.items():
        print(f"{what}: {figure}")
    keep(network, about[found[0]][1], args.out, figures)


if __name__ == "__main__":
    main()
