"""Projects of REAPER: what plays is read, and the results play alike under the old tracks."""

import re
from pathlib import Path

import numpy as np
import pytest
import reaproj
import rpp
import soundfile as sf
from rpp import Element

from bands import RATE
from daw_projects import NAMES, band, gig, item, play, project, track, unchanged
from debleed import InputError, cli
from debleed.daw.rpp_text import read
from debleed.daw.take import open_project
from debleed.io.session import Session

SAMPLE = """<REAPER_PROJECT 0.1 "5.50c" 1505906173
  RIPPLE 0
  RECORD_PATH "" ""
  <RECORD_CFG
  >
  TEMPO 120 4 4
  <TRACK {EC081DCC-02CB-47DE-BD81-7F744676036E}
    NAME Beep
    MUTESOLO 0 0 0
    ISBUS 1 1
    <ITEM
      POSITION 0
      LENGTH 10
      LOOP 1
      MUTE 0
      NAME "Click source"
      SOFFS 0
      PLAYRATE 1 1 0 -1 0 0.0025
      <SOURCE CLICK
        AUTO 1
        SAMPLES "" ""
      >
    >
  >
  <TRACK {D964DDED-6E5A-4242-B85E-566C5A27164B}
    NAME Synth
    MUTESOLO 0 0 0
    ISBUS 2 -1
    AUXRECV 4 0 1 0 0 0 0 0 0 -1:U 0 -1 ''
    <ITEM
      POSITION 0
      LENGTH 2
      NAME "Track untitled MIDI item"
      <SOURCE MIDI
        HASDATA 1 960 QN
        E 0 90 3c 0a
      >
    >
    <ITEM
      POSITION 3
      LENGTH 2
      IMGRESOURCEFLAGS 0
    >
  >
>
"""
"""What REAPER 5.5 writes for a click and for MIDI, after a sample of the library rpp (BSD-3-Clause)."""


def test_the_old_project_stays_and_results_are_under_its_tracks(tmp_path: Path) -> None:
    path = gig(tmp_path / "gig", position=1.0, offset=0.5, length=2.0)
    before = path.read_bytes()
    new = unchanged(path, tmp_path / "out")
    assert path.read_bytes() == before
    root = read(new)
    whole = root.blocks("REAPER_PROJECT")[0]
    added = [one for one in whole.blocks("TRACK") if (one.values("NAME") or [""])[0].endswith((" clean", " removed"))]
    whole.lines = [line for line in whole.lines if not any(line is one for one in added)]
    pairs = zip(path.read_text("utf-8").splitlines(), "".join(root.text()).splitlines(), strict=True)
    assert {(a.split()[0], b.split()[0]) for a, b in pairs if a != b} == {("MUTESOLO",) * 2, ("FILE",) * 2}
    found = reaproj.Project.load(new)
    assert [one.name for one in found.tracks] == [name + kind for name in NAMES for kind in ("", " clean", " removed")]
    assert [one.element.find("MUTESOLO")[1] for one in found.tracks] == ["1", "0", "1"] * 3
    for n, one in enumerate(found.tracks):
        (part,) = one.items
        assert (part.position, part.length, part.soffs) == (1.0, 2.0, 0.5)
        kept = [rpp.dumps([part.element.find(key)]) for key in ("FADEIN", "FADEOUT", "VOLPAN")]
        assert kept == [
            rpp.dumps([["FADEIN", "1", "0.25", "0", "1", "0", "0"]]),
            rpp.dumps([["FADEOUT", "1", "0.5", "0", "1", "0", "0"]]),
            rpp.dumps([["VOLPAN", "0.5", "0", "1", "-1"]]),
        ]
        assert one.element.find("VOLPAN") == ["VOLPAN", "0.7", "-0.2", "-1", "-1", "1"]
        assert one.element.find("REC")[1] == ("0" if n % 3 else "1")
        assert (
            Path(part.source_path).resolve()
            == [
                tmp_path / "gig" / "Media" / f"{NAMES[n // 3]}.wav",
                tmp_path / "out" / f"{NAMES[n // 3]}.wav",
                tmp_path / "out" / "removed" / f"{NAMES[n // 3]}.wav",
            ][n % 3]
        )
    ids = [match for one in found.tracks for match in re.findall(r"TRACKID (\S+)", rpp.dumps(one.element))]
    assert len(set(ids)) == len(ids)


