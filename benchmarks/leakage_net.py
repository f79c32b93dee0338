"""Train the leakage estimator (debleed.methods.demix.leakage_net) on songs and drums that bleed, with the truth.

    python benchmarks/leakage_net.py SCRATCH [--songs Caesium Francium Hydrogen] [--out FILE] [--score]

Needs debleed[train] and the material of corpora.toml. Recordings are drawn from their numbers, demixed by the filters
of demix, and what the network sees of them is kept in SCRATCH, so a run that is stopped goes on. Of the drum kit it
learns from hits of odd numbers. Every seventh recording is for validation. --score trains nothing: it measures the
change of SDR on recordings of the songs named and of even hits, and writes it beside the weights. Half an hour on two
cores, nearly all of it for demixing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import scipy.ndimage
import torch
from scipy.signal import resample_poly

from debleed.dsp.stft import nfft_at, stft
from debleed.methods.demix.excerpt import sounding_excerpt
from debleed.methods.demix.features import HOPS, NFFT, reverberate, stacked
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.leakage_net import SHIPPED
from debleed.methods.demix.leakage_net import load as load_weights
from debleed.methods.demix.method import STEPS, Demix, Demixed, State, calibrated_features
from debleed.methods.demix.postfilter import DECAY_TIMES, Postfilter
from debleed.progress import quiet
from debleed.recording import Recording, Samples
from debleed.scenes.rendering import render_own
from debleed.scenes.scene import draw_scene
from debleed.scenes.takes import take
from debleed.seeding import generator
from debleed.training.material import SPEEDS, played
from debleed.training.modelcard import commit
from leakage_net_torch import Example, Network, gained, loss
from material import KIT, SONGS, refuse_absence

HEARD = ("Caesium", "Francium", "Hydrogen")
"""Songs that the shipped network learnt from."""

SONG_RATE = 22050
POINTS, POINTS_A_STEP = 400, 130
"""Frames kept of each recording, and drawn from them for a step of training."""

BATCH, RATE = 4, 3e-3

CAUTION = 0.6
"""Of what was learnt of λ so much is believed. Measured on songs (and drums) never heard: median gain +1.0 dB (+2.5);
2.8 % of the microphones of songs lose more than 0.1 dB. Believed whole: +1.1 dB (+3.0), 3.9 %. Of drums none does."""


def scene_of(rng: np.random.Generator, key: str, songs: Sequence[str]) -> tuple[Recording, Recording]:
    """Draw a recording: a song, two at once, or stems of several; a room or made-up responses, some with noise."""
    seconds = float(rng.choice([10, 20, 40, 60], p=[0.35, 0.35, 0.2, 0.1]))
    speed = SPEEDS[int(rng.integers(len(SPEEDS)))]
    kind = rng.choice(["song", "two", "mixed"], p=[0.7, 0.12, 0.18])
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
    names = [f"{k}.{song}" for k, (song, _) in enumerate(chosen)]
    settings = {"rt60": float(rng.uniform(0.25, 1.0))}
    where = str(rng.choice(["room", "convolutive"], p=[0.75, 0.25]))
    if where == "room":
        settings["distance"] = float(rng.choice([0.3, 0.5, 0.5, 0.5, 1.0, 1.5]))
    if rng.random() < 0.3:
        settings["noise_db"] = float(rng.uniform(-60, -35))
    return render_own(draw_scene(where, names, SONG_RATE, key, **settings), np.stack(rows).astype(np.float32))


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


def take_of(rng: np.random.Generator, number: int, hits: str) -> tuple[Recording, Recording]:
    """Draw a take of the kit."""
    seconds, rate = float(rng.choice([12, 20])), int(rng.choice([22050, 22050, 44100]))
    bleed, bpm = float(rng.choice([0, 6, 12, 12, 15])), float(rng.uniform(80, 150))
    return take(KIT, 1000 + number, seconds, bleed_db=bleed, choice=hits, bpm=bpm, rate=rate)


def prepare(scratch: Path, songs: Sequence[str], hits: str, number: int) -> Path | None:
    """Draw, demix and keep one recording; none where there was nothing to demix."""
    kind = "take" if number % 4 == 3 else "song"
    key = f"leakage/{kind}/{'+'.join(songs) if kind == 'song' else hits}/{number}"
    path = scratch / f"{kind}-{hashlib.sha256((key + method_state()).encode()).hexdigest()[:16]}.npz"
    if path.exists():
        return path
    rng = generator(key)
    mics, own = take_of(rng, number, hits) if kind == "take" else scene_of(rng, key, songs)
    sounding, heard = sounding_excerpt(mics, 120.0)
    if len(sounding) < len(mics):
        return None
    state = separated(heard, mics)
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
    np.savez(part, names=np.array(sorted(seen)), **arrays)
    part.replace(path)
    return path


def separated(heard: Samples, mics: Recording) -> State:
    """Let demix learn from an excerpt, all but the postfilter."""
    settings, none, count = Demix(), Demixed.none(len(mics)), len(mics)
    ones = np.ones(count, np.float32)
    state = State(heard, mics.rate, mics.can_bleed(), ones, None, Filters.none(count), heard, none)
    for step, _ in STEPS[:-1]:
        state = step(state, settings, quiet)
    return state


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


def load(path: Path, names: Sequence[str] | None = None) -> Example:
    """Read what was kept, with its features in the order of their names, or that of ``names``."""
    with np.load(path) as arrays:
        held = {name: torch.from_numpy(arrays[name]) for name in arrays.files if name != "names"}
    if names is not None:
        held["features"] = held["features"][..., [names_of(path).index(name) for name in names]]
    bands, bins = held["features"].shape[2], held["power"].shape[1]
    unit = np.broadcast_to(np.eye(bands, dtype=np.float32)[None, :, None], (len(DECAY_TIMES), bands, 1, bands))
    spread = Postfilter(unit).over_bins(bins)[0, :, 0]
    return Example(**held, spread=torch.from_numpy(spread))


def names_of(path: Path) -> list[str]:
    """Names of the features that were kept, in their order."""
    with np.load(path) as arrays:
        return [str(name) for name in arrays["names"]]


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


def keep(network: Network, names: Sequence[str], out: Path, songs: Sequence[str], figures: dict[str, str]) -> None:
    """Write the weights, and what is known of them."""
    held = network.weights()
    np.savez(out, features=np.array(names), **held)
    sha = hashlib.sha256(out.read_bytes()).hexdigest()
    history = {
        "learnt from": [*songs, "drum kit, hits of odd numbers"],
        "parameters": int(sum(values.size for values in held.values())),
        "change of SDR by the gain": figures,
        "made by": f"python benchmarks/leakage_net.py, commit {commit()}",
    }
    out.with_suffix(".json").write_text(json.dumps({"sha256": sha, **history}, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scratch", type=Path, help="what is prepared is kept here")
    parser.add_argument("--songs", nargs="+", choices=SONGS.starts, default=list(HEARD))
    parser.add_argument("--recordings", type=int, default=200, help="songs and, one in four, takes of the kit")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--score", action="store_true", help="score the shipped network on these songs and even hits")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="the weights; a .json is written beside them")
    return parser.parse_args()


def main() -> None:
    """Prepare, then train or score."""
    args = parse()
    refuse_absence()
    args.scratch.mkdir(parents=True, exist_ok=True)
    work = partial(prepare, args.scratch, args.songs, "even" if args.score else "odd")
    found = []
    with ProcessPoolExecutor() as pool:
        for number, path in enumerate(pool.map(work, range(args.recordings)), 1):
            found += [path] if path else []
            print(f"\rprepared {number} of {args.recordings}", end="", flush=True)
    print()
    names = load_weights(args.out).features if args.score else names_of(found[0])
    of_kind = {kind: [load(path, names) for path in found if path.name.startswith(kind)] for kind in ("song", "take")}
    if args.score:
        known = load_weights(args.out).arrays
        network = Network(known["mean"], known["scale"])
        network.load_state_dict({name: torch.from_numpy(values) for name, values in known.items()})
        described = json.loads(args.out.with_suffix(".json").read_text(encoding="utf-8"))
        for kind, examples in of_kind.items():
            figure = described["change of SDR by the gain"][f"{kind}s never heard"] = summed_up(examples, network)
            print(f"{kind}s never heard: {figure}")
        args.out.with_suffix(".json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        return
    learn = [e for examples in of_kind.values() for k, e in enumerate(examples) if k % 7]
    network = train(learn, args.epochs)
    figures = {f"{kind}s, validation": summed_up(examples[::7], network) for kind, examples in of_kind.items()}
    for kind, text in figures.items():
        print(f"{kind}: {text}")
    keep(network, names, args.out, args.songs, figures)


if __name__ == "__main__":
    main()
