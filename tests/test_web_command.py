import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from debleed.recording import InputError
from debleed.web import command
from debleed.web.command import alone, data_folder, listen


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "HOME/.local/share/debleed"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/debleed"),
        ("linux", {"XDG_DATA_HOME": "data"}, "HOME/.local/share/debleed"),  # the standard: not absolute, not valid
        ("darwin", {"XDG_DATA_HOME": "/data"}, "HOME/Library/Application Support/debleed"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/debleed"),
        ("win32", {}, "HOME/AppData/Local/debleed"),
    ],
)
def test_data_lies_where_the_system_wants_it(monkeypatch, tmp_path, platform, environment, folder):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert data_folder() == Path(folder.replace("HOME", str(tmp_path)))


def test_one_server_a_data_folder(tmp_path):
    code = f"from pathlib import Path; from debleed.web.command import alone\nwith alone(Path({str(tmp_path)!r})): pass"
    with alone(tmp_path):
        second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert second.returncode != 0
        assert "another 'debleed serve'" in second.stderr
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_folder_is_free_after_a_failure(tmp_path):
    with pytest.raises(ZeroDivisionError), alone(tmp_path):
        raise ZeroDivisionError
    with alone(tmp_path):
        pass


def test_a_port_that_is_taken_is_refused():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(InputError, match=f"{port} is in use"):
            listen("127.0.0.1", port)
    with pytest.raises(InputError, match="not an address of this machine"):
        listen("203.0.113.1", 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "--token"),
        (["--token", "short"], "letters and digits"),
        (["--token", "sixteen letters !"], "letters and digits"),
    ],
)
def test_options_that_would_let_others_in_are_refused(options, said):
    failure = CliRunner().invoke(command.command, options).exception
    assert isinstance(failure, InputError)
    assert said in str(failure)