def edited(folder: Path) -> Path:
    """Several items on a track, from several files, with offsets, gaps and channels of a polyphonic file."""
    mics = band(folder / "Media", 6)
    sf.write(folder / "Media" / "poly.wav", mics.T, RATE, "PCM_24")
    sf.write(folder / "Media" / "late.flac", mics[1, 16000:], RATE, "PCM_16")
    more = [["CHANMODE", "5"]]
    return project(
        folder / "gig.rpp",
        track(
            "vox",
            item("Media/vox.wav", 1, 1.5, 0.25),
            item("Media/vox.wav", 4, 1, 3.25),
            item("Media/vox.wav", 2.5, 1, 1.75),
        ),
        track("gtr", item("Media/gtr.wav", 1, 1, 0.5), item(str(folder / "Media" / "late.flac"), 3, 2, 0.125)),
        track("drums", item("Media\\poly.wav", 0.5, 3, 0, (*more,)), item("Media/poly.wav", 6, 2, 4, (*more,))),
        track("pair", item("Media/poly.wav", 0, 5, 0, (["CHANMODE", "67"],))),
    )


def test_results_play_what_the_old_tracks_play(tmp_path: Path) -> None:
    path = edited(tmp_path / "gig")
    old, new = play(path), play(unchanged(path, tmp_path / "out"))
    assert list(new) == ["vox clean", "gtr clean", "drums clean", "pair clean"]
    for name, samples in old.items():
        assert np.any(samples)
        assert np.array_equal(new[f"{name} clean"], samples), name
    assert sf.info(tmp_path / "out" / "drums.wav").channels == 1
    assert sf.info(tmp_path / "out" / "gtr.wav").subtype == "PCM_24"  # of a 24-bit WAV and a 16-bit FLAC


