"""Sessions, runs and results: what is said, what survives, and that the page does what the command line does."""

import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from debleed import clean_folder, cli
from debleed.assignment import assign, sources_of
from debleed.intake import prepared
from debleed.io.audio import load
from debleed.io.carried import append
from debleed.io.session import Session, load_session
from debleed.web import server
from debleed.web.sessions import Store, read_figures
from debleed.web.work import job_of
from page import bled_band, client, commanded, ended, folder_of, new, put, run, same_sound, take, unpacked, wait, wav


@pytest.fixture
def web(tmp_path):
    with client(tmp_path / "data") as found:
        yield found


def units(web, key):
    return {unit["name"]: unit["source"] for unit in web.get(f"/api/sessions/{key}").json()["units"]}


def two(web):
    return new(web, files={"vox.wav": wav(seed=1), "bass.wav": wav(seed=2)})


def test_sources_are_guessed_and_can_be_changed(web):
    files = {f"{name}.wav": wav(seed=i) for i, name in enumerate(("vox", "OH", "keys_L", "keys_R"))}
    key = new(web, files=files)
    assert units(web, key) == {"OH": None, "keys_L": "keys", "keys_R": "keys", "vox": "vox"}
    change = {"unit": "OH", "source": "drums"}
    assert web.patch(f"/api/sessions/{key}", json=change).json()["units"][0]["source"] == "drums"
    assert web.patch(f"/api/sessions/{key}", json={"unit": "vox", "left_out": True}).json()["units"][3]["left_out"]
    for unit, source in (("nobody", "x"), ("vox", "a/b"), ("vox", "a=b"), ("vox", 7), ("vox", "")):
        assert web.patch(f"/api/sessions/{key}", json={"unit": unit, "source": source}).status_code >= 400
    assert units(web, key) == {"OH": "drums", "keys_L": "keys", "keys_R": "keys", "vox": "vox"}


def roles(web, key):
    return {unit["name"]: unit["role"] for unit in web.get(f"/api/sessions/{key}").json()["units"]}


def test_references_are_guessed_and_can_be_changed(web):
    key = new(web, files={f"{name}.wav": wav(seed=i) for i, name in enumerate(("bass", "bass_di", "click", "vox"))})
    assert roles(web, key) == {"bass": "source", "bass_di": "reference", "click": "reference", "vox": "source"}
    assert units(web, key)["bass_di"] == "bass"
    told = web.get(f"/api/sessions/{key}").json()["units"][1]
    assert told["reason"].startswith("bass and bass_di are both named 'bass'")
    for change in (
        {"unit": "bass_di", "source": "deep"},  # keeps its role
        {"unit": "click", "source": "click", "reference": False},
        {"unit": "vox", "source": "vox", "reference": True},
        {"unit": "bass", "source": None},
    ):
        assert web.patch(f"/api/sessions/{key}", json=change).status_code == 200
    assert roles(web, key) == {"bass": "room", "bass_di": "reference", "click": "source", "vox": "reference"}
    assert units(web, key)["bass_di"] == "deep"
    wrong = {"unit": "vox", "source": "vox", "reference": "yes"}
    assert web.patch(f"/api/sessions/{key}", json=wrong).status_code == 400
    web.put(f"/api/sessions/{key}/toml", json={"toml": "reference = ['vox']"})
    assert roles(web, key) == {"bass": "source", "bass_di": "source", "click": "source", "vox": "reference"}
    assert units(web, key)["bass_di"] == "bass"
    done = run(web, key, "kamir")
    assert "--reference vox" in done["command"]
    assert done["figures"]["references"] == ["vox"]


def test_what_the_page_guessed_is_not_said_by_the_user(web, tmp_path):
    key = new(web, files={f"{name}.wav": wav(seed=i) for i, name in enumerate(("OH", "bass", "bass_di", "vox"))})
    web.patch(f"/api/sessions/{key}", json={"unit": "vox", "source": "singer"})
    done = run(web, key)
    place = next((tmp_path / "data").glob(f"sessions/{key}/runs/{done['id']}"))
    with closing(prepared(job_of(place, json.loads((place / "run.json").read_text())))) as ready:
        assert ready.said_names == {"vox"}
        assert ready.recording.references == {"bass_di"}
        assert ready.microphones[0].reason == "its name indicates a room microphone or a mixture"


