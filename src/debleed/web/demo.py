"""The demo session: the microphones of a band and the result of a run, which come with the package.

``python -m debleed.web.demo`` makes both anew: a synthesised band plays four bars of its song in a simulated room, and
a run on a page of its own removes the bleed. What is stored is its input, its result and the files that describe it.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from debleed.io.audio import Take
from debleed.io.forms import Form
from debleed.io.writing import Writer
from debleed.progress import quiet
from debleed.recording import Samples
from debleed.scenes.demo import BEAT, RT60, SOURCES, play
from debleed.scenes.scene import draw_scene
from debleed.web.sessions import Store, lay_out, read, write
from debleed.web.work import kept, opened

SHIPPED = Path(__file__).with_name("demo_band")
"""What :func:`make` made: ``mics``, ``clean`` and :data:`FILES`."""

NAME = "demo band"

RATE = 22050
"""Samples per second: with a higher rate the demo would be too large for a wheel."""

BARS = (2, 6)
"""The bars of the song that are played, the first of the verse: 10 s that can be looped."""

BITS = 14
"""Of the 16 bits of a sample, those that are used: the files are a quarter smaller, and the noise stays 60 dB below the
microphones."""

FORM = Form("FLAC", "PCM_16", ".flac")
"""The format of its files."""

FILES = ("run.json", "figures.json")
"""What describes the run."""


def recorded() -> Samples:
    """Let the band play, and return the microphones ``(mics, samples)`` in the order of the sources."""
    first, last = (round(4 * BEAT * RATE * bar) for bar in BARS)
    stems = play(last / RATE, RATE)[:, first:last]
    return draw_scene("room", SOURCES, RATE, "demo", rt60=RT60).render(stems).mics


def store(folder: Path, names: Sequence[str], samples: Samples) -> list[Path]:
    """Write each row of samples ``(files, samples)`` as a FLAC file of :data:`BITS` bits; return the paths by name."""
    folder.mkdir()
    step = 2.0 ** (1 - BITS)
    for name, row in zip(names, samples, strict=True):
        file = Writer(folder, name, FORM, RATE, 1, len(row))
        file.write(np.rint(row[None] / step) * step)
        file.close()
    return sorted(folder.iterdir())


def make(folder: Path, data: Path) -> None:
    """Make the demo in a folder, with the data folder of a page of its own; both are empty."""
    from debleed.web.limits import Limits
    from debleed.web.service import Service

    service = Service(data, Limits(spare=0))
    key = service.store.create(NAME)["id"]
    add(service.store, key, store(folder / "mics", SOURCES, recorded()))
    run = service.begin(key, {"method": "demix"})["id"]
    while service.jobs.state(f"{key}/{run}"):
        time.sleep(0.1)
    service.jobs.stop()
    service.quick.stop()
    place = service.store.run_place(key, run)
    for name in FILES:
        shutil.copyfile(place / name, folder / name)
    store(folder / "clean", read(folder / "figures.json")["names"], np.load(place / "after.npy"))


def add(store: Store, key: str, paths: Sequence[Path]) -> None:
    """Add copies of files to a session."""
    for path in paths:
        copy = store.place(key) / "incoming" / secrets.token_hex(8)
        shutil.copyfile(path, copy)
        store.adopt(key, copy, path.name)


def install(store: Store) -> str:
    """Create the demo session with its finished run, and return its name on the disk."""
    key = str(store.create(NAME)["id"])
    try:
        _fill(store, key)
    except BaseException:
        store.delete(key)
        raise
    return key


def _fill(store: Store, key: str) -> None:
    add(store, key, sorted((SHIPPED / "mics").iterdir()))
    meta = store.change(key, lambda found: found.update(demo=True))
    run = read(SHIPPED / "run.json") | {"id": secrets.token_hex(8), "created": time.time()}
    place = store.place(key) / "runs" / run["id"]
    lay_out(meta, store.place(key), place / "take" / meta["name"])
    with closing(opened(place, run)) as ready, closing(Take.open(sorted((SHIPPED / "clean").iterdir()))) as clean:
        kept(place, ready.recording, clean.recording(), quiet)
    shutil.copyfile(SHIPPED / "figures.json", place / "figures.json")
    write(place / "run.json", run)  # last: without it a run is not there


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        made = Path(work, "demo")
        made.mkdir()
        make(made, Path(work, "data"))
        shutil.rmtree(SHIPPED, ignore_errors=True)
        shutil.copytree(made, SHIPPED)
