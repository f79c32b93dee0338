import importlib.util
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from debleed import Recording
from debleed.recording import InputError
from debleed.scoring.bss_eval import bss_eval, frames, framewise_sdr

SONGS = Path(__file__).resolve().parents[2] / "shared" / "data" / "songs"
RATE = 8000

Museval = Callable[..., tuple[np.ndarray, ...]]


@pytest.fixture(scope="module")
def museval() -> Museval:
    """Return museval's bss_eval for ``(sources, samples)``; the file alone, since the package wants ffmpeg."""
    package = importlib.util.find_spec("museval")
    if package is None or package.submodule_search_locations is None:
        pytest.skip("museval is not installed")
    path = Path(package.submodule_search_locations[0]) / "metrics.py"
    spec = importlib.util.spec_from_file_location("museval_metrics", path)
    assert spec is not None
    assert spec.loader is not None
    metrics = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(metrics)
    return lambda r, e, window, hop: metrics.bss_eval(r[..., None], e[..., None], window=window, hop=hop)[:4]


def noise(sources: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((sources, length))


def bled(r: np.ndarray, own: float = 0.9) -> np.ndarray:
    """Estimates with everything that can be wrong: another gain, a delayed own part, others, noise."""
    late = np.roll(r, 3, axis=1)
    return own * r + 0.2 * late + 0.1 * np.roll(late, 1, axis=0) + 0.01 * noise(*r.shape, seed=1)


def assert_same(found: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...], within: float) -> None:
    for ours, other in zip(found, theirs, strict=True):
        assert ours.shape == other.shape
        assert ours == pytest.approx(other, abs=within, nan_ok=True)


# ------------------------------------------------------------------------------------------------ against museval


@pytest.mark.parametrize(("window", "hop"), [(8000, 8000), (8000, 3000), (10**6, 10**6), (21_000, 21_000)])
def test_noise_scores_as_with_museval(museval: Museval, window: int, hop: int) -> None:
    r = noise(3, 21_000)
    r[1, 8000:16_000] = 0
    assert_same(bss_eval(r, bled(r), window, hop), museval(r, bled(r), window, hop), 1e-6)


def test_sources_alone_score_as_with_museval(museval: Museval) -> None:
    r = noise(2, 5 * RATE + 17)
    r[1, RATE : 2 * RATE] = 0
    e = bled(r)
    e[0, :RATE] = 0
    found = framewise_sdr(r, e, RATE, RATE)
    for j in range(2):
        assert found[j] == pytest.approx(museval(r[j, None], e[j, None], RATE, RATE)[0][0], abs=1e-9, nan_ok=True)
    assert np.isnan(found[0, 0])
    assert np.isnan(found[1, 1])


@pytest.mark.skipif(not SONGS.is_dir(), reason="needs the songs in ../shared, which are not there")
@pytest.mark.parametrize("start", [185, 20])
def test_music_scores_as_with_museval(museval: Museval, start: int) -> None:
    rate = 44100
    stems = [
        soundfile.read(SONGS / "Hydrogen" / f"{source}.ogg", start=start * rate, stop=(start + 6) * rate)[0].mean(
            axis=1
        )
        for source in ("vocals", "bass", "drums", "other")
    ]
    sounding = [np.round(stem * 2**15) / 2**15 for stem in stems]  # 16 bits, as in MUSDB18-HQ
    r = np.stack([stem for stem in sounding if stem.any()])
    e = bled(r) + 1e-4 * noise(*r.shape)
    theirs = museval(r, e, rate, rate)
    assert np.isfinite(theirs[0]).any()
    assert_same(bss_eval(r, e, rate, rate), theirs, 1e-3)


# ------------------------------------------------------------------------------------------------ closed forms


def test_half_the_gain() -> None:
    r = noise(2, 3 * RATE)
    found = bss_eval(r, 0.5 * r, RATE, RATE)
    assert found.sdr == pytest.approx(np.full((2, 3), 6.0206), abs=1e-4)
    assert found.isr == pytest.approx(found.sdr)
    assert found.sir.min() > 150  # nothing but rounding
    assert found.sar.min() > 150


def test_a_delay_is_spatial_distortion_and_nothing_else() -> None:
    r = noise(2, 3 * RATE)
    found = bss_eval(r, np.roll(r, 1, axis=1), RATE, RATE)
    assert found.sdr == pytest.approx(np.full((2, 3), -3.01), abs=0.2)
    assert found.isr == pytest.approx(found.sdr, abs=0.05)
    assert found.sir.min() > 30


def test_other_sources_are_interference_and_strangers_are_artifacts() -> None:
    r, n = noise(2, 20 * RATE), noise(2, 20 * RATE, seed=5)
    other = bss_eval(r, r + 0.1 * r[::-1], 10**9, 1)
    assert other.sir == pytest.approx(np.full((2, 1), 20), abs=0.1)
    assert other.sar.min() > 150
    stranger = bss_eval(r, r + 0.1 * n, 10**9, 1)
    assert stranger.sar == pytest.approx(np.full((2, 1), 20), abs=0.1)
    assert stranger.sir.min() > 40  # 1024 of 160 000 dimensions are hit by chance


