"""Folders as recorders and consoles write them, small: the same sound cut, split and named in each one's way."""

import json
import struct
from dataclasses import dataclass

import numpy as np
import soundfile as sf

from debleed.io import carried

RATE = 8000
LENGTHS = (3000, 3000, 1700)
"""Samples of the parts of a recording."""

LENGTH = sum(LENGTHS)


def band(mics, length=LENGTH, seed=0):
    """Return microphones ``(mics, length)`` on the grid of 16 bits, so that any format holds them exactly."""
    return np.random.default_rng(seed).integers(-20000, 20000, (mics, length)) / 2**15


def bext(time=0, day="2024-05-01", description=b""):
    head = description.ljust(256, b"\0") + bytes(64) + day.encode() + b"20:00:00"
    return (head + struct.pack("<Q", time)).ljust(602, b"\0")


def ixml(*names):
    tracks = (
        f"<TRACK><CHANNEL_INDEX>{i}</CHANNEL_INDEX><INTERLEAVE_INDEX>{i}</INTERLEAVE_INDEX><NAME>{name}</NAME></TRACK>"
        for i, name in enumerate(names, 1)
    )
    listed = f"<TRACK_COUNT>{len(names)}</TRACK_COUNT>{''.join(tracks)}"
    return f"<BWFXML><TRACK_LIST>{listed}</TRACK_LIST></BWFXML>".encode()


