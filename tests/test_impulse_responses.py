"""Exported filters: convolved by other programs, they give our linear output."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile as sf

from bands import RATE, bled, sources
from debleed import InputError, Recording, Stage, cli, learn
from debleed.daw.impulse_responses import ImpulseResponses, impulse_responses, shortened, write_impulse_responses
from debleed.methods.demix.demixed import Demixed
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.narrowband import Narrowband
from debleed.soundcheck.findings import Soundcheck
from debleed.soundcheck.fingerprint import Fingerprint

NAMES = ("vox", "Gtr in/out", 'b"a#ss')
LINEAR = {"tracking": False, "postfilter": False, "in_step": False}


def filters(count: int = 3, seed: int = 0) -> Filters:
    rng = np.random.default_rng(seed)
    taps = (0.2 * rng.standard_normal((count, count, 90)) * np.exp(-np.arange(90) / 9)).astype(np.float32)
    taps[..., :8] *= 0.01
    return Filters(taps * ~np.eye(count, dtype=bool)[:, :, None], 10, np.full((count, 2), 1, np.float32))


def stage_of(found: Filters | Narrowband, names: tuple[str, ...] = NAMES, **more: object) -> Stage:
    learned = replace(Demixed.none(len(found.trust) if isinstance(found, Filters) else 3), filters=found)
    fields = {"settings": LINEAR, "rate": RATE, "names": names, "sources": names, "learned": learned, "program": "0"}
    return Stage("demix", **fields | more)  # type: ignore[arg-type]


def noise(names: tuple[str, ...] = NAMES, seconds: float = 2) -> Recording:
    samples = np.random.default_rng(3).standard_normal((len(names), round(seconds * RATE)))
    return Recording.from_array(samples.astype(np.float32), RATE, names)


def error_db(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(10 * np.log10(np.max(np.sum((found - wanted) ** 2, -1) / np.sum(wanted**2, -1))))


def by_scipy(folder: Path, recording: Recording, latency: int) -> np.ndarray:
    """Do what jconvolver.conf says."""
    out = np.zeros((len(recording), recording.length))
    read = re.compile(r"/impulse/read (\d+) (\d+) 1 0 0 0 1 (\S+)")
    for line in (folder / "jconvolver.conf").read_text("utf-8").splitlines():
        if found := read.fullmatch(line):
            taps, rate = sf.read(folder / found[3])
            assert rate == recording.rate
            whole = scipy.signal.fftconvolve(recording.read()[int(found[1]) - 1].astype(float), taps)
            out[int(found[2]) - 1] += whole[latency : latency + recording.length]
    return out


def padded(recording: Recording) -> np.ndarray:
    """Add silence to flush the filters, as ``(samples, mics)``."""
    return np.pad(recording.read().T, ((0, RATE), (0, 0))).astype("<f4")


def by_brutefir(folder: Path, recording: Recording, latency: int) -> np.ndarray:
    run = subprocess.run(
        ["brutefir", "brutefir.conf"],
        cwd=folder,
        input=padded(recording).tobytes(),
        env={**os.environ, "HOME": str(folder)},  # where it writes its defaults
        capture_output=True,
        timeout=60,
    )
    out = np.frombuffer(run.stdout, "<f4").reshape(-1, len(recording)).T
    return out[:, latency : latency + recording.length]


def by_fconvolver(folder: Path, recording: Recording, latency: int) -> np.ndarray:
    sf.write(folder / "in.wav", padded(recording), RATE, "FLOAT")
    subprocess.run(["fconvolver", "jconvolver.conf", "in.wav", "out.wav"], cwd=folder, timeout=60, capture_output=True)
    out = sf.read(folder / "out.wav", always_2d=True)[0].T
    return out[:, latency : latency + recording.length]


def needing(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


CONVOLVERS = [
    by_scipy,
    pytest.param(by_brutefir, marks=needing("brutefir")),
    pytest.param(by_fconvolver, marks=needing("fconvolver")),
]


@pytest.mark.parametrize("convolved", CONVOLVERS)
def test_other_programs_compute_our_linear_output(
    tmp_path: Path, convolved: Callable[[Path, Recording, int], np.ndarray]
) -> None:
    stage, recording = stage_of(filters()), noise()
    found = impulse_responses(stage)
    write_impulse_responses(found, tmp_path / "ir")
    assert error_db(convolved(tmp_path / "ir", recording, found.latency), stage.applied(recording).read()) < -100


@pytest.mark.parametrize("convolved", CONVOLVERS[:2])
def test_so_do_filters_that_were_learnt_where_it_reverberates(
    tmp_path: Path, convolved: Callable[[Path, Recording, int], np.ndarray]
) -> None:
    mics = bled(sources(3, seconds=10), late=2000)
    recording = Recording.from_array(mics.astype(np.float32), RATE, NAMES)
    learn(recording, settings=LINEAR).save(tmp_path / "a.debleed")
    stage = Stage.load(tmp_path / "a.debleed")
    found = impulse_responses(stage)
    write_impulse_responses(found, tmp_path / "ir")
    assert error_db(recording.read(), stage.apply(recording).read()) > -20  # there is something to remove
    assert error_db(convolved(tmp_path / "ir", recording, found.latency), stage.apply(recording).read()) < -100


def test_all_tracks_are_inputs_and_outputs(tmp_path: Path) -> None:
    names = ("click", "vox", "room", "gtr", "safety", "mix")
    stage = stage_of(
        filters(),
        names,
        sources=("click", "vox", None, "gtr", "vox", "all"),
        references=frozenset({"click"}),
        soundcheck=Soundcheck({"safety": ("vox", -0.25)}, ("mix",)),
    )
    samples = noise(names).read().copy()
    samples[4] = np.float32(-0.25) * samples[1]
    recording = Recording(RATE, samples.shape[1], names, stage.sources, lambda a, b: samples[:, a:b], stage.references)
    found = impulse_responses(stage)
    assert {i for i, j in found.pairs if i == j} == set(range(6))
    assert [j for i, j in found.pairs if i in (0, 2, 5)] == [0, 2, 5]  # delayed only
    write_impulse_responses(found, tmp_path / "ir")
    assert error_db(by_scipy(tmp_path / "ir", recording, found.latency), stage.applied(recording).read()) < -100


def test_pairs_that_do_not_hear_each_other_have_no_file(tmp_path: Path) -> None:
    quiet = filters()
    quiet.taps[:, 0] = quiet.taps[0] = 0
    written = write_impulse_responses(impulse_responses(stage_of(quiet)), tmp_path / "ir")
    assert [path.name for path in written[2:]] == [
        "out01-in01.wav",
        *(f"out0{i}-in0{j}.wav" for i in (2, 3) for j in (2, 3)),
    ]
    assert sorted(written) == sorted((tmp_path / "ir").iterdir())


def test_filters_are_short_and_begin_early() -> None:
    taps = np.zeros((2, 2, 100), np.float32)
    taps[0, 0, 50], taps[1, 1, 50], taps[0, 1, 47], taps[1, 0, 70] = 1, 1, 0.1, 1e-4
    taps[0, 1, 40] = 1e-8  # −140 dB of its filter
    cut, lead = shortened(taps, 50)
    assert (cut.shape[-1], lead) == (24, 3)
    assert np.array_equal(cut, taps[..., 47:71])
    assert shortened(taps[:1, :1], 50)[0].shape == (1, 1, 1)


def test_latency_and_names_are_in_the_configurations(tmp_path: Path) -> None:
    write_impulse_responses(ImpulseResponses(8000, NAMES, np.ones((3, 3, 5), np.float32), 4), tmp_path)
    for name in ("jconvolver.conf", "brutefir.conf"):
        text = (tmp_path / name).read_text("utf-8")
        assert "8000 Hz. Latency of the filters: 4 samples (0.5 ms)" in text
        assert "# 3: b_a_ss" in text
    assert "/input/name 2 Gtr_in_out" in (tmp_path / "jconvolver.conf").read_text("utf-8")


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        (stage_of(Filters.none(3)), "change no microphone"),
        (stage_of(Narrowband(np.tile(np.eye(3, dtype=np.complex64), (9, 1, 1)))), "narrowband=false"),
        (learn(noise(), "kamir", settings={"iterations": 1}), "learnt with 'kamir'"),
    ],
)
def test_other_stages_are_refused(stage: Stage, why: str) -> None:
    with pytest.raises(InputError, match=why):
        impulse_responses(stage)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage_of(filters()).save(tmp_path / "a.debleed")
    command = ["export", str(tmp_path / "a.debleed"), "--ir", str(tmp_path / "ir")]
    assert cli.run(command) == 0
    assert "wrote 9 of 3 × 3 filters" in capsys.readouterr().err
    assert cli.run(command) == 2
    assert "exists already" in capsys.readouterr().err
    assert cli.run([*command, "--force"]) == 0
    (tmp_path / "file").touch()
    assert cli.run([*command[:2], "--ir", str(tmp_path / "file")]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.debleed", "file", "ir"]


def test_what_the_filters_lack_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "debleed")
    impulse_responses(stage_of(filters()))
    assert not caplog.messages
    stage = stage_of(
        filters(), fingerprint=Fingerprint(*np.zeros((2, 0), np.intp), np.zeros((0, 5)), np.arange(3) == 1)
    )
    assert isinstance(stage.learned, Demixed)
    loud = replace(stage.learned.postfilter, leakage=np.ones((3, 3, 3, 4), np.float32))
    impulse_responses(replace(stage, learned=replace(stage.learned, postfilter=loud)))
    assert "without the postfilter" in caplog.messages[0]
    assert caplog.messages[1].startswith("Gtr in/out had to be put in step")
