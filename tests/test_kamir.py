import numpy as np
import pytest

from debleed import Recording
from debleed.dsp.stft import stft
from debleed.methods import create, kamir
from debleed.methods.kamir import Kamir, first_leak, initial, magnitudes, published, runs, sweep, update_leak, weight
from debleed.recording import InputError
from debleed.scoring.evaluate import sdr

RATE = 8000


def band(length: int = 8 * RATE) -> tuple[np.ndarray, np.ndarray]:
    """Three sources of partials that come and go, each a fifth as loud in the others' microphones."""
    rng = np.random.default_rng(4)
    t = np.arange(length) / RATE
    images = np.zeros((3, length))
    for image in images:
        for pitch in rng.uniform(100, 3000, 8):
            image += np.sin(2 * np.pi * pitch * t) * (np.sin(2 * np.pi * rng.uniform(0.1, 0.4) * t) > 0)
    mixing = 0.8 * np.eye(3) + 0.2
    return mixing @ images, images


def gained(method: Kamir) -> np.ndarray:
    mics, images = band()
    recording = Recording.from_array(mics, RATE)
    return sdr(images, method.learn(recording).apply(recording).read()) - sdr(images, mics)


def test_removes_bleed_with_tuned_settings() -> None:
    assert np.median(gained(Kamir())) > 6
    assert np.median(gained(Kamir())) > np.median(gained(published()))


def test_the_published_settings() -> None:
    assert create("kamir-published") == published()
    assert (published().nfft, published().start, published().floor, published().iterations) == (8192, 0.8, 0.05, 5)


def test_weights_are_shares() -> None:
    leak, power = np.array([[[1.0, 0.5], [0.25, 1.0]]]), np.array([[[2.0, 0.0], [4.0, 0.0]]])
    assert weight(leak, power, 0, 0, False) == pytest.approx(np.array([[0.5, 0]]))
    assert weight(leak, power, 1, 1, False) == pytest.approx(np.array([[8 / 9, 0]]))
    assert weight(leak, power, 0, 0, True)[0, 0] == pytest.approx(1 / (1 + np.exp(2)))


def test_powers_are_updated_in_turn() -> None:
    v, leak = np.array([[[4.0], [1.0]]]), np.array([[[1.0, 0.5], [0.5, 1.0]]])
    close = ((0,), (1,))
    power = initial(v, close)
    sweep(v, leak, power, close, False, 1)
    first = (4 / 4.5) ** 2 * 4
    second = (1 / (1 + 0.5 * first)) ** 2  # sees the first's update
    assert power[0, :, 0] == pytest.approx([first, second])


def test_shares_are_learnt_where_sources_play_alone() -> None:
    rng = np.random.default_rng(0)
    power = rng.random((1, 2, 400)) ** 8
    power[:, 0, :200] = power[:, 1, 200:] = 0
    true = np.array([[[1.0, 0.2], [0.05, 1.0]]])
    leak = np.repeat(first_leak(((0,), (1,)), 2, 0.5), 1, axis=0)
    for _ in range(40):
        leak = update_leak(true @ power, leak, power, 1e-4)
    assert leak == pytest.approx(true / true.sum(axis=2, keepdims=True), rel=1e-3)


def test_shares_have_a_floor() -> None:
    v = np.ones((1, 2, 4)) * np.array([[1.0], [0.0]])
    leak = update_leak(v, first_leak(((0,), (1,)), 2, 0.1), v, 0.05)
    assert leak.min() == pytest.approx(0.05)


def test_frames_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).standard_normal((2, 5001)).astype(np.float32)
    recording = Recording.from_array(x, RATE)
    heard = magnitudes(recording, 64, 16, lambda *_: None)
    assert np.allclose(heard, np.abs(stft(x, 64, 16)).transpose(1, 0, 2), atol=1e-5)
    monkeypatch.setattr(kamir, "MOST_VALUES", 2 * 33 * 130)
    few = magnitudes(recording, 64, 16, lambda *_: None)
    assert few.shape[2] == 128
    assert np.array_equal(few[:, :, :64], heard[:, :, :64])
    assert np.array_equal(few[:, :, 64:], heard[:, :, -64:])


def test_runs_cover_all_or_are_spread() -> None:
    assert [first for first, _ in runs(200, 1000)] == [0, 64, 128, 192]
    assert sum(number for _, number in runs(200, 1000)) == 200
    assert list(runs(1000, 192)) == [(0, 64), (468, 64), (936, 64)]
    assert list(runs(1000, 0)) == [(0, 64)]


def test_a_median_agrees_between_blocks_and_whole() -> None:
    mics, _ = band(2 * RATE)
    recording = Recording.from_array(mics, RATE)
    cleaned = Kamir(nfft=2048, kernel=5).learn(recording).apply(recording)
    whole = cleaned.read()
    assert np.allclose(cleaned.read(4000, 9000), whole[:, 4000:9000], atol=1e-5 * np.abs(whole).max())


@pytest.mark.parametrize(
    "settings", [{"start": 0}, {"floor": 2}, {"overlaps": 3}, {"kernel": 4}, {"iterations": -1}, {"nfft": 0}]
)
def test_refuses_invalid_settings(settings: dict[str, float]) -> None:
    with pytest.raises(InputError):
        create("kamir", **settings)
