"""What a run is asked for beside its method, and what is known of a session before any run."""

import shlex

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.web import roles, wishes
from debleed.web.moments import moments
from page import RATE, bled_band, client, commanded, folder_of, new, run, take, wait, wav


def test_what_stays_is_what_the_command_leaves_and_nothing_is_learnt_again(tmp_path, monkeypatch):
    with client(tmp_path / "data") as web:
        key = folder_of(web, bled_band(tmp_path / "gig"))
        wanted = {"keep": {"singer": ["drums"]}, "reduction": {"singer": None, "bass": 6}}
        part = {"region": [1, 4.5]}
        first, found = run(web, key, "instantaneous", **part), run(web, key, "instantaneous", **part, **wanted)
        assert found["keep"] == {"singer": ["drums"]}
        assert found["reduction"] == {"bass": 6}  # no limit needs no word
        runs = tmp_path / "data" / "sessions" / key / "runs"
        shelves = [runs / one["id"] / "learnt" for one in (first, found, run(web, key, "instantaneous"))]
        files = [path.name for path in shelves[0].iterdir()]
        assert files
        assert all((shelves[0] / name).samefile(shelves[1] / name) for name in files)
        assert not any((shelves[0] / name).samefile(shelves[2] / name) for name in files)  # it learns from all
        written = take(web, key, found["id"])["inputs"]
        monkeypatch.chdir(tmp_path)
        argv = shlex.split(found["command"])
        assert "--region" in argv
        assert commanded(*argv[1:]) == 0
        for k, name in enumerate(written):
            content = web.get(f"/api/sessions/{key}/runs/{found['id']}/files/clean/{k}").content
            assert content == (tmp_path / "gig-clean" / name).read_bytes()
        refused = web.post(f"/api/sessions/{key}/runs", json={"method": "di-cae", "keep": {"singer": ["drums"]}})
        assert "cannot keep the bleed" in refused.json()["error"]


def test_a_session_toml_says_limits_by_microphone_and_what_stays(tmp_path):
    with client(tmp_path) as web:
        key = new(web, files={f"{name}.wav": wav(seed=i) for i, name in enumerate(("in", "out", "vox"))})
        toml = "reduction = 12\n[sources]\nkick = ['in', 'out']\n"
        toml += "[source_reduction]\nout = inf\nvox = 3\n[keep]\nvox = 'kick'"
        told = web.put(f"/api/sessions/{key}/toml", json={"toml": toml})
        assert told.status_code == 200, told.text
        found = run(web, key)
        assert found["reduction"] == {"kick": 12, "out": None, "vox": 3}
        assert found["keep"] == {"vox": ["kick"]}
        for option in ("--reduction out=inf", "--reduction kick=12", "--keep vox=kick"):
            assert option in found["command"]
        assert "out = inf" in found["toml"]
        for wrong in ("[source_reduction]\nchoir = 3", "[keep]\nvox = 'choir'", "[keep]\nvox = 'vox'"):
            assert web.put(f"/api/sessions/{key}/toml", json={"toml": wrong}).status_code == 400
        # of what is grouped anew, what still means something stays
        web.patch(f"/api/sessions/{key}", json={"unit": "vox", "source": "kick"})
        web.patch(f"/api/sessions/{key}", json={"unit": "out", "source": "out"})
        assert run(web, key)["keep"] == {}


@pytest.mark.parametrize("wrong", [{"a": "b"}, {"a": ["choir"]}, {"choir": ["a"]}, {"a": ["a"]}, ["a"], {"a": [1]}])
def test_what_cannot_be_kept_is_refused(wrong):
    with pytest.raises(InputError):
        wishes.keep(roles.named(["a", "b"], ["a", "b"]), wrong)


@pytest.mark.parametrize("wrong", [[1], [2, 1], [0, "1"], [9, 10], "0-1", [0, float("nan")], [True, 2]])
def test_what_is_no_region_is_refused(wrong):
    with pytest.raises(InputError):
        wishes.region(roles.named(["a"], ["a"], 10, 50), wrong)


def test_a_moment_is_when_the_source_sounds_and_the_microphone_rests():
    own = np.full((3, 300), 0.01)
    own[0, :100] = own[1, 50:200] = 3.0
    own[2, 150:] = 3.0
    found = moments(own, ["kick", "vox", None])
    assert found[2] == {}
    start, stop, level = found[0]["vox"]
    assert 10 <= start < stop <= 20
    assert level < -15
    assert moments(np.ones((2, 50)), ["a", "b"])[0]["b"][2] == 0  # it never rests, and that is told
    assert moments(np.zeros((2, 50)), ["a", "b"]) == [{}, {}]


def test_a_first_look_finds_the_bleed_and_microphones_that_sound_alike(tmp_path):
    rng = np.random.default_rng(0)
    vox, bass = (rng.uniform(-0.3, 0.3, 3 * RATE) for _ in range(2))
    vox[RATE:] *= 0.001
    bass[: 2 * RATE] *= 0.001
    pair = np.stack([bass, 0.7 * bass], axis=1)
    files = {"a.wav": wav(samples=vox + 0.1 * bass), "b.wav": wav(samples=bass + 0.1 * vox)}
    with client(tmp_path) as web:
        key = new(web, files=files | {"c.wav": wav(samples=pair + 0.05 * vox[:, None])})
        address = f"/api/sessions/{key}"
        assert web.post(f"{address}/look").json()["look"] is None
        seen = wait(web, address, lambda found: not found["looking"])["look"]
        assert seen["names"] == ["a", "b", "c.L", "c.R"]
        assert seen["bleed_before"][1][0] == pytest.approx(-20, abs=1)
        assert seen["alike"] == [["b", "c"]]
        assert seen["moments"][0]["b"][1] > 2
        # it belongs to this grouping only
        assert web.patch(address, json={"unit": "c", "source": "b"}).json()["look"] is None
        told = web.post(f"{address}/undo").json()
        assert told["look"] == seen
        assert told["undo"] is None
        assert web.post(f"{address}/undo").status_code == 409


def test_a_source_whose_microphone_leaves_is_named_after_another(tmp_path):
    with client(tmp_path) as web:
        key = new(web, files={f"{name}.wav": wav(seed=i) for i, name in enumerate(("a", "b", "c"))})
        address = f"/api/sessions/{key}"
        web.patch(address, json={"unit": "b", "source": "a"})
        units = web.patch(address, json={"unit": "a", "source": "c"}).json()["units"]
        assert {unit["name"]: unit["source"] for unit in units} == {"a": "c", "b": "b", "c": "c"}
