"""The page and folders of recorders: what belongs together is told, shown and cleaned as by the command line."""

import shlex

import numpy as np
import pytest

from debleed.io.recorder.folders import files_of
from debleed.io.recorder.layout import laid_out
from debleed.io.recorder.table import cells
from debleed.io.session import Session
from debleed.recording import InputError
from page import client, commanded, new, put, run, take, unpacked, wait, wav
from recorders import RATE, RECORDERS, band, pro_tools

FLAT = [name for name in RECORDERS if name not in ("M32 with a scene", "Ui24R")]
"""Those whose files say everything, without scenes, which the page does not take."""


@pytest.fixture
def web(tmp_path):
    with client(tmp_path / "data", runs=20) as found:
        yield found


def uploaded(web, folder):
    return new(web, "gig", {path.name: path.read_bytes() for path in reversed(files_of(folder))})


@pytest.mark.parametrize("name", [*FLAT, "Pro Tools"])
def test_the_page_shows_what_the_command_line_shows(web, tmp_path, name):
    fill = pro_tools if name == "Pro Tools" else RECORDERS[name].fill
    fill(tmp_path / "gig", band(4))
    layout = laid_out(tmp_path / "gig", Session())
    found = web.get(f"/api/sessions/{uploaded(web, tmp_path / 'gig')}").json()
    assert found["table"] == ([] if layout.plain else [list(row) for row in cells(layout)])
    assert found["notes"] == list(layout.notes)
    assert [unit["name"] for unit in found["units"]] == list(layout.units)
    assert found["problem"] is None
    assert (found["length"], found["rate"]) == (7700, RATE)


@pytest.mark.parametrize("name", ["X-Live", "Zoom"])
def test_the_page_cleans_what_the_command_line_cleans(web, tmp_path, monkeypatch, name):
    sound = band(4)
    RECORDERS[name].fill(tmp_path / "gig", sound)
    key = uploaded(web, tmp_path / "gig")
    units = [unit["name"] for unit in web.get(f"/api/sessions/{key}").json()["units"]]
    web.patch(f"/api/sessions/{key}", json={"unit": units[1], "source": units[0]})
    web.patch(f"/api/sessions/{key}", json={"unit": units[3], "left_out": True})
    web.post(f"/api/sessions/{key}/look")
    seen = wait(web, f"/api/sessions/{key}", lambda told: not told["looking"])["look"]
    assert (seen["names"], seen["sources"]) == (units[:3], [units[0], units[0], units[2]])
    assert np.shape(seen["bleed_before"]) == (3, 3)
    assert list(seen["moments"][0]) == [units[2]]
    wanted = {"keep": {units[2]: [units[0]]}, "reduction": {units[1]: 6}, "region": [0.2, 0.8]}
    found = take(web, key, run(web, key, "instantaneous", **wanted)["id"])
    assert {name: found[name] for name in wanted} == wanted
    assert found["inputs"] == [f"{unit}.WAV" for unit in units[:3]]
    monkeypatch.chdir(tmp_path)
    assert commanded(*shlex.split(found["command"])[1:]) == 0
    page = {name: content for name, content in unpacked(web, key, found["id"]).items() if "/clean/" in name}
    assert {name.rpartition("/")[2]: content for name, content in page.items()} == {
        path.name: path.read_bytes() for path in (tmp_path / "gig-clean").iterdir()
    }


def test_parts_are_heard_and_seen_one_after_another(web, tmp_path):
    sound = band(4).astype(np.float32)
    RECORDERS["X-Live"].fill(tmp_path / "gig", sound)
    key = uploaded(web, tmp_path / "gig")
    asked = {"start": 2990, "count": 3100}
    heard = np.frombuffer(web.get(f"/api/sessions/{key}/window", params=asked).content, "<f4").reshape(4, -1)
    np.testing.assert_array_equal(heard, sound[:, 2990:6090])
    unit = (told := web.get(f"/api/sessions/{key}").json())["units"][2]
    whole = told["wholes"][unit["whole"]]
    assert (whole["frames"], unit["channels"]) == (7700, [2])
    assert whole["peak"] == pytest.approx(np.abs(sound).max(axis=1).tolist())
    assert whole["power"] == pytest.approx(np.square(sound, dtype=float).mean(axis=1).tolist())
    seen = web.get(
        f"/api/sessions/{key}/files/{whole['id']}/peaks", params={"zoom": 0, "mic": 2, "first": 13, "last": 40}
    )
    pairs = np.frombuffer(seen.content, "<f4").reshape(-1, 2)
    assert len(pairs) == 17
    second, third = sound[2, 3256:3512], sound[2, 7536:]  # intervals of 256 samples from the beginnings of the parts
    np.testing.assert_allclose(pairs[[0, -1]], [[part.min(), part.max()] for part in (second, third)])


def test_a_file_that_begins_late_is_seen_late(web, tmp_path):
    pro_tools(tmp_path / "gig", band(4))
    key = uploaded(web, tmp_path / "gig")
    told = web.get(f"/api/sessions/{key}").json()
    (late,) = [whole for whole in told["wholes"] if whole["name"] == "Vox_02.wav"]
    asked = {"zoom": 0, "mic": 0, "first": 0, "last": 40}
    seen = np.frombuffer(web.get(f"/api/sessions/{key}/files/{late['id']}/peaks", params=asked).content, "<f4")
    first = np.flatnonzero(seen)[0] // 2
    assert first == round(3900 / 256)


def test_what_nobody_can_tell_is_said_and_can_be_settled(web, tmp_path):
    poly = {"a1.wav": wav(700, channels=4), "a2.wav": wav(900, channels=4)}
    key = new(web, "gig", poly)
    for name, content in poly.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="may be parts one after another") as refusal:
        laid_out(tmp_path, Session())
    told = web.get(f"/api/sessions/{key}").json()
    assert told["problem"] == str(refusal.value)
    undone = {name: told[name] for name in ("problem", "table", "units")}
    toml = '[parts]\nshow = ["a2.wav", "a1.wav"]\n'
    told = web.put(f"/api/sessions/{key}/toml", json={"toml": toml}).json()
    assert (told["problem"], told["length"]) == (None, 1600)
    assert told["table"][1][4] == "each channel is a microphone; as you said"
    back = web.post(f"/api/sessions/{key}/undo").json()
    assert {name: back[name] for name in undone} == undone
    web.put(f"/api/sessions/{key}/toml", json={"toml": toml})
    found = take(web, key, run(web, key, "kamir")["id"])
    assert found["command"] is None
    assert "[parts]" in found["toml"]
    assert put(web, key, "a3.wav", wav(700, channels=4)).status_code == 201
    table = web.get(f"/api/sessions/{key}").json()["table"]
    assert [row[1] for row in table[1:]] == ["a2.wav, a1.wav", "a3.wav"]