def test_names_inside_files_reach_the_page(web, tmp_path):
    path = tmp_path / "take.wav"
    path.write_bytes(wav(channels=4))
    tracks = b"sTRK1=Bass DI\r\nsTRK2=Bass\r\nsTRK3=Vox\r\nsTRK4=Gtr\r\n"
    append(path, [(b"bext", tracks.ljust(602, b"\0"))])
    key = new(web, files={"take.wav": path.read_bytes()})
    assert roles(web, key) == {"Bass DI": "reference", "Bass": "source", "Vox": "source", "Gtr": "source"}
    assert units(web, key)["Bass DI"] == "Bass"
    web.put(f"/api/sessions/{key}/toml", json={"toml": "room = ['ch3']"})
    assert roles(web, key)["Vox"] == "room"
    assert run(web, key)["status"] == "done"


def test_a_session_toml_is_obeyed(web):
    key = new(web, files={f"{name}.wav": wav(seed=i) for i, name in enumerate(("vox", "OH", "talk", "bass"))})
    toml = "leave_out = ['talk.wav']\nroom = []\nreduction = 12\n[sources]\nband = ['vox.wav', 'OH']\n"
    toml += "[source_reduction]\nband = 3"
    told = web.put(f"/api/sessions/{key}/toml", json={"toml": toml})
    assert told.status_code == 200, told.text
    assert units(web, key) == {"OH": "band", "bass": "bass", "talk": "talk", "vox": "band"}
    assert [unit["name"] for unit in told.json()["units"] if unit["left_out"]] == ["talk"]
    found = run(web, key)
    assert found["reduction"] == {"band": 3, "bass": 12}
    assert "--leave-out talk" in found["command"]
    for wrong in ("room = [", "rooms = 3", "room = ['choir']", "[parts]\nvox = ['vox.wav', 'gone.wav']"):
        refused = web.put(f"/api/sessions/{key}/toml", json={"toml": wrong})
        assert refused.status_code == 400
        assert "/" not in refused.json()["error"].replace("TOML", "")
    assert units(web, key)["OH"] == "band"


def test_what_is_wrong_with_a_file_is_said(web):
    key = new(web, files={"silent.wav": wav(samples=np.zeros(99)), "loud.wav": wav(samples=np.ones(999))})
    notes = {file["name"]: file["notes"] for file in web.get(f"/api/sessions/{key}").json()["files"]}
    assert "silent" in notes["silent.wav"][0]
    assert "clipped" in notes["loud.wav"][0]


def test_twins_are_refused_with_the_library_s_sentence(web):
    key = two(web)
    answer = put(web, key, "VOX.flac", wav(format="FLAC"))
    assert answer.status_code == 409
    assert "have the same stem" in answer.json()["error"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no files"),
        ({"a.wav": wav()}, "two or more sources"),
        ({"OH.wav": wav(), "room.wav": wav(seed=1)}, "fewer than two sources"),
        ({"a.wav": wav(channels=2), "a.L.wav": wav(), "b.wav": wav()}, "'a.L' has the name of one side"),
    ],
)
def test_what_hinders_a_run_is_said(web, files, said):
    key = new(web, files=files)
    assert said in web.get(f"/api/sessions/{key}").json()["problem"]
    assert said in web.post(f"/api/sessions/{key}/runs", json={"method": "demix"}).json()["error"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"method": "magic"}, "magic"),
        ({"method": "oracle-wiener"}, "oracle-wiener"),
        ({"method": "demix", "settings": {"depth": "3"}}, "no setting 'depth'"),
        ({"method": "demix", "settings": {"seconds": "many"}}, "seconds"),
        ({"method": "demix", "settings": {"seconds": 3}}, "strings"),
        ({"method": "demix", "reduction": {"choir": 3}}, "no source 'choir'"),
        ({"method": "demix", "reduction": {"vox": -3}}, "0 or more"),
        ({"method": "demix", "reduction": 3}, "object"),
        ({}, "method"),
    ],
)
def test_bad_runs_are_refused(web, wanted, said):
    key = two(web)
    answer = web.post(f"/api/sessions/{key}/runs", json=wanted)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert not web.get(f"/api/sessions/{key}").json()["runs"]


