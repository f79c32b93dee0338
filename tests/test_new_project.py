"""Projects that are made anew: they open in our own readers, in another library, and keep to the schema."""

import zipfile
from contextlib import closing

import numpy as np
import pytest
import rpp
import soundfile as sf

from debleed.daw.new_project import NewTrack, dawproject, reaper_project
from debleed.daw.take import open_project
from debleed.io.session import Session
from test_dawproject import SCHEMA

RATE = 8000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of a result, one of them stereo and at another rate, with projects that play them."""
    folder, tracks = tmp_path_factory.mktemp("gig"), []
    for kind in ("clean", "removed"):
        (folder / kind).mkdir()
        for k, (name, rate, channels) in enumerate((('vox "1"', RATE, 1), ("OH & co", 2 * RATE, 2))):
            time = np.arange(rate // 2 - 3)[:, None]
            samples = np.hanning(len(time))[:, None] * np.sin(time / (3 + k)) ** [1, 3][:channels]
            sf.write(folder / kind / f"{name}.wav", samples, rate)
            muted = kind == "removed"
            shown = f"{name} removed" if muted else name
            tracks.append(NewTrack(shown, f"{kind}/{name}.wav", rate, channels, len(samples), muted))
    (folder / "gig.rpp").write_text(reaper_project(tracks), "utf-8")
    (folder / "gig.dawproject").write_bytes(dawproject(tracks))
    return folder


@pytest.mark.parametrize("suffix", ["rpp", "dawproject"])
def test_what_plays_is_what_lies_beside_it(folder, suffix):
    if suffix == "dawproject":
        pytest.importorskip("defusedxml")
    with closing(open_project(folder / f"gig.{suffix}", Session())) as take:
        assert take.media == set((folder / "clean").iterdir())  # what was removed is muted
        assert take.rate == 2 * RATE
        heard = take.recording().read()
    for rows, name in zip(take.rows, ("OH & co", 'vox "1"'), strict=True):
        samples, rate = sf.read(folder / "clean" / f"{name}.wav", always_2d=True, dtype="float32")
        step = 2 * RATE // rate
        np.testing.assert_allclose(heard[rows, : step * len(samples) : step], samples.T, atol=2e-3)


def test_other_programs_read_them(folder):
    root = rpp.loads((folder / "gig.rpp").read_text("utf-8"))
    tracks = root.findall(".//TRACK")
    assert [track.find("NAME")[1] for track in tracks] == ['vox "1"', "OH & co", 'vox "1" removed', "OH & co removed"]
    assert [track.find("MUTESOLO")[1] for track in tracks] == ["0", "0", "1", "1"]
    assert len({track.attrib[0] for track in tracks}) == 4
    with zipfile.ZipFile(folder / "gig.dawproject") as archive:
        content = archive.read("project.xml").decode()
    if SCHEMA.is_file():
        pytest.importorskip("xmlschema").XMLSchema(str(SCHEMA)).validate(content)
