"""Names as file systems allow them: in, out, and in everything that is written and said about them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from debleed import Stage, cli
from debleed.io import audio

RATE = 8000


def put(path, seed):
    """Write a file of any name, which libsndfile need not know."""
    path.parent.mkdir(exist_ok=True)
    plain = path.parent / ("plain" + path.suffix)
    sf.write(plain, np.random.default_rng(seed).uniform(-0.3, 0.3, 4000), RATE)
    try:
        return plain.rename(path)
    except OSError:
        plain.unlink()
        pytest.skip(f"this file system has no name {path.name!r}")


def gig(folder, *names):
    for seed, name in enumerate(names):
        put(folder / os.fsdecode(name), seed)
    return folder


def remove(folder, out, *options):
    return cli.run(["remove", str(folder), "-o", str(out), "--method", "unprocessed", *map(str, options)])


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix in audio.EXTENSIONS)


HOSTILE = {
    "long": ("a" * 251 + ".wav", "b" * 250 + ".flac"),
    "latin": (b"Stra\xdfe.wav", b"B\xfchne.wav", b"vox.wav"),
    "control": ("kick\nin.wav", "vox\x1b[31m.wav", 'a"b\\c.wav', "\u202ebass.wav", "=[x].wav"),
}


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_any_name_comes_back(tmp_path, capsys, kind):
    folder = gig(tmp_path / "gig", *HOSTILE[kind])
    out, stage = tmp_path / "clean", tmp_path / "a.debleed"
    assert remove(folder, out, "--keep-removed", tmp_path / "removed", "--report", tmp_path / "r.html") == 0
    assert names(out) == names(tmp_path / "removed") == names(folder)
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert all(line.isprintable() for line in said.splitlines())
    (tmp_path / "r.html").read_text("utf-8")
    assert cli.run(["learn", str(folder), "-o", str(stage), "--method", "instantaneous"]) == 0
    assert Stage.load(stage).names == audio.load(folder).names


@pytest.mark.parametrize("kind", ["long", "control"])
def test_what_init_writes_about_any_name_is_read_again(tmp_path, kind):
    folder = gig(tmp_path / "gig", *HOSTILE[kind])
    assert cli.run(["init", str(folder)]) == 0
    assert remove(folder, tmp_path / "clean") == 0


def test_what_a_session_file_cannot_say_is_refused(tmp_path, capsys):
    folder = gig(tmp_path / "gig", *HOSTILE["latin"])
    assert cli.run(["init", str(folder)]) == 2
    assert "is not in UTF-8" in capsys.readouterr().err
    assert not (folder / "session.toml").exists()
    path = put(tmp_path / ("x" * 251 + ".wav"), 1)
    assert cli.run(["init", str(path)]) == 2
    assert "too long for a session file" in capsys.readouterr().err


def test_a_result_whose_name_is_too_long_is_refused_before_the_work(tmp_path, capsys):
    folder = gig(tmp_path / "gig", "a.wav")
    put(folder / ("b" * 251 + ".ogg"), 2)
    assert remove(folder, tmp_path / "clean") == 2
    assert "a name too long" in capsys.readouterr().err
    assert not (tmp_path / "clean").exists()


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_a_posix_locale(tmp_path, locale):
    folder = gig(tmp_path / "gig", "Füße.wav", "vox.wav")
    (folder / "session.toml").write_text('[sources]\n"Fuß" = ["Füße", "vox"]\n', "utf-8")
    code = "import sys; from debleed.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, "remove", "gig", "-o", "clean", "--method", "unprocessed"],
        cwd=tmp_path,
        env={**os.environ, "LC_ALL": locale, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert names(tmp_path / "clean") == names(folder)
    assert "Fuß".encode() in done.stderr


def test_links_that_lead_to_themselves_are_refused(tmp_path, capsys):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    folder = gig(tmp_path / "gig", "kick.wav", "vox.wav")
    for given, out in ((tmp_path / "a", tmp_path / "clean"), (folder, tmp_path / "a"), (folder, tmp_path / "a" / "x")):
        assert remove(given, out) == 2
        assert "leads back to itself" in capsys.readouterr().err
    (folder / "x.wav").symlink_to("y.wav")
    (folder / "y.wav").symlink_to("x.wav")
    assert remove(folder, tmp_path / "clean") == 0
    assert names(tmp_path / "clean") == ["kick.wav", "vox.wav"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_do_not_stop_the_work(tmp_path, capsys):
    folder = gig(tmp_path / "gig", "kick.wav", "vox.wav")
    os.mkfifo(folder / "pipe.wav")
    assert remove(folder, tmp_path / "clean") == 0
    os.mkfifo(folder / "session.toml")
    for command in (["init", str(folder)], ["init", str(folder), "--force"], ["remove", str(folder), "-o", "x"]):
        assert cli.run(command) == 2
        assert "session.toml' is not a file" in capsys.readouterr().err
    assert cli.run(["remove", str(folder / "pipe.wav"), "-o", "x"]) == 2
    assert not Path("x").exists()