@pytest.mark.parametrize("method", ["demix", "kamir"])
def test_the_page_gives_what_the_command_line_gives(web, tmp_path, monkeypatch, method):
    gig = bled_band(tmp_path / "The gig, 2")
    key = folder_of(web, gig)
    found = run(web, key, method)
    assert found["status"] == "done", found["error"]
    found = take(web, key, found["id"], reduction={"singer": 6, "drums": 0, "bass": 12.5})
    monkeypatch.chdir(tmp_path)
    argv = shlex.split(found["command"])
    assert argv[0] == "debleed"
    assert commanded(*argv[1:]) == 0
    files = unpacked(web, key, found["id"], removed=1)
    out = tmp_path / "The gig, 2-clean"
    assert len(list(out.iterdir())) == 5
    for path in out.iterdir():
        assert files[f"The gig, 2/clean/{path.name}"] == path.read_bytes(), path.name
    assert b"<html" in files["The gig, 2/report.html"]
    # the same again, said by session.toml
    (gig / "session.toml").write_bytes(files["The gig, 2/session.toml"])
    assert commanded("remove", str(gig), "-o", str(tmp_path / "b"), "--method", method, "--keep-removed", "c") == 0
    for kind, folder in (("clean", "b"), ("removed", "c")):
        for path in (tmp_path / folder).iterdir():
            assert files[f"The gig, 2/{kind}/{path.name}"] == path.read_bytes(), path.name
    for kind, folder in (("clean", "b"), ("removed", "c")):
        one = web.get(f"/api/sessions/{key}/runs/{found['id']}/files/{kind}/1")
        assert one.content == (tmp_path / folder / found["inputs"][1]).read_bytes()
        assert one.headers["content-disposition"].startswith("attachment")
    assert web.get(f"/api/sessions/{key}/runs/{found['id']}/files/clean/5").status_code == 404
    assert not list((tmp_path / "data" / "sessions" / key / "incoming").iterdir())


def test_rates_lengths_and_channels_may_differ(web, tmp_path, monkeypatch):
    key = new(
        web,
        files={
            "vox.wav": wav(seed=1),
            "bass.flac": wav(seed=2, rate=11025, length=777, format="FLAC"),
            "OH.aiff": wav(seed=3, channels=2, format="AIFF", subtype="PCM_24"),
            "keys.wav": wav(seed=4, subtype="DOUBLE"),
        },
    )
    found = take(web, key, run(web, key)["id"], reduction={"vox": 3})
    kept = next((tmp_path / "data").glob("sessions/*/runs/*/take/gig"))
    for name, content in unpacked(web, key, found["id"]).items():
        if "/clean/" in name:
            expected = sf.read(kept / name.rpartition("/")[2])[0]
            np.testing.assert_array_equal(sf.read(io.BytesIO(content))[0], expected)
    # each file is made alone, and has the bytes that it has among the others
    found = take(web, key, run(web, key, "kamir")["id"], reduction={"vox": 3})
    monkeypatch.chdir(kept.parent)
    assert commanded(*shlex.split(found["command"])[1:]) == 0
    out = kept.parent / "gig-clean"
    files = {name: content for name, content in unpacked(web, key, found["id"]).items() if "/clean/" in name}
    assert files == {f"gig/clean/{path.name}": path.read_bytes() for path in out.iterdir()}