def test_alone_nothing_is_interference() -> None:
    r = noise(1, 2 * RATE)
    assert bss_eval(r, bled(r), RATE, RATE).sir == pytest.approx(np.full((1, 2), math.inf))


def test_a_perfect_estimate() -> None:
    r = noise(2, 2 * RATE)
    found = bss_eval(r, r, RATE, RATE)
    assert np.all(found.sdr == math.inf)
    assert min(ratio.min() for ratio in found) > 150


def test_a_silent_frame_counts_for_nobody_and_a_silent_source_only_for_itself() -> None:
    r = noise(3, 3 * RATE)
    r[0, RATE : 2 * RATE] = 0
    e = bled(r)
    found = bss_eval(r, e, RATE, RATE)
    assert all(np.isnan(ratio[:, 1]).all() and np.isfinite(ratio[:, [0, 2]]).all() for ratio in found)
    without = bss_eval(r[:2], e[:2], RATE, RATE)
    r[2] = 0
    muted = bss_eval(r, e, RATE, RATE)
    assert_same(tuple(ratio[:2] for ratio in muted), without, 1e-9)
    assert all(np.isnan(ratio[2]).all() for ratio in muted)
    nobody = bss_eval(0 * r, e, RATE, RATE)
    assert all(np.isnan(ratio).all() for ratio in nobody)


# ------------------------------------------------------------------------------------------------ properties


def test_scores_follow_no_level() -> None:
    r = noise(2, 2 * RATE)
    found, quiet = bss_eval(r, bled(r), RATE, RATE), bss_eval(1e-6 * r, 1e-6 * bled(r), RATE, RATE)
    assert_same(found, quiet, 1e-9)


def test_sources_may_differ_in_level_and_stand_in_any_order() -> None:
    r = noise(3, 2 * RATE)
    e, scale = bled(r), np.array([[1], [1e-4], [1e3]])
    found = bss_eval(r, e, RATE, RATE)
    assert_same(tuple(ratio[::-1] for ratio in found), bss_eval(r[::-1], e[::-1], RATE, RATE), 1e-9)
    assert_same(found, bss_eval(scale * r, scale * e, RATE, RATE), 1e-6)


def test_blocks_are_the_whole() -> None:
    r = noise(2, 3 * 2**15 + 5)  # longer than three blocks of correlations
    e = bled(r)
    window = 2**15
    found = bss_eval(r, e, window, window, taps=32)
    both = np.stack([np.roll(row, k) for row in np.pad(r, ((0, 0), (0, 31))) for k in range(32)], axis=1)
    padded = np.pad(e, ((0, 0), (0, 31)))
    c = np.linalg.lstsq(both, padded[0])[0]
    alone = np.linalg.lstsq(both[:, :32], padded[0])[0]
    first = np.pad(r[:, :window], ((0, 0), (0, 31)))
    span = np.stack([np.roll(row, k) for row in first for k in range(32)], axis=1)
    target, whole = span[:, :32] @ alone, span @ c
    rest = np.pad(e[0, :window], (0, 31)) - whole
    assert found.sir[0, 0] == pytest.approx(10 * np.log10(np.sum(target**2) / np.sum((whole - target) ** 2)), abs=1e-6)
    assert found.sar[0, 0] == pytest.approx(10 * np.log10(np.sum(whole**2) / np.sum(rest**2)), abs=1e-6)


def test_copies_of_a_source_are_no_trouble() -> None:
    r = noise(1, 2 * RATE)
    twice = np.concatenate([r, r])
    found = bss_eval(twice, bled(r)[[0, 0]], RATE, RATE)
    assert found.sar == pytest.approx(bss_eval(r, bled(r), RATE, RATE).sar[[0, 0]], abs=1e-3)


def test_recordings_are_read_in_blocks_and_score_as_their_samples() -> None:
    r = noise(2, 70_000)
    longest = 0

    def read(start: int, stop: int) -> np.ndarray:
        nonlocal longest
        longest = max(longest, stop - start)
        return r[:, start:stop]

    lazy = Recording(RATE, r.shape[1], ("a", "b"), ("a", "b"), read)
    assert_same(bss_eval(lazy, bled(r), RATE, RATE), bss_eval(r, bled(r), RATE, RATE), 0)
    assert longest <= 2**15


def test_frames_are_whole_ones() -> None:
    assert frames(10, 4, 4) == [(0, 4), (4, 8)]
    assert frames(10, 4, 3) == [(0, 4), (3, 7), (6, 10)]
    assert frames(3, 4, 4) == [(0, 3)]
    with pytest.raises(InputError, match="at least 1"):
        frames(10, 0, 1)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="differ"):
        bss_eval(noise(2, 100), noise(2, 101), 10, 10)


def test_scipy_is_imported_on_use() -> None:
    import subprocess

    code = "import sys, debleed.scoring.evaluate; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
