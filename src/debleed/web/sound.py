"""Samples and spectrograms of a run, for listening and display."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from debleed.io.audio import Take
from debleed.io.documents import json_line, write_bytes
from debleed.recording import Recording, Samples
from debleed.report.pictures import png, shades, spectrogram
from debleed.web import layouts
from debleed.web.limits import LONGEST_WINDOW, Refusal
from debleed.web.sessions import read, stored_take
from debleed.web.work import LAYERS, opened, stored_result

TILE = 20
"""Length of one picture in seconds."""

OPEN = 4
"""Maximum number of open recordings."""


@dataclass(frozen=True)
class Heard:
    """A recording open for listening: before, and after if there was a run."""

    take: Take
    before: Recording
    after: Recording | None

    def layer(self, name: str, start: int, stop: int) -> Samples:
        """Read one layer, ``(mics, samples)``, float32."""
        if name not in LAYERS or (self.after is None and name != "before"):
            raise Refusal(f"there is no layer '{name}' to play", 404)
        if name == "before" or self.after is None:
            return self.before.read(start, stop).astype(np.float32)
        after = self.after.read(start, stop)
        return (after if name == "after" else self.before.read(start, stop) - after).astype(np.float32)


class OpenRecordings:
    """A cache of the most recently used recordings; safe to use from several threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[Path, str], Heard] = OrderedDict()
        self._lock = Lock()

    def run(self, place: Path) -> Heard:
        """Open a run."""
        if not (place / "figures.json").is_file():
            raise Refusal("this run has no result to listen to (yet)", 409)
        return self._get(place, "", lambda: open_run(place))

    def session(self, place: Path) -> Heard:
        """Open the files of a session as they are."""
        meta = read(place / "session.json")
        if not meta["files"]:
            raise Refusal("there are no files to listen to yet", 409)

        def begin() -> Heard:
            take = stored_take(meta, place)
            return Heard(take, take.recording(), None)

        return self._get(place, json_line([layouts.wholes(meta), layouts.units(meta)]), begin)

    def _get(self, place: Path, version: str, begin: Callable[[], Heard]) -> Heard:
        with self._lock:
            key = (place, version)
            if key not in self._open:
                self._open[key] = begin()
            self._open.move_to_end(key)
            while len(self._open) > OPEN:  # the files close when the last request lets go of them
                self._open.popitem(last=False)
            return self._open[key]

    def forget(self, place: Path) -> None:
        """Close everything in a folder that is about to be deleted."""
        with self._lock:
            for key in [key for key in self._open if key[0] == place or place in key[0].parents]:
                del self._open[key]


def open_run(place: Path) -> Heard:
    """Open the files and the result of a run."""
    meta = read(place / "run.json")
    ready = opened(place, meta)
    return Heard(ready.take, ready.recording, stored_result(place, ready.recording))


def window(heard: Heard, layers: list[str], start: int, count: int) -> bytes:
    """Return samples of all microphones, little-endian float32, ``(layers, mics, count)``; silence outside."""
    if start < 0 or count <= 0 or 4 * count * len(heard.before) * len(layers) > LONGEST_WINDOW:
        raise Refusal("the requested range of samples is invalid or too long; request a shorter one")
    return b"".join(heard.layer(name, start, start + count).astype("<f4").tobytes() for name in layers)


def one(heard: Heard, layer: str, mic: int, start: int, stop: int) -> Samples:
    """Read one microphone of a layer, in pieces whose size does not grow with the number of microphones."""
    step = max(1, LONGEST_WINDOW // (4 * len(heard.before)))
    pieces = [(at, min(at + step, stop)) for at in range(start, stop, step)]
    return np.concatenate([heard.layer(layer, *piece)[mic].copy() for piece in pieces])


def tile(heard: Heard, place: Path, layer: str, mic: int, number: int) -> bytes:
    """Draw one tile of a spectrogram as PNG, or read it from disk if it was drawn before."""
    before = heard.before
    if layer not in LAYERS or not 0 <= mic < len(before) or not 0 <= number * TILE * before.rate < before.length:
        raise Refusal("there is no such picture", 404)
    kept = place / "pictures" / f"{layer}-{mic}-{number}.png"
    if not kept.is_file():
        start = number * TILE * before.rate
        stop = min(start + TILE * before.rate, before.length)
        samples = one(heard, layer, mic, start, stop)
        drawn = png(shades(spectrogram(samples, before.rate), read(place / "figures.json")["brightest"][mic]))
        kept.parent.mkdir(exist_ok=True)
        write_bytes(kept, drawn)
        return drawn
    return kept.read_bytes()
