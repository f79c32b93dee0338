"""The command line: exit codes, nothing half-written, and every bad input of the inventory."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
import soundfile as sf

from debleed import cli
from debleed.io import carried, staging, writing

RATE = 8000


def put(path, length=4000, channels=1, seed=0, rate=RATE, subtype="PCM_16", samples=None):
    path.parent.mkdir(exist_ok=True, parents=True)
    if samples is None:
        samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (length, channels))
    sf.write(path, samples, rate, subtype=subtype)
    return path


@pytest.fixture
def gig(tmp_path):
    folder = tmp_path / "gig"
    put(folder / "vox.wav", seed=1)
    put(folder / "bass.flac", seed=2, subtype="PCM_24")
    put(folder / "OH.wav", seed=3, channels=2)
    return folder


@pytest.fixture
def clean(tmp_path):
    return tmp_path / "clean"


def remove(folder, out, *options, method="unprocessed"):
    return cli.run(["remove", str(folder), "-o", str(out), "--method", method, *map(str, options)])


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def sentence(capsys):
    """Return what was refused with: the last line of the error stream, which must be one sentence and no traceback."""
    said = capsys.readouterr()
    assert not said.out
    assert "Traceback" not in said.err
    lines = [line for line in said.err.splitlines() if line.startswith("debleed: ")]
    assert len(lines) == 1
    return lines[0]


def cut(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def empty(gig):
    for path in gig.iterdir():
        path.unlink()


def one_mono_file(gig):
    (gig / "bass.flac").unlink()
    (gig / "OH.wav").unlink()


def one_stereo_file(gig):
    (gig / "bass.flac").unlink()
    (gig / "vox.wav").unlink()


def broken(value):
    def make(gig):
        samples = np.zeros(RATE)
        samples[4000] = value
        put(gig / "vox.wav", samples=samples, subtype="FLOAT")

    return make


def session(text):
    return lambda gig: (gig / "session.toml").write_text(text)


BAD_INPUT = {
    "empty folder": (empty, "no audio file.*gig"),
    "one mono file": (one_mono_file, r"vox\.wav.*only file"),
    "one stereo file": (one_stereo_file, r"OH\.wav.*only file"),
    "a text file": (lambda gig: (gig / "vox.wav").write_text("la la la\n" * 99), r"vox\.wav.*cannot be read as audio"),
    "cut WAV": (lambda gig: cut(gig / "vox.wav"), r"vox\.wav.*truncated"),
    "cut FLAC": (lambda gig: cut(gig / "bass.flac"), r"bass\.flac"),
    "zero samples": (lambda gig: put(gig / "vox.wav", length=0), r"vox\.wav.*no samples"),
    "NaN": (broken(np.nan), "'vox'.*NaN"),
    "infinite": (broken(np.inf), "'vox'.*infinite"),
    "minus infinite": (broken(-np.inf), "'vox'.*infinite"),
    "stem twice, extension": (lambda gig: put(gig / "vox.flac"), r"vox\.flac.*vox\.wav"),
    "stem twice, case": (lambda gig: put(gig / "VOX.wav"), r"VOX\.wav.*vox\.wav"),
    "unknown key": (session("rooms = []"), r"session\.toml.*'rooms'.*room"),
    "unknown source": (session("[source_reduction]\nchoir = 3"), "no source 'choir'.*bass, vox"),
    "unknown file": (session("[sources]\nchoir = ['alto']"), r"'alto'.*bass\.flac, vox\.wav"),
    "unknown file to leave out": (session("leave_out = ['alto']"), r"'alto'.*bass\.flac, vox\.wav"),
    "no TOML": (session("room = ["), r"session\.toml.*TOML"),
    "everything left out": (session("leave_out = ['vox', 'bass', 'OH']"), "every audio file"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_refused_and_nothing_written(gig, clean, tmp_path, capsys, case):
    spoil, said = BAD_INPUT[case]
    spoil(gig)
    before = everything(tmp_path)
    assert remove(gig, clean, "--keep-removed", tmp_path / "removed") == 2
    assert re.search(said, sentence(capsys))
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "{gig}"], "inside the input folder"),
        (["-o", "{gig}/clean"], "inside the input folder"),
        (["-o", "{gig}/../gig/x/y"], "inside the input folder"),
        (["--keep-removed", "{gig}/removed"], "inside the input folder"),
        (["--keep-removed", "{clean}"], "two folders"),
        (["-o", "{gig}/../clean.wav"], "folder"),
        (["-o", "{gig}/vox.wav/clean"], "inside"),
        (["--report", "{gig}/.."], "folder"),
        (["--mixture", "{gig}/nowhere.wav"], "nowhere.wav"),
        (["--truth", "{gig}/nowhere"], "nowhere"),
        (["--method", "magic"], "no method 'magic'.*demix"),
        (["--set", "depth=3"], "no setting 'depth'"),
        (["--set", "depth"], "key=value"),
        (["--reduction", "loud"], "--reduction must be a number"),
        (["--reduction", "-3"], "--reduction must be a number"),
        (["--reduction", "choir=3"], "no source 'choir'.*bass, vox"),
        (["--room", "choir"], "'choir'"),
        (["--leave-out", "choir"], "'choir'"),
        (["--source", "all=choir"], "'choir'"),
        (["--source", "all"], "--source needs"),
    ],
)
def test_bad_options_are_refused_and_nothing_written(gig, clean, tmp_path, capsys, options, said):
    before = everything(tmp_path)
    assert remove(gig, clean, *(option.format(gig=gig, clean=clean) for option in options)) == 2
    assert re.search(said, sentence(capsys))
    assert everything(tmp_path) == before


def test_an_input_that_is_not_there(tmp_path, clean, capsys):
    assert remove(tmp_path / "nowhere", clean) == 2
    assert "nowhere" in sentence(capsys)


def test_a_linked_output_inside_the_input(gig, tmp_path, capsys):
    (tmp_path / "link").symlink_to(gig)
    assert remove(gig, tmp_path / "link" / "clean") == 2
    assert "inside" in sentence(capsys)


def test_a_poly_file_and_its_own_folder(tmp_path, capsys):
    path = put(tmp_path / "gig.wav", channels=3)
    assert remove(path, tmp_path, "--force") == 2
    assert "gig.wav" in sentence(capsys)


def test_no_write_permission(gig, clean, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(staging.os, "access", lambda *_: False)  # root may write everywhere
    before = everything(tmp_path)
    assert remove(gig, clean) == 2
    assert "permission" in sentence(capsys)
    assert everything(tmp_path) == before


def test_an_output_below_a_file(gig, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert remove(gig, tmp_path / "file" / "clean") == 2
    assert "is a file" in sentence(capsys)


def test_existing_results_are_kept_unless_forced(gig, clean, capsys):
    put(clean / "vox.wav", length=9)
    (clean / "notes.txt").write_text("keep me")
    before = everything(clean)
    assert remove(gig, clean) == 2
    assert "vox.wav" in sentence(capsys)
    assert everything(clean) == before
    assert remove(gig, clean, "--force") == 0
    assert sorted(path.name for path in clean.iterdir()) == ["OH.wav", "bass.flac", "notes.txt", "vox.wav"]


def test_sound_beside_a_result_stays_even_by_force(gig, clean, capsys):
    put(clean / "bass.wav", subtype="FLOAT")
    before = (clean / "bass.wav").read_bytes()
    assert remove(gig, clean, "--force") == 0
    assert sorted(path.name for path in clean.iterdir()) == ["OH.wav", "bass.flac", "bass.wav", "vox.wav"]
    assert (clean / "bass.wav").read_bytes() == before
    assert "bass.wav' is not of this run, the result is 'bass.flac'" in capsys.readouterr().err


def same(folder, out):
    for path in out.iterdir():
        np.testing.assert_array_equal(sf.read(path)[0], sf.read(folder / path.name)[0])
        assert sf.info(path).subtype == sf.info(folder / path.name).subtype


def test_a_folder_comes_back(gig, clean, capsys):
    carried.append(gig / "vox.wav", [(b"bext", b"x" * 602)])
    (gig / "sub").mkdir()
    assert remove(gig, clean) == 0
    same(gig, clean)
    assert sorted(path.name for path in clean.iterdir()) == ["OH.wav", "bass.flac", "vox.wav"]
    assert carried.carried(clean / "vox.wav") == [(b"bext", b"x" * 602)]
    said = capsys.readouterr()
    assert not said.out
    for words in ("4 microphones", "2 sources: bass, vox", "room microphones, unchanged: OH.L, OH.R", "ignored", "sub"):
        assert words in said.err


def test_mixed_rates_and_lengths_come_back(gig, clean, capsys):
    put(gig / "keys.wav", rate=11025, length=777)
    assert remove(gig, clean) == 0
    same(gig, clean)
    said = capsys.readouterr().err
    assert "11025 Hz" in said
    assert "padded with silence" in said


@pytest.mark.parametrize(
    ("gain", "offset", "said"),
    [(0, 0, "silent"), (9, 0, "clipped"), (1, 0.4, "offset"), (-1, 0, None)],
)
def test_odd_microphones_come_back_with_a_warning(gig, clean, capsys, gain, offset, said):
    samples = np.random.default_rng(4).uniform(-0.5, 0.5, 4000)
    put(gig / "keys.wav", samples=np.clip(gain * samples + offset, -1, 1))
    assert remove(gig, clean) == 0
    same(gig, clean)
    error = capsys.readouterr().err
    assert "keys" in error
    assert ("warning: " in error) == (said is not None)
    assert (said or "") in error


def test_a_copy_is_said_and_comes_back_like_its_original(gig, clean, capsys):
    put(gig / "keys.wav", seed=1)
    assert remove(gig, clean) == 0
    same(gig, clean)
    assert "vox is a copy of keys, cleaned like it" in capsys.readouterr().err


def test_removed_and_result_add_up(gig, clean, tmp_path):
    assert remove(gig, clean, "--keep-removed", tmp_path / "removed") == 0
    for path in gig.iterdir():
        total = sf.read(clean / path.name)[0] + sf.read(tmp_path / "removed" / path.name)[0]
        np.testing.assert_array_equal(total, sf.read(path)[0])


def test_options_stand_in_for_a_session(gig, clean, capsys):
    put(gig / "talk.wav", length=0)
    options = ["--source", "band=vox,OH.wav", "--room", "bass", "--leave-out", "talk.wav", "--reduction", "12"]
    assert remove(gig, clean, *options, "--reduction", "band=6") == 0
    said = capsys.readouterr().err
    assert "1 sources: band" in said
    assert "unchanged: bass" in said
    assert "fewer than two sources" in said


def test_a_poly_file_comes_back(tmp_path, clean):
    path = put(tmp_path / "gig.wav", channels=4, subtype="PCM_24")
    assert remove(path, clean, "--leave-out", "ch3") == 0
    same(tmp_path, clean)
    assert remove(path, clean / "b", "--leave-out", "ch5") == 2


def test_programs_read_json(gig, clean, capsys):
    assert remove(gig, clean, "--progress", "json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["stage"] for line in lines} >= {"check", "write", "done"}
    assert all(0 <= line["share"] <= 1 for line in lines)
    assert lines[-1]["stage"] == "done"
    assert sorted(lines[-1]["files"]) == sorted(str(clean / name) for name in ("OH.wav", "bass.flac", "vox.wav"))


def test_the_report_sees_what_was_written(gig, clean, tmp_path, monkeypatch, capsys):
    seen = {}

    def write(path, before, after, *, title, knowledge, setup, progress):
        progress("report", 1.0)
        seen.update(
            names=after.names,
            sources=after.sources,
            title=title,
            knowledge=knowledge,
            setup=setup,
            same=np.array_equal(before.read(), after.read()),
        )
        path.write_text("<html>")
        return dict.fromkeys(after.names, "as the report says.")

    monkeypatch.setitem(sys.modules, "debleed.report.page", types.SimpleNamespace(write=write))
    assert remove(gig, clean, "--report", tmp_path / "pages" / "report.html") == 0
    assert (tmp_path / "pages" / "report.html").read_text() == "<html>"
    assert seen["names"] == ("OH.L", "OH.R", "bass", "vox")
    assert seen["knowledge"].findings == {}
    assert seen["setup"] == {
        "Method": "unprocessed",
        "To remove": "all bleed that was found",
        "Room microphones": "OH.L, OH.R",
    }
    assert capsys.readouterr().err.count("vox: as the report says.\n") == 1
    assert (seen["sources"], seen["title"], seen["same"]) == ((None, None, "bass", "vox"), "gig", True)
    assert remove(gig, tmp_path / "other", "--report", tmp_path / "pages" / "report.html") == 2


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(28, "no space"), 1, "disk is full"),
        (OSError(5, "broken"), 1, "broken"),
        (KeyboardInterrupt(), 130, "int"),
    ],
)
def test_no_result_is_half_written_and_the_same_command_goes_on(
    gig, clean, tmp_path, capsys, monkeypatch, error, code, said
):
    original = writing.Writer.write

    def fail(self, samples):
        if self.path.stem == "vox":
            raise error
        return original(self, samples)

    with monkeypatch.context() as patched:
        patched.setattr(writing.Writer, "write", fail)
        before = everything(tmp_path)
        assert remove(gig, clean, "--keep-removed", tmp_path / "a" / "b") == code
    complaint = sentence(capsys)
    assert said in complaint
    assert f"kept in '{clean}.unfinished'" in complaint
    after = everything(tmp_path)
    assert {path: after[path] for path in after if path.parts[0] != "clean.unfinished"} == before
    assert remove(gig, clean, "--keep-removed", tmp_path / "a" / "b") == 0
    same(gig, clean)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "clean", "gig"]


def started(code, **options):
    """Run Python code that calls the command line, in a process of its own."""
    measured = {name for name in os.environ if name.startswith("COV")}  # coverage writes too, which some tests refuse
    environment = {name: value for name, value in os.environ.items() if name not in measured} | {"OMP_NUM_THREADS": "1"}
    streams = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, **streams, **options)


def test_a_disk_that_takes_no_more(gig, clean, tmp_path):
    put(gig / "long.wav", length=200_000)
    before = everything(tmp_path)
    command = (
        f"from debleed.cli import main; main(['remove', {str(gig)!r}, '-o', {str(clean)!r}, '--method', 'unprocessed'])"
    )
    limit = 200_000  # bytes in a file: the kernel then refuses to write, as on a full disk
    process = started(command, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "Traceback" not in error
    assert "larger than this disk" in error
    after = everything(tmp_path)
    assert {path: after[path] for path in after if path.parts[0] != "clean.unfinished"} == before


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "SIGTERM"), ("SIGHUP", 129, "SIGHUP")],
)
def test_a_signal_ends_in_a_sentence_that_says_what_is_kept(gig, clean, tmp_path, name, code, said):
    before = everything(tmp_path)
    command = (
        "import time, debleed.io.writing as w, debleed.cli as c\n"
        "w.Writer.write = lambda *_: time.sleep(60)\n"
        f"c.main(['remove', {str(gig)!r}, '-o', {str(clean)!r}, '--method', 'unprocessed'])"
    )
    process = started(command)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("clean.unfinished/work/clean/*.part")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(getattr(signal, name))
    error = process.communicate(timeout=60)[1]
    assert process.returncode == code
    assert "Traceback" not in error
    last = error.splitlines()[-1]
    assert last.startswith("debleed: ")
    assert said in last
    assert f"kept in '{clean}.unfinished', and the same command goes on" in last
    assert remove(gig, clean) == 0
    same(gig, clean)
    after = everything(tmp_path)
    assert {path: after[path] for path in after if path.parts[0] != "clean"} == before


def test_ctrl_c_during_start_up_is_a_sentence(gig, clean, tmp_path):
    before = everything(tmp_path)
    command = (
        "import signal, sys, types, debleed_start\n"
        "class Finder:\n"  # Ctrl-C in the middle of an import
        "    def find_spec(self, name, *_):\n"
        "        if name == 'debleed.recording': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        f"sys.argv = ['debleed', 'remove', {str(gig)!r}, '-o', {str(clean)!r}]\n"
        "debleed_start.main()"
    )
    process = started(command)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (130, "", "debleed: interrupted; nothing was begun\n")
    assert everything(tmp_path) == before


@pytest.mark.parametrize("dead", ["a pipe without a reader", "a full error stream", "closed streams"])
def test_a_dead_stream_does_not_cost_the_results(gig, clean, dead):
    code = (
        "import os, sys, debleed_start\n"
        f"sys.argv = ['debleed', 'remove', {str(gig)!r}, '-o', {str(clean)!r}, '--method', 'unprocessed',\n"
        "            '--progress', 'json']\n"
        "debleed_start.main()"
    )
    options = {"env": {**os.environ, "OMP_NUM_THREADS": "1"}, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if dead == "a pipe without a reader":
        process = subprocess.Popen([sys.executable, "-c", code], **options)
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        assert "Error" not in process.communicate(timeout=60)[1].decode()
    elif dead == "a full error stream":
        with open("/dev/full", "wb") as full:  # noqa: PTH123
            process = subprocess.Popen([sys.executable, "-c", code], **options | {"stderr": full})
            process.communicate(timeout=60)
    else:
        shell = ["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, code]
        process = subprocess.Popen(shell, env=options["env"])
        process.communicate(timeout=60)
    assert process.returncode == 0
    same(gig, clean)


def test_running_out_of_memory_is_a_sentence(gig, clean, tmp_path, capsys, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(writing.Writer, "write", fail)
    assert remove(gig, clean) == 1
    assert "not enough memory" in sentence(capsys)
    assert not clean.exists()


def test_more_files_than_may_be_open_are_refused_before_the_work(tmp_path, clean):
    for number in range(30):
        put(tmp_path / "gig" / f"{number}.wav", seed=number)
    before = everything(tmp_path)
    command = (
        "from debleed.cli import main; "
        f"main(['remove', {str(tmp_path / 'gig')!r}, '-o', {str(clean)!r}, '--method', 'unprocessed', "
        f"'--keep-removed', {str(tmp_path / 'removed')!r}])"
    )

    def allowed(soft, hard):
        return started(command, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))

    process = allowed(64, 64)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert "70 open files, but the system allows 64" in error
    assert everything(tmp_path) == before
    process = allowed(64, 128)  # what the system allows is asked for
    assert process.communicate(timeout=60)[1].count("Traceback") == process.returncode == 0
    assert len(list(clean.iterdir())) == len(list((tmp_path / "removed").iterdir())) == 30
