"""DAWprojects: what plays is read, and the results play alike under the old tracks."""

import zipfile
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
import soundfile as sf

from bands import RATE
from daw_projects import BITWIG, MASTER, NAMES, PLAIN, TRACK, band, daw_gig, daw_xml, play, unchanged, zipped
from debleed import InputError, cli
from debleed.daw.take import open_project, read_project
from debleed.io.session import Session

SCHEMA = Path(__file__).resolve().parents[2] / "shared" / "data" / "dawproject" / "Project.xsd"


def xml_of(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.read("project.xml")


def valid(path: Path) -> None:
    """Check a project against the schema of the format, where it is at hand."""
    if SCHEMA.exists():
        xmlschema = pytest.importorskip("xmlschema")
        xmlschema.XMLSchema(str(SCHEMA)).validate(xml_of(path).decode())


@pytest.mark.parametrize("shape", [BITWIG, PLAIN])
def test_results_play_what_the_old_tracks_play(tmp_path: Path, shape: str) -> None:
    mics = band(tmp_path / "gig")
    path = daw_gig(tmp_path / "gig", shape)
    valid(path)
    before = path.read_bytes()
    new = unchanged(path, tmp_path / "out")
    valid(new)
    assert path.read_bytes() == before
    old, found = play(path), play(new)
    assert list(found) == [f"{name} clean" for name in NAMES]
    for name, own in zip(NAMES, mics, strict=True):
        assert np.array_equal(old[name][0, RATE : 4 * RATE], own[RATE:])
        assert np.array_equal(found[f"{name} clean"], old[name])


def test_audio_that_begins_late_is_moved_by_warps(tmp_path: Path) -> None:
    """The tracks begin at other places, so the results begin earlier than their clips."""
    band(tmp_path / "gig")
    for shape in (BITWIG, PLAIN):
        about = [
            {"k": k, "name": n, "beat": 2.5 * k, "beats": 5, "skip": 1.25, "seconds": 0.5} for k, n in enumerate(NAMES)
        ]
        lanes, tracks = ("".join(form.format(**one) for one in about) for form in (shape, TRACK))
        place = tmp_path / "gig" / "gig.dawproject"
        path = zipped(place, {"project.xml": daw_xml(lanes, tracks).encode()}, tmp_path / "gig")
        new = unchanged(path, tmp_path / ("out" + str(shape is PLAIN)))
        valid(new)
        old, found = play(path), play(new)
        assert all(np.any(old[name]) for name in NAMES)
        assert all(np.array_equal(found[f"{name} clean"], old[name]) for name in NAMES)


TEMPO = """<TempoAutomation id="ta" timeUnit="beats" unit="bpm"><Target parameter="tempo"/>
<RealPoint time="0" value="150" interpolation="hold"/><RealPoint time="2.5" value="75" interpolation="hold"/>
</TempoAutomation>"""


def test_the_tempo_may_change(tmp_path: Path) -> None:
    path = daw_gig(tmp_path / "gig", PLAIN, beats=3.75, automation=TEMPO)  # 1 s before, then 3.75 beats in 3 s
    valid(path)
    new = unchanged(path, tmp_path / "out")
    valid(new)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["project.xml", "metadata.xml"]
    assert np.flatnonzero(play(new)["vox clean"][0])[[0, -1]] // 100 == pytest.approx([80, 319])
    assert all(np.array_equal(play(new)[f"{name} clean"], samples) for name, samples in play(path).items())
    stretched = daw_gig(tmp_path / "stretched", automation=TEMPO)
    with pytest.raises(InputError, match="stretched clip at 0:01"):
        open_project(stretched, Session())


def test_tracks_keep_everything_and_ids_are_their_own(tmp_path: Path) -> None:
    root = fromstring(xml_of(unchanged(daw_gig(tmp_path / "gig"), tmp_path / "out")))
    tracks = {one.get("name"): one for one in root.iter("Track")}
    assert list(tracks)[:3] == ["vox", "vox clean", "vox removed"]
    assert [tracks[f"vox{kind}"].find("Channel/Mute").get("value") for kind in ("", " clean", " removed")] == [
        "true",
        "false",
        "true",
    ]
    ids = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(set(ids)) == len(ids)
    for kind in ("clean", "removed"):
        copy = tracks[f"vox {kind}"]
        assert copy.find("Channel/Volume").get("value") == "0.7"
        assert copy.find("Channel").get("destination") == "m"
        (lane,) = (one for one in root.iter("Lanes") if one.get("track") == copy.get("id"))
        assert lane.find("Points/Target").get("parameter") == copy.find("Channel/Volume").get("id")
        clip = lane.find("Clips/Clip")
        kept = ("time", "duration", "fadeInTime", "fadeOutTime", "name")
        assert [clip.get(key) for key in kept] == ["2.5", "7.5", "0.5", "0.25", "vox"]
        assert next(lane.iter("File")).get("path") == f"debleed/{kind}/vox.wav"


def test_a_project_that_was_cleaned_before(tmp_path: Path) -> None:
    first = unchanged(daw_gig(tmp_path / "gig"), tmp_path / "out")
    second = unchanged(first, tmp_path / "again")
    valid(second)
    with zipfile.ZipFile(second) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} >= {"audio", "debleed", "debleed 2"}
    assert list(play(second)) == [f"{name} clean clean" for name in NAMES]


