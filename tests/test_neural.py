"""Networks as methods: signs, groups, blocks, rates; the contract is in test_contract.py."""

import sys

import numpy as np
import pytest

from debleed import Recording
from debleed.methods import create, neural
from debleed.methods.neural import Grid, Scale, common_phases, kind_of, microphone_groups, polarities
from debleed.nets import SOURCES, weights
from debleed.recording import InputError
from debleed.remove import remove

RATE = 22050


def stage(mics=4, seconds=2.0, rate=RATE, seed=1):
    """Noise in bursts, each heard later and softer by the other microphones."""
    rng = np.random.default_rng(seed)
    sources = rng.standard_normal((mics, round(seconds * rate))) * 0.05
    sources *= rng.uniform(0, 1, (mics, len(sources[0]) // 2000 + 1)).repeat(2000, axis=1)[:, : len(sources[0])]
    heard = sources.copy()
    for i in range(mics):
        for j in range(mics):
            if i != j:
                heard[i] += 0.3 * np.roll(sources[j], 100 + 40 * abs(i - j))
    return heard.astype(np.float32)


def test_the_kind_of_a_source_follows_from_its_name():
    assert [kind_of(name) for name in ("vocals", "Bass DI", "snare_top", "piano", "other")] == [
        *("vocals", "bass", "drums", "other", "other")
    ]
    assert SOURCES[-1] == "other"


def test_groups_contain_every_microphone():
    assert microphone_groups(["a", "b"]) == [[0, 1]]
    assert microphone_groups(["a", "b", "a", "c", "a"]) == [[0, 1, 3], [2, 1, 3], [4, 1, 3]]


@pytest.mark.parametrize("flips", [(1, 1, 1), (1, -1, 1), (-1, -1, 1), (-1, -1, -1)])
def test_signs_follow_the_cables(flips):
    mics = stage(3)
    flips = np.array(flips, float)

    def signs(samples):
        return polarities(common_phases(samples), np.sum(samples**3, axis=1))

    straight = signs(mics.astype(float))
    assert abs(straight.sum()) == 3  # all were put up alike
    assert np.array_equal(signs(flips[:, None] * mics), flips * straight)


def test_levels_come_back():
    recording = Recording.from_array(stage() * np.float32([[1], [9], [0.01], [0]]), RATE)
    scale = Scale.of(recording, "each", lambda stage, share: None)
    down = scale.down(recording.read())
    assert np.sqrt(np.mean(down[:3] ** 2, axis=1)) == pytest.approx(1)
    np.testing.assert_allclose(scale.up(down), recording.read(), atol=1e-7)
    assert np.ptp(Scale.of(recording, "common", lambda stage, share: None).levels[:3]) == 0


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 44099, 48000, 96000])
def test_blocks_fit_the_network(rate):
    grid = Grid.of(rate, RATE, 131072)
    length = grid.step + grid.fade + 2 * grid.edge
    assert -(-length * RATE // rate) <= grid.samples
    assert length * RATE / rate > 0.7 * grid.samples
    assert 0 < grid.fade < grid.step


@pytest.fixture
def halving(monkeypatch):
    """A network that halves every microphone, in blocks of three quarters of a second."""
    config = {"config": {"rate": RATE, "samples": 16384}}
    monkeypatch.setattr(neural.weights, "describe", lambda path: config)
    monkeypatch.setattr(neural, "session", lambda path: lambda mics: mics / 2)


@pytest.mark.parametrize("rate", [RATE, 2 * RATE])
def test_blocks_join_without_a_seam(halving, rate):
    t = np.arange(5 * rate) / rate
    mics = np.stack([np.sin(2 * np.pi * f * t) for f in (200, 431, 900, 3000)]) * np.hanning(len(t))
    recording = Recording.from_array(mics, rate)
    found = remove(recording, "df-unet", settings={"explain": False})
    np.testing.assert_allclose(found.read(), mics / 2, atol=1e-4)
    parts = [found.read(start, min(start + 7001, recording.length)) for start in range(0, recording.length, 7001)]
    assert np.array_equal(np.concatenate(parts, axis=1), found.read())


def test_frequencies_above_the_network_are_unchanged(halving):
    t = np.arange(3 * 44100) / 44100
    mics = 0.1 * np.stack([np.sin(2 * np.pi * f * t) for f in (15000, 16000, 17000, 18000)]) * np.hanning(len(t))
    found = remove(Recording.from_array(mics, 44100), "df-unet", settings={"explain": False}).read()
    np.testing.assert_allclose(found, mics, atol=1e-5)


def test_what_others_do_not_explain_stays(halving):
    t = np.arange(3 * RATE) / RATE
    mics = 0.1 * np.stack([np.sin(2 * np.pi * f * t) for f in (200, 431, 900, 3000)]) * np.hanning(len(t))
    found = remove(Recording.from_array(mics, RATE), "df-unet").read()  # half of each microphone is gone without it
    assert np.mean((found - mics) ** 2) < 1e-3 * np.mean(mics**2)


def test_a_missing_runtime_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    neural.session.cache_clear()
    with pytest.raises(InputError, match=r"pip install 'debleed\[neural\]'"):
        remove(Recording.from_array(stage(2), RATE), "df-unet-gat")
    neural.session.cache_clear()


def test_missing_networks_are_named(tmp_path):
    with pytest.raises(InputError, match=r"no df-unet-gat\.onnx"):
        remove(Recording.from_array(stage(2), RATE), "df-unet-gat", settings={"folder": str(tmp_path)})
    with pytest.raises(InputError, match="no network 'magic' is shipped, only df-unet, df-unet-gat, di-cae-bass"):
        weights.find("magic")


def test_shipped_weights_match_their_descriptions():
    assert {create(f"{net}").net for net in ("t-unet", "f-unet", "df-unet", "df-unet-gat")} <= set(weights.shipped())
    assert {f"di-cae-{source}" for source in SOURCES} <= set(weights.shipped())
    for name in weights.shipped():
        told = weights.describe(weights.find(name))  # refuses another file
        assert told["parameters"] * 2 < weights.find(name).stat().st_size < 15 * 2**20


def test_the_order_of_microphones_does_not_matter():
    pytest.importorskip("onnxruntime")
    mics, order = stage(5), [3, 0, 4, 1, 2]
    found = remove(Recording.from_array(mics, RATE), "df-unet-gat").read()
    moved = remove(Recording.from_array(mics[order], RATE), "df-unet-gat").read()
    np.testing.assert_allclose(moved, found[order], atol=1e-4 * np.abs(found).max())


def test_blocks_agree_with_one_pass_over_the_whole():
    pytest.importorskip("onnxruntime")
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'debleed[train]'")
    pytest.importorskip("safetensors")
    from debleed import nets
    from debleed.nets.checkpoint import load_network

    recording = Recording.from_array(stage(3, seconds=14), RATE)
    found = remove(recording, "df-unet-gat", settings={"explain": False}).read()
    network = nets.build("df-unet-gat", nets.variants("df-unet-gat")["narrow"]).eval()
    load_network(weights.FOLDER / "df-unet-gat.safetensors", network)
    scale = Scale.of(recording, "each", lambda stage, share: None)
    with torch.no_grad():
        out = network(torch.from_numpy(scale.down(recording.read())).float()[None])[0].numpy()
    whole = scale.up(out)
    removed = recording.read() - whole
    # measured: -18 dB against what is removed; the network reaches beyond the edges, and knows where the whole ends
    assert np.mean((found - whole) ** 2) < 10**-1.6 * np.mean(removed**2)