def test_one_file_with_a_microphone_a_channel(web, tmp_path, monkeypatch):
    content = wav(channels=3, length=9000)
    key = new(web, name="live", files={"desk.wav": content})
    assert units(web, key) == {"ch1": "ch1", "ch2": "ch2", "ch3": "ch3"}
    web.patch(f"/api/sessions/{key}", json={"unit": "ch3", "source": None})
    found = take(web, key, run(web, key, "kamir")["id"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "desk.wav").write_bytes(content)
    assert commanded(*shlex.split(found["command"])[1:]) == 0
    assert unpacked(web, key, found["id"])["live/clean/desk.wav"] == (tmp_path / "live-clean/desk.wav").read_bytes()


@pytest.mark.parametrize("apart", [False, True])
def test_command_page_and_python_give_the_same_bytes(web, tmp_path, monkeypatch, apart):
    names = ("OH", "bass", "keys_L", "keys_R", "vox")
    files = {f"{name}.wav": wav(seed=i, length=9000, subtype="PCM_24") for i, name in enumerate(names)}
    key = new(web, name="gig", files=files)
    told = Session()
    if apart:
        told = Session({"keys_L": ("keys_L",), "keys_R": ("keys_R",)})
        for name in ("keys_L", "keys_R"):
            web.patch(f"/api/sessions/{key}", json={"unit": name, "source": name})
    page = unpacked(web, key, (found := take(web, key, run(web, key, "kamir")["id"]))["id"])
    monkeypatch.chdir(tmp_path)
    gig = tmp_path / "gig"
    gig.mkdir()
    for name, content in files.items():
        (gig / name).write_bytes(content)
    assert commanded(*shlex.split(found["command"])[1:]) == 0
    result = clean_folder(gig, tmp_path / "python", session=told, method="kamir")
    sources = {mic.name: mic.source for mic in result.microphones}
    assert sources["keys_L"] == ("keys_L" if apart else "keys")
    assert sources["OH"] is None
    for name in files:
        made = (tmp_path / "gig-clean" / name).read_bytes()
        assert page[f"gig/clean/{name}"] == made
        assert same_sound((tmp_path / "python" / name).read_bytes(), made)


def test_sessions_survive_a_restart(tmp_path):
    with client(tmp_path) as web:
        key = two(web)
        done = run(web, key)
    with client(tmp_path) as web:
        assert [session["id"] for session in web.get("/api/sessions").json()] == [key]
        session = web.get(f"/api/sessions/{key}").json()
        assert [file["name"] for file in session["files"]] == ["bass.wav", "vox.wav"]
        assert session["runs"][0]["id"] == done["id"]
        assert web.get(f"/api/sessions/{key}/runs/{done['id']}/window?start=0&count=9&layers=before,after").content


def test_what_a_killed_server_left_is_put_in_order(tmp_path):
    with client(tmp_path) as web:
        key = two(web)
        done = run(web, key)
    place = tmp_path / "sessions" / key
    (place / "incoming" / "half").write_bytes(b"half")
    text = (place / "runs" / done["id"] / "run.json").read_text()
    (place / "runs" / done["id"] / "run.json").write_text(text.replace('"done"', '"running"'))
    with client(tmp_path) as web:
        assert not list((place / "incoming").iterdir())
        assert "stopped" in web.get(f"/api/sessions/{key}/runs/{done['id']}").json()["error"]


def test_folders_that_are_no_sessions_are_left_alone(tmp_path):
    own, left = tmp_path / "sessions" / "Monday", tmp_path / "sessions" / ("0" * 16)
    for folder in (own, left):
        folder.mkdir(parents=True)
        (folder / "vox.wav").write_bytes(wav())
    with client(tmp_path) as web:
        assert web.get("/api/sessions").json() == []
    assert (own / "vox.wav").is_file()
    assert not left.exists()


def test_an_upload_whose_beginning_is_gone_is_not_gone_on_with(tmp_path):
    store = Store(tmp_path)
    key = store.create("x")["id"]
    path = store.expect(key, "a.wav", 8)
    path.touch()
    server.put(store, key, path, "a.wav", b"abcd", 4)
    server.put(store, key, path, "a.wav", b"efgh", 8)
    assert path.read_bytes() == b"abcdefgh"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        server.put(store, key, path, "a.wav", b"ijkl", 12)
    assert not path.exists()


def test_a_reduction_without_end_is_none(web):
    key = two(web)
    told = web.put(f"/api/sessions/{key}/toml", json={"toml": "reduction = inf\n[source_reduction]\nvox = 6"})
    assert told.status_code == 200, told.text
    assert run(web, key)["reduction"] == {"vox": 6}


def test_deleting_leaves_nothing(web, tmp_path):
    key, other = two(web), new(web, "other")
    done = run(web, key)
    assert web.delete(f"/api/sessions/{key}/runs/{done['id']}").json()["runs"] == []
    run(web, key)
    assert web.delete(f"/api/sessions/{key}").status_code == 200
    assert [path.name for path in (tmp_path / "data" / "sessions").iterdir()] == [other]
    assert web.get(f"/api/sessions/{key}").status_code == 404
    assert web.delete("/api/sessions").json()["used"] < 2000  # the pace of runs stays
    assert web.get("/api/sessions").json() == []


def test_disk_use_counts_each_file_once(web):
    key = two(web)
    before = web.get("/api/sessions").json()[0]["size"]
    assert before >= sum(file["size"] for file in web.get(f"/api/sessions/{key}").json()["files"])
    run(web, key)
    session, disk = web.get("/api/sessions").json()[0], web.get("/api/disk").json()
    # the run has links to the files, its result of 32 bits, and little more
    assert 2 * 4 * 4000 < session["size"] - before < 2 * 4 * 4000 + 20_000
    assert session["size"] <= disk["used"] < session["size"] + 2000
    assert disk["free"] > 0


def test_a_file_taken_out_stays_with_the_runs_made_of_it(web):
    key = two(web)
    done = run(web, key)
    before = web.get(f"/api/sessions/{key}/runs/{done['id']}/window?start=0&count=999").content
    number = web.get(f"/api/sessions/{key}").json()["files"][1]["id"]
    assert len(web.delete(f"/api/sessions/{key}/files/{number}").json()["files"]) == 1
    assert put(web, key, "vox.wav", wav(seed=9)).status_code == 201
    assert web.get(f"/api/sessions/{key}/runs/{done['id']}/window?start=0&count=999").content == before
    assert take(web, key, done["id"])["inputs"] == ["bass.wav", "vox.wav"]


def slow(web):
    """Begin a run that takes long enough to be cancelled."""
    key = new(web, files={f"{i}.wav": wav(seed=i, length=60 * 8000) for i in range(6)})
    return key, f"/api/sessions/{key}/runs"


def test_a_run_can_be_cancelled_and_is_gone(web):
    key, runs = slow(web)
    begun = web.post(runs, json={"method": "demix"}).json()["id"]
    assert web.post(runs, json={"method": "demix"}).json()["id"] == begun  # a double click
    waiting = web.post(runs, json={"method": "kamir"}).json()["id"]
    wait(web, f"{runs}/{begun}", lambda found: found["status"] == "running" and found["stage"])
    process = web.app.state.service.jobs._jobs[f"{key}/{begun}"].process
    assert web.get(f"{runs}/{waiting}").json()["status"] == "waiting"
    assert web.post(f"{runs}/{waiting}/cancel").json()["status"] == "cancelled"
    assert web.post(f"{runs}/{begun}/cancel").json()["status"] == "cancelled"
    assert process.poll() is not None
    assert web.get(f"{runs}/{begun}/window?start=0&count=1").status_code == 409
    assert web.post(f"{runs}/{begun}/take", json={}).status_code == 409


def test_too_many_runs_wait(tmp_path):
    with client(tmp_path, waiting=1) as web:
        _, runs = slow(web)
        begun = web.post(runs, json={"method": "demix"}).json()["id"]
        wait(web, f"{runs}/{begun}", lambda found: found["status"] == "running")
        assert web.post(runs, json={"method": "kamir"}).status_code == 201
        refused = web.post(runs, json={"method": "unprocessed"})
        assert refused.status_code == 429
        assert "already queued" in refused.json()["error"]
        assert len(web.get(runs[:-5]).json()["runs"]) == 2


def test_deleting_a_session_ends_its_run(web, tmp_path):
    key, runs = slow(web)
    begun = web.post(runs, json={"method": "demix"}).json()["id"]
    wait(web, f"{runs}/{begun}", lambda found: found["status"] == "running")
    process = web.app.state.service.jobs._jobs[f"{key}/{begun}"].process
    assert web.delete(f"/api/sessions/{key}").status_code == 200
    assert process.poll() is not None
    assert not list((tmp_path / "data" / "sessions").iterdir())


def test_a_child_that_is_killed_says_so(web):
    key, runs = slow(web)
    begun = web.post(runs, json={"method": "demix"}).json()["id"]
    wait(web, f"{runs}/{begun}", lambda found: found["status"] == "running")
    os.kill(web.app.state.service.jobs._jobs[f"{key}/{begun}"].process.pid, signal.SIGKILL)
    found = wait(web, f"{runs}/{begun}", ended)
    assert found["status"] == "failed"
    assert "was killed" in found["error"]


def test_a_failure_is_its_sentence(web, tmp_path):
    key = two(web)
    place = tmp_path / "data" / "sessions" / key / "files" / "000.wav"
    place.write_bytes(place.read_bytes()[:3000])  # damaged after it was taken
    found = run(web, key)
    assert found["status"] == "failed"
    assert found["error"].startswith("'vox.wav' is truncated")


def test_windows_are_the_samples(web, tmp_path):
    gig = bled_band(tmp_path / "gig")
    key = folder_of(web, gig)
    found = run(web, key, "kamir")
    x = load(gig).read().astype("<f4")
    address = f"/api/sessions/{key}/runs/{found['id']}"
    assert found["figures"]["names"] == ["OH.L", "OH.R", "bass", "drums", "guitar", "singer"]
    content = web.get(f"{address}/window?start=70000&count=20000&layers=before,after,removed").content
    before, after, removed = np.frombuffer(content, "<f4").reshape(3, 6, 20000)
    np.testing.assert_array_equal(before[:, :10000], x[:, 70000:80000])
    assert not before[:, 10000:].any()
    np.testing.assert_array_equal(removed, before - after)
    energies = np.array(found["figures"]["energies"])
    np.testing.assert_allclose(energies[0], np.mean(x.astype(float) ** 2, axis=1), rtol=1e-5)
    alone = web.get(f"/api/sessions/{key}/window?start=0&count=500").content
    np.testing.assert_array_equal(np.frombuffer(alone, "<f4").reshape(6, 500), x[:, :500])
    picture = web.get(f"{address}/picture?layer=after&mic=2&tile=0")
    assert picture.content.startswith(b"\x89PNG")
    assert web.get(f"{address}/picture?layer=after&mic=2&tile=0").content == picture.content
    assert web.get(f"{address}/picture?layer=after&mic=6&tile=0").status_code == 404
    assert web.get(f"{address}/picture?layer=after&mic=0&tile=1").status_code == 404


def test_waveforms_are_handed_out(web):
    key = two(web)
    address = f"/api/sessions/{key}/files/0/peaks"
    content = web.get(f"{address}?zoom=0&mic=0&first=2&last=5").content
    assert np.frombuffer(content, "<f4").shape == (6,)
    for query in ("zoom=9&mic=0&first=0&last=1", "zoom=0&mic=7&first=0&last=1"):
        assert web.get(f"{address}?{query}").status_code == 404
    assert web.get(f"/api/sessions/{key}/files/7/peaks?zoom=0&mic=0&first=0&last=1").status_code == 404


def test_sessions_are_told_as_they_are_read(tmp_path):
    odd = 'k"i\\ck, [é]=#'
    told = Session({odd: ("a", odd)}, (), ("x.wav",), 12.0, {odd: 3.5})
    from debleed.io.session import dumped

    (tmp_path / "session.toml").write_text(dumped(told), "utf-8")
    assert load_session(tmp_path / "session.toml") == told
    assert sources_of(assign(Session(room=()), ["OH"])) == {"OH": "OH"}


class TestServe:
    def start(self, tmp_path, *options):
        return subprocess.Popen(
            [sys.executable, "-c", "from debleed.cli import main; main()", "serve", "--no-browser", "--port", "0",
             "--data", str(tmp_path / "data"), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def test_it_answers_and_ends_cleanly(self, tmp_path):
        with self.start(tmp_path) as process:
            address = process.stdout.readline().split()[-1]
            assert str(tmp_path / "data") in process.stdout.readline()
            with urllib.request.urlopen(address, timeout=10) as answer:
                assert b"debleed" in answer.read()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        assert process.returncode == 0
        assert "Stopped" in out
        assert not err

    def test_its_children_end_with_it_however_it_ends(self, tmp_path):
        import httpx

        with self.start(tmp_path) as process:
            with httpx.Client(base_url=process.stdout.readline().split()[-1]) as web:
                _, runs = slow(web)
                begun = web.post(runs, json={"method": "demix"}).json()["id"]
                wait(web, f"{runs}/{begun}", lambda found: found["status"] == "running" and found["stage"])
            listed = [file.read_text() for file in Path(f"/proc/{process.pid}/task").glob("*/children")]
            children = [int(pid) for pids in listed for pid in pids.split()]
            assert children
            process.kill()
            until = time.monotonic() + 10
            while any(alive(pid) for pid in children):
                assert time.monotonic() < until
                time.sleep(0.05)

    def test_a_taken_port(self, tmp_path, capsys):
        with self.start(tmp_path) as process:
            port = process.stdout.readline().split(":")[-1].strip("/\n")
            assert cli.run(["serve", "--no-browser", "--port", port, "--data", str(tmp_path)]) == 2
            assert f"port {port} is in use" in capsys.readouterr().err
            process.terminate()

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--host", "0.0.0.0"], "needs --token"),
            (["--host", "0.0.0.0", "--token", "short"], "16 letters"),
            (["--host", "no.such.host.invalid", "--token", "x" * 20], "not an address"),
        ],
    )
    def test_what_is_refused(self, tmp_path, capsys, options, said):
        assert cli.run(["serve", "--no-browser", "--port", "0", "--data", str(tmp_path), *options]) == 2
        assert said in capsys.readouterr().err


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_figures_of_an_older_version_are_read(tmp_path):
    old = {"bleed_before": [[0.0, "-inf"], [None, 0.0]], "change": ["inf", -1.0], "coherence_before": 0.5}
    assert read_figures(tmp_path) is None
    (tmp_path / "figures.json").write_text(json.dumps(old))
    found = read_figures(tmp_path)
    assert found["bleed_before"] == [[0.0, None], [None, 0.0]]
    assert "(-inf)" in found["bleed_before_reason"][0][1]
    assert "undefined" in found["bleed_before_reason"][1][0]
    assert found["change"] == [None, -1.0]
    assert "(+inf)" in found["change_reason"][0]
    assert found["coherence_before"] == 0.5


def test_what_was_found_is_kept_with_the_run_and_reaches_its_report(web, tmp_path):
    vox, bass = (np.random.default_rng(seed).uniform(-0.5, 0.5, 8000) for seed in (1, 2))
    key = new(web, files={"bass.wav": wav(samples=bass), "safety.wav": wav(samples=vox), "vox.wav": wav(samples=vox)})
    done = run(web, key)
    finding = "a copy of safety, cleaned like it"
    assert done["figures"]["findings"] == {"vox": finding}
    assert done["sentences"]["vox"] == f"unchanged; {finding}."
    address = f"/api/sessions/{key}/runs/{done['id']}"
    assert web.get(f"{address}/report").status_code == 409
    assert web.post(f"{address}/report").json()["reporting"]
    wait(web, address, lambda found: not found["reporting"])
    page = web.get(f"{address}/report")
    assert page.headers["content-disposition"].endswith("gig%2C%20unprocessed.html")
    assert f"{finding}.<" in page.text
    assert unpacked(web, key, done["id"])["gig/report.html"] == page.content

    # a run of version 0.2
    place = next((tmp_path / "data").glob(f"sessions/{key}/runs/{done['id']}/figures.json"))
    figures = json.loads(place.read_text())
    del figures["findings"]
    place.write_text(json.dumps(figures))
    assert not take(web, key, done["id"], reduction={"vox": 6})["reported"]
    assert finding not in unpacked(web, key, done["id"])["gig/report.html"].decode()