def test_the_job(tmp_path: Path) -> None:
    path = daw_gig(tmp_path / "gig")
    assert cli.run(["remove", str(path), "-o", str(tmp_path / "out")]) == 0
    valid(tmp_path / "out" / "gig.dawproject")
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == [
        "drums.wav",
        "gig.dawproject",
        "gtr.wav",
        "removed",
        "vox.wav",
    ]
    found, own = play(tmp_path / "out" / "gig.dawproject"), sf.read(tmp_path / "out" / "vox.wav")[0]
    assert np.array_equal(found["vox clean"][0, RATE : 4 * RATE], own[RATE:])
    assert not np.array_equal(own, sf.read(tmp_path / "gig" / "vox.wav")[0])


def test_a_full_disk_is_found_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = daw_gig(tmp_path / "gig")
    need = 4 * 3 * 3 * 4 * RATE  # 3 tracks of 4 s with 3 bytes a sample: clean and removed, as files and in the project
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("usage", (), {"free": need}))
    assert cli.run(["remove", str(path), "-o", str(tmp_path / "out")]) == 1
    assert "the disk is full" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def lanes(inside: str) -> str:
    return f'<Lanes track="t0"><Clips>{inside}</Clips></Lanes>'


OUTER = '<Audio channels="1" duration="4" sampleRate="8000"><File path="nobody.wav" external="true"/></Audio>'
AUDIO = '<Audio channels="1" duration="4" sampleRate="8000"><File path="audio/vox.wav"/></Audio>'


@pytest.mark.parametrize(
    ("clips", "why"),
    [
        (f'<Clip time="0" duration="20" playStart="0" loopEnd="10">{AUDIO}</Clip>', "clip at 0:00.0 that loops"),
        (f'<Clip time="0" duration="1" reference="x">{AUDIO}</Clip>', "alias"),
        (f'<Clip time="zero" duration="1">{AUDIO}</Clip>', "Clip has time='zero'"),
        (f'<Clip time="0" duration="inf">{AUDIO}</Clip>', "duration='inf'"),
        (f'<Clip time="0" contentTimeUnit="bars">{AUDIO}</Clip>', "times are in 'bars'"),
        (f'<Clip time="0" duration="1">{AUDIO.replace("vox", "nobody")}</Clip>', "but does not hold it"),
        (
            f'<Clip time="0" duration="1">{OUTER}</Clip>',
            "no such file",
        ),
        (
            f'<Clip time="0" duration="5">{AUDIO}</Clip><Clip time="2" duration="5">{AUDIO}</Clip>',
            "two files play at once",
        ),
        ("", "no track with audio that plays"),
        (f'<Clip time="0" duration="5" enable="false">{AUDIO}</Clip>', "no track with audio that plays"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], clips: str, why: str
) -> None:
    band(tmp_path / "gig")
    xml = daw_xml(lanes(clips), TRACK.format(k=0, name="vox"))
    path = zipped(tmp_path / "gig" / "gig.dawproject", {"project.xml": xml.encode()}, tmp_path / "gig")
    assert cli.run(["remove", str(path), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Project version="1.0">&b;</Project>'
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Project version="1.0">&a;</Project>'


@pytest.mark.parametrize(
    ("xml", "why"),
    [
        (BOMB, "entities"),
        (OUTSIDE, "entities"),
        ("<Project>", "damaged"),
        ("<Other/>", "begins with 'Other'"),
        ('<?xml version="1.0" encoding="klingon"?><Project/>', "damaged"),
        ("<Project>" + "<Lanes>" * 5000 + "</Lanes>" * 5000 + "</Project>", "nested too deeply"),
        (daw_xml("", MASTER).replace('value="150"', 'value="0"'), "tempo"),
    ],
)
def test_hostile_xml_is_refused(tmp_path: Path, xml: str, why: str) -> None:
    path = zipped(tmp_path / "a.dawproject", {"project.xml": xml.encode()})
    with pytest.raises(InputError, match=why):
        read_project(path)


def test_nothing_unpacked_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    path = daw_gig(tmp_path / "gig")
    with_unpacked = open_project(path, Session())
    assert len(list((tmp_path / "tmp").rglob("*.wav"))) == 3
    with_unpacked.close()
    with pytest.raises(InputError):
        open_project(path, Session(leave_out=("nobody",)))
    assert not list((tmp_path / "tmp").iterdir())
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("usage", (), {"free": 1000}))
    with pytest.raises(InputError, match="no room to unpack"):
        open_project(path, Session())