def test_other_rates(tmp_path: Path) -> None:
    path = gig(tmp_path / "gig", position=1.0, offset=0.5, length=2.0)
    samples = sf.read(tmp_path / "gig" / "Media" / "gtr.wav")[0]
    sf.write(tmp_path / "gig" / "Media" / "gtr.wav", samples[::2], RATE // 2, "PCM_16")
    new = unchanged(path, tmp_path / "out")
    assert sf.info(tmp_path / "out" / "gtr.wav").samplerate == RATE // 2
    (part,) = reaproj.Project.load(new).tracks[4].items
    assert (part.position, part.length, part.soffs) == (1.0, 2.0, 0.5)


def test_routing_survives(tmp_path: Path) -> None:
    """Folders end where they ended, and receives count the new tracks and include them."""
    band(tmp_path / "gig")
    receives = ["AUXRECV", "1", "0", "1", "0"], ["AUXRECV", "3", "3", "0.5", "0"]
    path = project(
        tmp_path / "gig" / "gig.rpp",
        track("drum bus", more=(["ISBUS", "1", "1"],)),
        track("drums", item("drums.wav")),
        track("gtr", item("gtr.wav"), more=(["ISBUS", "2", "-1"],)),
        track("verb", more=receives),
        track("vox", item("vox.wav")),
    )
    found = reaproj.Project.load(unchanged(path, tmp_path / "out")).tracks
    names = [one.name for one in found]
    assert names == [
        "drum bus",
        *("drums", "drums clean", "drums removed"),
        *("gtr", "gtr clean", "gtr removed"),
        "verb",
        *("vox", "vox clean", "vox removed"),
    ]
    assert [one.element.find("ISBUS")[2] for one in found] == ["1", *"00000", "-1", *"0000"]
    lines = [line for line in found[7].element if isinstance(line, list) and line[0] == "AUXRECV"]
    assert [(names[int(line[1])], line[3]) for line in lines] == [
        *((name, "1") for name in ("drums", "drums clean", "drums removed")),
        ("verb", "0.5"),
    ]


def test_what_does_not_play_is_left_alone(tmp_path: Path) -> None:
    band(tmp_path / "gig")
    path = project(
        tmp_path / "gig" / "gig.rpp",
        track("vox", item("vox.wav"), item("nowhere.wav", 9, more=(["MUTE", "1", "0"],)), item("a.mid", 0)),
        track("old vox", item("nowhere.wav"), more=(["MUTESOLO", "1", "0", "0"],)),
        track("muted folder", more=(["MUTESOLO", "1", "0", "0"], ["ISBUS", "1", "1"])),
        track("in it", item("nowhere.wav"), more=(["ISBUS", "2", "-1"],)),
        track("gtr", item("gtr.wav")),
        track("midi", item("b.mid")),
    )
    new = unchanged(path, tmp_path / "out")
    found = {one.name: one for one in reaproj.Project.load(new).tracks}
    assert [name for name in found if " clean" in name] == ["vox clean", "gtr clean"]
    assert len(found["vox clean"].items) == 1
    again = unchanged(new, tmp_path / "again")  # a second run takes up the results
    assert [one.name for one in reaproj.Project.load(again).tracks if one.name.endswith("clean clean")]


def test_the_take_that_plays_is_the_one_that_is_cleaned(tmp_path: Path) -> None:
    band(tmp_path / "gig")
    takes = item("nowhere.wav", 1, 2)
    takes.children += [
        ["TAKE", "SEL"],
        ["NAME", "second"],
        ["SOFFS", "0.5", "0"],
        ["CHANMODE", "3"],
        Element("SOURCE", ["SECTION"], [["STARTPOS", "0.25"], Element("SOURCE", ["WAVE"], [["FILE", "vox.wav"]])]),
        ["TAKE"],
        Element("SOURCE", ["MIDI"], [["HASDATA", "1"]]),
    ]
    path = project(tmp_path / "gig" / "gig.rpp", track("vox", takes), track("gtr", item("gtr.wav")))
    new = unchanged(path, tmp_path / "out")
    copy = reaproj.Project.load(new).tracks[1].element.find("ITEM")
    after = list(copy)[list(copy).index(["TAKE", "SEL"]) :]
    assert ["SOFFS", "1"] in after  # all results begin with gtr, at 0
    assert ["CHANMODE", "0"] in after
    played = next(one for one in after if isinstance(one, Element) and one.tag == "SOURCE")
    assert played.find("FILE") == ["FILE", "vox.wav"]
    assert np.array_equal(play(new)["vox clean"], play(path)["vox"])


def stretched(*more: list[str]) -> Element:
    return track("bad", item("Media/vox.wav", 65, more=more))


def two_takes() -> Element:
    bad = stretched(["ALLTAKES", "1"])
    bad.find("ITEM").children.append(["TAKE"])
    return bad


def section(*lines: list[str]) -> Element:
    inner = Element("SOURCE", ["WAVE"], [["FILE", "vox.wav"]])
    return track("bad", Element("ITEM", [], [["LENGTH", "1"], Element("SOURCE", ["SECTION"], [*lines, inner])]))


def subproject() -> Element:
    source = Element("SOURCE", ["RPP_PROJECT"], [["FILE", "a.rpp"]])
    return track("bad", Element("ITEM", [], [["LENGTH", "1"], source]))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (stretched(["PLAYRATE", "0.98", "1", "0"]), "stretched or transposed item at 1:05.0"),
        (stretched(["PLAYRATE", "1", "1", "-2"]), "stretched or transposed"),
        (stretched(["SM", "0", "0", "1", "1.1"]), "stretched or transposed"),
        (stretched(["LOOP", "1"], ["LENGTH", "20"]), "loops"),
        (two_takes(), "all takes"),
        (stretched(["POSITION", "nan"]), "damaged: it has 'nan'"),
        (stretched(["POSITION", "9e8"]), "lasts"),
        (stretched(["CHANMODE", "9"]), "with 1 channels"),
        (track("bad", item("Media/vox.wav", 0, 2), item("Media/gtr.wav", 1, 2)), "two files play at once at 0:01.0"),
        (track("bad", item("Media/vox.wav"), more=(["ISBUS", "1", "1"],)), "is a folder"),
        (track("bad", item("Media/../nowhere.wav")), "no such file"),
        (track("bad", item("gig.rpp")), "cannot be read as audio"),
        (track("bad", item("poly.wav")), "3 channels"),
        (subproject(), "no audio file (RPP_PROJECT)"),
        (section(["MODE", "2"]), "reversed"),
        (track("bad", item("Media/vox.wav", length=0)), "plays no sound"),
    ],
)
def test_what_cannot_be_cleaned_is_refused_with_a_sentence_or_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: Element, why: str
) -> None:
    path = gig(tmp_path / "gig")
    sf.write(tmp_path / "gig" / "poly.wav", np.zeros((800, 3)), RATE)
    tracks = [track(name, item(f"Media/{name}.wav")) for name in NAMES]
    project(path, bad, *tracks)
    command = ["remove", str(path), "-o", str(tmp_path / "out"), "--method", "unprocessed"]
    assert cli.run(command) == 2
    said = capsys.readouterr().err
    assert why in said
    assert len(said.splitlines()) == 1
    assert "Traceback" not in said
    assert sorted(one.name for one in tmp_path.iterdir()) == ["gig"]
    if "damaged" not in why:
        assert cli.run([*command, "--leave-out", "bad"]) == 0