def put(path, samples, subtype="PCM_24", rate=RATE, **extra):
    """Write samples ``(channels, samples)`` with extra chunks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, samples.T, rate, subtype=subtype)
    carried.append(path, [(name.encode(), content) for name, content in extra.items()])
    return path


def cut(samples, lengths=LENGTHS):
    """Yield the number of each part, from 1, the sample at which it begins, and its samples."""
    start = 0
    for number, length in enumerate(lengths, 1):
        yield number, start, samples[:, start : start + length]
        start += length


@dataclass(frozen=True)
class Recorder:
    """A folder of one recorder: a function that fills it, and what is to be read in it.

    ``units`` are the microphones' names, in order; ``rows`` are the files of each row of the table.
    """

    fill: object
    units: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def x_live(folder, sound):
    """32-bit polyphonic files with nothing but a number, and a chunk of padding before the samples."""
    for number, _, part in cut(sound):
        path = folder / "X_LIVE/5F3A21B0" / f"{number:08d}.WAV"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = (np.rint(part.T * 2**15).astype("<i4") << 16).tobytes()
        form = struct.pack("<HHIIHH", 1, len(sound), RATE, 4 * RATE * len(sound), 4 * len(sound), 32)
        listed = ((b"fmt ", form), (b"JUNK", bytes(200)), (b"data", data))
        body = b"WAVE" + b"".join(name + struct.pack("<I", len(c)) + c for name, c in listed)
        path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    (folder / "X_LIVE/5F3A21B0/SE_LOG.BIN").write_bytes(bytes(64))


def m32_with_scene(folder, sound):
    x_live(folder, sound)
    names = ("Bass", "Kick", "Snare", "Vox")
    lines = [f'/ch/{i:02d}/config "{name}" 3 RD {i}' for i, name in enumerate(names, 1)]
    routing = ["/config/routing/IN AN1-8 AN9-16 AN17-24 AN25-32 AUX1-4", "/config/routing/CARD AN1-8 AN9-16 A1-8 A9-16"]
    (folder / "show.scn").write_text("\n".join(['#4.0# "show" "" %000000000 1', *routing, *lines]))


def dl32r(folder, sound):
    for number, _, part in cut(sound):
        put(folder / f"Friday Night_{number}.wav", part)


def sq(folder, sound):
    for i, row in enumerate(sound, 1):
        put(folder / "AHSQ/USBMTK/SQ-MT001" / f"TRK{i:02d}.WAV", row[None])


def cq(folder, sound):
    for i, (row, name) in enumerate(zip(sound, ("Kick", "Snare", "Bass", "Vox"), strict=True), 1):
        put(folder / "CQ-MT001" / f"{i:02d}{name}.WAV", row[None])


def ui24r(folder, sound):
    names = ("Kick", "Snare", "Keys", "Anna")
    for i, row in enumerate(sound):
        put(folder / f"{i + 1:02d}.flac", row[None], subtype="PCM_24")
    session = {"files": [f"{i + 1:02d}" for i in range(len(sound))], "names": names, "ext": ".flac"}
    (folder / ".uirecsession").write_text(json.dumps(session))


def zoom(folder, sound):
    """Mono files of three tracks, cut when they are full, the first part without a number."""
    for i, row in enumerate(sound, 1):
        for number, _, part in cut(row[None]):
            put(folder / "ZOOM0001" / f"ZOOM0001_Tr{i}{'' if number == 1 else f'-{number:04d}'}.WAV", part)


def zoom_with_mix(folder, sound):
    """Three mono tracks, and a stereo mix that is cut twice as often."""
    zoom(folder, sound[:3])
    for number, _, part in cut(sound[[3, 3]], (1500,) * 5 + (200,)):
        put(folder / "ZOOM0001" / f"ZOOM0001_LR{'' if number == 1 else f'-{number:04d}'}.WAV", part)


def tascam(folder, sound):
    """Files with a number of the part before that of the track, and time stamps."""
    for i, row in enumerate(sound, 1):
        for number, start, part in cut(row[None], (2500, 2500, 2500, 200)):
            put(folder / f"240501_{number:04d}_{i}.wav", part, bext=bext(72000 * RATE + start))


def sound_devices(folder, sound):
    names = ("Anna Lav", "Ben Lav", "Boom", "Plant")
    for number, start, part in cut(sound):
        end = "" if number == 1 else f"_{number}"
        put(folder / f"S01T01{end}.WAV", part, iXML=ixml(*names), bext=bext(72000 * RATE + start))


def reaper(folder, sound):
    """Three takes of any length, in the folder of a project that also has a mixdown."""
    for i, (row, name) in enumerate(zip(sound, ("Kick", "Snare", "Bass", "Vox"), strict=True), 1):
        for number, _, part in cut(row[None], (1200, 3900, 2600)):
            put(folder / "Media" / f"{i:02d}-{name}-{number:03d}.wav", part)
    put(folder / "Renders/mix.wav", sound[:1])


def pro_tools(folder, sound):
    """Takes with time stamps and a pause between them; the singer was not there at first."""
    lengths = (3900, 3800)
    for row, name in zip(sound, ("Kick", "Snare", "Bass", "Vox"), strict=True):
        for number, start, part in cut(row[None], lengths):
            if (name, number) != ("Vox", 1):
                stamp = 3600 * RATE + start + (number - 1) * 60 * RATE
                put(folder / "Audio Files" / f"{name}_{number:02d}.wav", part, bext=bext(stamp))


def logic(folder, sound):
    for row, name in zip(sound, ("Kick", "Snare", "Bass", "Vox"), strict=True):
        for number, _, part in cut(row[None], (4000, 3700)):
            put(folder / "Audio Files" / f"{name}#{number:02d}.wav", part)


def parts(pattern, numbers=(1, 2, 3)):
    return tuple(pattern.format(number) for number in numbers)


CHANNELS = ("ch1", "ch2", "ch3", "ch4")
BAND = ("Kick", "Snare", "Bass", "Vox")
ZOOM = ("", "-0002", "-0003")

RECORDERS = {
    "X-Live": Recorder(x_live, CHANNELS, (parts("{:08d}.WAV"),)),
    "M32 with a scene": Recorder(m32_with_scene, ("Bass", "Kick", "Snare", "Vox"), (parts("{:08d}.WAV"),)),
    "DL32R": Recorder(dl32r, CHANNELS, (parts("Friday Night_{}.wav"),)),
    "SQ": Recorder(sq, parts("TRK{:02d}", (1, 2, 3, 4)), tuple((f"TRK0{i}.WAV",) for i in (1, 2, 3, 4))),
    "CQ": Recorder(
        cq,
        ("01Kick", "02Snare", "03Bass", "04Vox"),
        tuple((f"{i}.WAV",) for i in ("01Kick", "02Snare", "03Bass", "04Vox")),
    ),
    "Ui24R": Recorder(ui24r, parts("{:02d}", (1, 2, 3, 4)), tuple((f"0{i}.flac",) for i in (1, 2, 3, 4))),
    "Zoom": Recorder(
        zoom,
        parts("ZOOM0001_Tr{}", (1, 2, 3, 4)),
        tuple(tuple(f"ZOOM0001_Tr{i}{n}.WAV" for n in ZOOM) for i in (1, 2, 3, 4)),
    ),
    "Tascam": Recorder(
        tascam,
        parts("240501_{}", (1, 2, 3, 4)),
        tuple(parts(f"240501_{{:04d}}_{i}.wav", (1, 2, 3, 4)) for i in (1, 2, 3, 4)),
    ),
    "Sound Devices": Recorder(
        sound_devices, ("Anna Lav", "Ben Lav", "Boom", "Plant"), (("S01T01.WAV", "S01T01_2.WAV", "S01T01_3.WAV"),)
    ),
    "REAPER": Recorder(
        reaper,
        tuple(f"{i:02d}-{n}" for i, n in enumerate(BAND, 1)),
        tuple(parts(f"{i:02d}-{n}-{{:03d}}.wav") for i, n in enumerate(BAND, 1)),
    ),
    "Logic": Recorder(
        logic, ("Bass", "Kick", "Snare", "Vox"), tuple(parts(f"{n}#{{:02d}}.wav", (1, 2)) for n in sorted(BAND))
    ),
}
"""One folder per kind of recorder, with four microphones that all begin and end together; named from A to Z."""
