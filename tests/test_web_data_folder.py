"""The data folder of the page: what is damaged in it, linked from it or left in it harms nothing else."""

import errno
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from debleed.recording import InputError
from debleed.web import command
from debleed.web.sessions import Store
from page import client, new, run, wait, wav


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Return a data folder with two sessions, the first of which has a run, and their names."""
    data = tmp_path_factory.mktemp("stored")
    with client(data) as web:
        keys = [new(web, name, {"vox.wav": wav(seed=1), "bass.wav": wav(seed=2)}) for name in ("one", "two")]
        done = run(web, keys[0])
    return data, keys, done["id"]


@pytest.fixture
def data(tmp_path, stored):
    """Return a copy of the data folder."""
    import shutil

    return Path(shutil.copytree(stored[0], tmp_path / "data"))


def listed(web):
    return {session["id"] for session in web.get("/api/sessions").json()}


def changed(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "no object": lambda path: path.write_text("[1, 2]"),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\0\0"),
    "nested": lambda path: path.write_text("[" * 100_000),
    "another folder's": lambda path: changed(path, id="0" * 16),
    "no time": lambda path: changed(path, created="yesterday"),
    "a link": lambda path: (path.rename(path.with_name("other")), path.symlink_to("other")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_session_is_put_aside_and_named(data, stored, caplog, damage):
    _, (one, two), _ = stored
    DAMAGE[damage](data / "sessions" / one / "session.json")
    with client(data) as web:
        assert listed(web) == {two}
        assert web.get(f"/api/sessions/{two}").status_code == 200
    assert (data / "damaged" / one / "files" / "000.wav").is_file()
    assert f"{one}' was moved to" in caplog.text


@pytest.mark.parametrize("field", [{"files": {}}, {"files": ["x"]}, {"sources": []}, {"next": True}])
def test_a_description_of_other_types_is_damaged(data, stored, field):
    _, (one, two), _ = stored
    changed(data / "sessions" / one / "session.json", **field)
    with client(data) as web:
        assert listed(web) == {two}


def test_a_stored_name_leads_nowhere_else(data, stored):
    _, (one, two), _ = stored
    path = data / "sessions" / one / "session.json"
    files = json.loads(path.read_text())["files"]
    changed(path, files=[{**files[0], "stored": "../../../../etc/passwd"}])
    with client(data) as web:
        assert listed(web) == {two}


@pytest.mark.parametrize("damage", DAMAGE)
def test_of_a_damaged_run_the_session_stays(data, stored, caplog, damage):
    _, (one, two), begun = stored
    DAMAGE[damage](data / "sessions" / one / "runs" / begun / "run.json")
    with client(data) as web:
        assert listed(web) == {one, two}
        assert web.get(f"/api/sessions/{one}").json()["runs"] == []
    assert (data / "damaged" / f"{one}-{begun}" / "after.npy").is_file()
    assert begun in caplog.text


def test_damage_while_the_server_runs_hides_no_other_session(data, stored):
    _, (one, two), begun = stored
    with client(data) as web:
        (data / "sessions" / one / "runs" / begun / "run.json").write_bytes(b"")
        assert web.get(f"/api/sessions/{one}").json()["runs"] == []
        (data / "sessions" / one / "session.json").write_bytes(b"")
        assert listed(web) == {two}
        answer = web.get(f"/api/sessions/{one}")
        assert answer.status_code == 500
        assert "is damaged" in answer.json()["error"]


def test_a_session_whose_description_is_gone_keeps_its_files(data, stored):
    _, (one, two), _ = stored
    (data / "sessions" / one / "session.json").unlink()
    with client(data) as web:
        assert listed(web) == {two}
    assert (data / "damaged" / one / "files" / "000.wav").is_file()


def test_a_missing_folder_of_runs_is_made(data, stored):
    import shutil

    _, (one, two), _ = stored
    shutil.rmtree(data / "sessions" / one / "runs")
    with client(data) as web:
        assert listed(web) == {one, two}
        assert run(web, one)["status"] == "done"


@pytest.mark.parametrize("name", ["runs", "incoming", "files", "peaks"])
def test_a_linked_folder_is_not_emptied(data, stored, tmp_path, name):
    _, (one, two), _ = stored
    inside = data / "sessions" / one / name
    elsewhere = inside.rename(tmp_path / "elsewhere")
    (elsewhere / ("a" * 16)).mkdir()
    (elsewhere / ("a" * 16) / "song.wav").write_bytes(b"mine")
    inside.symlink_to(elsewhere)
    with client(data) as web:
        assert listed(web) == {two}
    assert (elsewhere / ("a" * 16) / "song.wav").read_bytes() == b"mine"


@pytest.mark.parametrize("inner", ["", "runs"])
def test_a_linked_session_or_run_is_left_alone(data, stored, tmp_path, inner):
    _, (one, two), begun = stored
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "song.wav").write_bytes(b"mine")
    folder = data / "sessions" / one / "runs" if inner else data / "sessions"
    (folder / ("b" * 16)).symlink_to(elsewhere)
    with client(data) as web:
        assert listed(web) == {one, two}
        assert [found["id"] for found in web.get(f"/api/sessions/{one}").json()["runs"]] == [begun]
    assert (elsewhere / "song.wav").read_bytes() == b"mine"


def test_linked_sessions_are_refused(tmp_path):
    (tmp_path / "elsewhere" / ("c" * 16)).mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sessions").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is a link"):
        client(tmp_path / "data")
    assert (tmp_path / "elsewhere" / ("c" * 16)).is_dir()


def test_a_deletion_that_was_killed_is_finished(data, stored):
    _, (one, two), _ = stored
    (data / "sessions" / one).rename(data / "sessions" / f"{one}.deleted")
    with client(data) as web:
        assert listed(web) == {two}
    assert sorted(path.name for path in data.iterdir()) == ["pace.json", "sessions"]  # how long stages took stays
    assert [path.name for path in (data / "sessions").iterdir()] == [two]


def test_sessions_are_readable_by_their_owner_alone(tmp_path):
    (tmp_path / "sessions").mkdir(mode=0o755)
    client(tmp_path)
    assert stat.S_IMODE((tmp_path / "sessions").stat().st_mode) == 0o700


def test_a_disk_that_fills_during_a_run_ends_it(data, stored, monkeypatch):
    _, (_, two), _ = stored
    original = Store.change_run

    def full(self, *arguments):
        if (data / "full").exists():
            raise OSError(errno.ENOSPC, "no space")
        return original(self, *arguments)

    monkeypatch.setattr(Store, "change_run", full)
    with client(data) as web:
        runs = f"/api/sessions/{two}/runs"
        begun = web.post(runs, json={"method": "unprocessed"}).json()["id"]
        (data / "full").touch()
        found = wait(web, f"{runs}/{begun}", lambda found: found["status"] not in ("waiting", "running"))
        assert found["status"] == "done"
        (data / "full").unlink()
    with client(data) as web:
        assert web.get(f"{runs}/{begun}").json()["status"] in ("failed", "done")


@pytest.mark.parametrize(
    ("data", "said"), [("/proc/nowhere", "cannot be created"), ("file", "is a file"), ("file/data", "is a file")]
)
def test_a_server_that_cannot_start_says_why(tmp_path, monkeypatch, data, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    failure = CliRunner().invoke(command.command, ["--no-browser", "--data", data]).exception
    assert isinstance(failure, InputError)
    assert said in str(failure)
