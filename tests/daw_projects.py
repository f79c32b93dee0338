"""Projects of REAPER for tests, written by the library rpp, and a band to play in them."""

from pathlib import Path

import numpy as np
import soundfile as sf
from rpp import Element, dumps

from bands import RATE, bled, sources

NAMES = ("vox", "gtr", "drums")


def band(folder: Path, seconds: float = 4, names: tuple[str, ...] = NAMES) -> np.ndarray:
    """Write a band's microphones, 24 bit, and return them as the files hold them."""
    mics = bled(sources(len(names), seconds=seconds))
    mics *= 0.5 / np.abs(mics).max()
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in zip(names, mics, strict=True):
        sf.write(folder / f"{name}.wav", samples, RATE, "PCM_24")
    return np.round(mics * 2**23) / 2**23


def guid(number: int) -> str:
    return f"{{00000000-0000-4000-8000-{number:012d}}}"


def item(file: str, position: float = 0, length: float = 4, offset: float = 0, more: tuple[list[str], ...] = ()):
    """An item with fades and a gain."""
    kind = {".flac": "FLAC", ".mid": "MIDI"}.get(Path(file).suffix, "WAVE")
    lines = [
        ["POSITION", str(position)],
        ["LENGTH", str(length)],
        ["LOOP", "0"],
        ["FADEIN", "1", "0.25", "0", "1", "0", "0"],
        ["FADEOUT", "1", "0.5", "0", "1", "0", "0"],
        ["MUTE", "0", "0"],
        ["IGUID", guid(100)],
        ["IID", "7"],
        ["NAME", f"take {file}"],
        ["VOLPAN", "0.5", "0", "1", "-1"],
        ["SOFFS", str(offset)],
        ["PLAYRATE", "1", "1", "0", "-1", "0", "0.0025"],
        ["CHANMODE", "0"],
    ]
    keys = {line[0] for line in more}
    source = Element("SOURCE", [kind], [["FILE", file]])
    return Element("ITEM", [], [*(line for line in lines if line[0] not in keys), *more, source])


def track(name: str, *items: Element, number: int = 0, more: tuple[list[str], ...] = ()) -> Element:
    lines = [
        ["NAME", name],
        ["VOLPAN", "0.7", "-0.2", "-1", "-1", "1"],
        ["MUTESOLO", "0", "0", "0"],
        ["ISBUS", "0", "0"],
        ["REC", "1", "0", "0", "0", "0", "0", "0"],
        ["TRACKID", guid(number)],
    ]
    keys = {line[0] for line in more}
    kept = [line for line in lines if line[0] not in keys]
    chain = Element("FXCHAIN", [], [Element("VST", ["VST: ReaEQ", "reaeq.dll", "0", ""], ["YWJj"]), ["FXID", guid(50)]])
    return Element("TRACK", [guid(number)], [*kept, *more, chain, *items])


def project(path: Path, *tracks: Element) -> Path:
    head = [["RIPPLE", "0"], ["TEMPO", "120", "4", "4"], Element("NOTES", ["0", "2"], ["|a < b", "|> c"])]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dumps(Element("REAPER_PROJECT", ["0.1", "7.0/linux", "1700000000"], [*head, *tracks])), "utf-8")
    return path


def gig(folder: Path, **more: float) -> Path:
    """A project with a track a microphone, whose files are in a folder beside it."""
    band(folder / "Media")
    tracks = [track(name, item(f"Media/{name}.wav", **more), number=k) for k, name in enumerate(NAMES)]
    return project(folder / "gig.rpp", *tracks)