def test_samples_of_the_library(tmp_path: Path) -> None:
    (tmp_path / "a.rpp").write_text(SAMPLE, "utf-8")
    with pytest.raises(InputError, match="no track with audio that plays"):
        open_project(tmp_path / "a.rpp", Session())


def test_names_of_tracks_are_names_of_files(tmp_path: Path) -> None:
    band(tmp_path / "gig")
    names = ("../../up", 'a "quote" `and\' more', "vox")
    files = ("vox.wav", "gtr.wav", "drums.wav")
    path = project(tmp_path / "gig" / "gig.rpp", *(track(n, item(f)) for n, f in zip(names, files, strict=True)))
    new = unchanged(path, tmp_path / "out")
    assert sorted(one.name for one in (tmp_path / "out").glob("*.wav")) == [
        "_.._up.wav",
        "a _quote_ 'and' more.wav",
        "vox.wav",
    ]
    assert len(play(new)) == 3


def test_the_files_are_those_of_the_folder_and_the_report_is_too(tmp_path: Path) -> None:
    path = gig(tmp_path / "gig", position=1.0, offset=0.5, length=2.0)
    (tmp_path / "gig" / "gig.session.toml").write_text("reduction = 20\n", "utf-8")
    assert cli.run(["learn", str(path), "-o", str(tmp_path / "a.debleed")]) == 0
    for given, out in ((path, "of project"), (tmp_path / "gig" / "Media", "of folder")):
        command = ["apply", str(tmp_path / "a.debleed"), str(given), "-o", str(tmp_path / out), "--reduction", "20"]
        assert cli.run([*command, "--report", str(tmp_path / f"{out}.html")]) == 0
    for name in NAMES:
        one, other = ((tmp_path / out / f"{name}.wav").read_bytes() for out in ("of project", "of folder"))
        assert one == other
    assert (tmp_path / "of project" / "gig.rpp").exists()
    assert sorted(one.name for one in (tmp_path / "of project" / "removed").iterdir()) == [
        "drums.wav",
        "gtr.wav",
        "vox.wav",
    ]


def test_tracks_that_do_not_change_have_no_results(tmp_path: Path) -> None:
    path = gig(tmp_path / "gig")
    assert cli.run(["remove", str(path), "-o", str(tmp_path / "out"), "--method", "unprocessed"]) == 0
    assert [one.name for one in reaproj.Project.load(tmp_path / "out" / "gig.rpp").tracks] == list(NAMES)


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = gig(tmp_path / "gig")
    held = {one: one.read_bytes() for one in (tmp_path / "gig").rglob("*.*")}
    for out, why in (("gig", "is the folder of"), ("gig/Media", "holds audio files of the project")):
        command = ["remove", str(path), "-o", str(tmp_path / out), "--method", "unprocessed", "--force"]
        assert cli.run(command) == 2
        assert why in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "gig.rpp").touch()
    command = ["remove", str(path), "-o", str(tmp_path / "out"), "--method", "unprocessed"]
    assert cli.run(command) == 2
    assert "gig.rpp' exists already" in capsys.readouterr().err
    assert cli.run([*command, "--force"]) == 0
    assert {one: one.read_bytes() for one in (tmp_path / "gig").rglob("*.*")} == held
