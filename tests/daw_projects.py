"""Projects for tests: of REAPER, written by the library rpp, and DAWprojects; and a band to play in them."""

import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import soundfile as sf
from rpp import Element, dumps

from bands import RATE, bled, sources
from debleed.daw.take import open_project, read_project
from debleed.io.session import Session
from debleed.io.writing import write_take

NAMES = ("vox", "gtr", "drums")


def band(folder: Path, seconds: float = 4, names: tuple[str, ...] = NAMES) -> np.ndarray:
    """Write a band's microphones, 24 bit, and return them as the files hold them."""
    mics = bled(sources(len(names), seconds=seconds))
    mics *= 0.5 / np.abs(mics).max()
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in zip(names, mics, strict=True):
        sf.write(folder / f"{name}.wav", samples, RATE, "PCM_24")
    return np.stack([sf.read(folder / f"{name}.wav")[0] for name in names])


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


BITWIG = """
      <Lanes track="t{k}" id="l{k}">
        <Clips id="c{k}">
          <Clip time="{beat}" duration="{beats}" playStart="0.0"
                fadeTimeUnit="beats" fadeInTime="0.5" fadeOutTime="0.25" name="{name}">
            <Clips id="cc{k}">
              <Clip time="0.0" duration="{beats}" contentTimeUnit="beats" playStart="{skip}" fadeTimeUnit="beats">
                <Warps contentTimeUnit="seconds" timeUnit="beats" id="w{k}">
                  <Audio algorithm="stretch" channels="1" duration="4.0" sampleRate="8000" id="a{k}">
                    <File path="audio/{name}.wav"/>
                  </Audio>
                  <Warp time="0.0" contentTime="0.0"/>
                  <Warp time="10.0" contentTime="4.0"/>
                </Warps>
              </Clip>
            </Clips>
          </Clip>
        </Clips>
        <Points unit="linear" id="p{k}">
          <Target parameter="v{k}"/><RealPoint time="0" value="0.5" interpolation="linear"/>
        </Points>
      </Lanes>"""
"""A track at 150 beats per minute, as Bitwig Studio writes it: 10 beats are 4 seconds."""

PLAIN = """
      <Clips track="t{k}" id="c{k}">
        <Clip time="{beat}" duration="{beats}" contentTimeUnit="seconds" playStart="{seconds}"
              fadeTimeUnit="seconds" fadeInTime="0.5">
          <Lanes>
            <Audio channels="1" duration="4.0" sampleRate="8000">
              <File path="{name}.wav" external="true"/>
            </Audio>
            <Points unit="decibel"><Target expression="gain"/><RealPoint time="0" value="-6"/></Points>
          </Lanes>
        </Clip>
      </Clips>"""
"""A track whose audio is not warped and lies outside the zip."""

TRACK = """
    <Track contentType="audio" loaded="true" id="t{k}" name="{name}" color="#a2eabf">
      <Channel audioChannels="1" destination="m" role="regular" solo="false" id="ch{k}">
        <Mute value="false" id="mu{k}"/><Pan unit="normalized" value="0.4" id="pa{k}"/>
        <Volume unit="linear" value="0.7" id="v{k}"/>
      </Channel>
    </Track>"""

MASTER = '<Track contentType="audio" id="mt" name="Master"><Channel role="master" id="m"/></Track>'


def daw_xml(lanes: str, tracks: str, automation: str = "") -> str:
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Project version="1.0">
  <Application name="Bitwig Studio" version="5.0"/>
  <Transport><Tempo max="666" min="20" unit="bpm" value="150" id="tempo"/></Transport>
  <Structure>{tracks}
    {MASTER}
  </Structure>
  <Arrangement id="arr"><Lanes timeUnit="beats" id="lanes">{lanes}
    </Lanes>{automation}</Arrangement>
  <Scenes/>
</Project>
"""


def daw_gig(
    folder: Path, shape: str = BITWIG, beat: float = 2.5, beats: float = 7.5, skip: float = 2.5, automation: str = ""
) -> Path:
    """A DAWproject with a track a microphone; all begin 1 s into the project and 1 s into their files."""
    band(folder)
    about = [
        {"k": k, "name": n, "beat": beat, "beats": beats, "skip": skip, "seconds": skip * 0.4}
        for k, n in enumerate(NAMES)
    ]
    xml = daw_xml(
        "".join(shape.format(**one) for one in about), "".join(TRACK.format(**one) for one in about), automation
    )
    zipped(
        folder / "gig.dawproject",
        {"project.xml": xml.encode(), "metadata.xml": b"<MetaData/>"},
        folder,
        shape is BITWIG,
    )
    return folder / "gig.dawproject"


def zipped(path: Path, members: dict[str, bytes], audio: Path | None = None, packed: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        for name in NAMES if audio and packed else ():
            archive.write(audio / f"{name}.wav", f"audio/{name}.wav")
    return path


def unchanged(path: Path, out: Path, session: Session = Session()) -> Path:  # noqa: B008 - frozen
    """Write a project as if nothing had been removed, but with all results under the tracks."""
    with closing(open_project(path, session)) as take:
        for folder in (out, out / "removed"):
            folder.mkdir(parents=True)
        files, removed = write_take(take, take.recording(), out, out / "removed")
        return take.write_project(out, files, removed, set(take.units))


def play(path: Path, rate: int = RATE, seconds: float = 12) -> dict[str, np.ndarray]:
    """Play every track that is not muted, without gains and fades, as ``(channels, samples)``."""
    played = {}
    with closing(read_project(path)) as project:
        for track in project.tracks:
            assert not track.trouble
            out = np.zeros((2, round(seconds * rate)))
            for one in track.items:
                samples, own = sf.read(one.media, always_2d=True)
                assert own == rate
                rows = samples.T[list(one.channels)] if one.channels else samples.T
                first, last = one.span(rate)
                skip = round(one.offset * rate)
                part = rows[:, max(skip, 0) : skip + last - first]
                out[:, first + max(-skip, 0) :][:, : part.shape[1]] += part
            played[track.name] = out
    return played
