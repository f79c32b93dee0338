import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from debleed.methods.demix.features import stacked
from debleed.methods.demix.leakage_net import SHIPPED, estimate_leakage, load, same_source, shipped
from debleed.methods.demix.postfilter import DECAY_TIMES
from debleed.recording import InputError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def seen(mics: int, bands: int = 14) -> tuple[dict[str, np.ndarray], np.ndarray]:
    names, known = shipped().features, shipped().arrays
    drawn = np.random.default_rng(mics).standard_normal((mics, mics, bands, len(names))).astype(np.float32)
    allowed = ~np.eye(mics, dtype=bool)
    values = (known["mean"] + known["scale"] * drawn) * allowed[:, :, None, None]
    return dict(zip(names, np.moveaxis(values, -1, 0), strict=True)), allowed


def reordered(features: dict[str, np.ndarray], order: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[np.ix_(order, order)] for name, values in features.items()}


def test_features_are_selected_by_name(tmp_path: Path) -> None:
    features, allowed = seen(3)
    shuffled = {"one more": features["trust"], **dict(reversed(features.items()))}
    assert np.array_equal(
        estimate_leakage(shuffled, allowed, shipped()), estimate_leakage(features, allowed, shipped())
    )
    del features["trust"]
    with pytest.raises(InputError, match="the feature 'trust'"):
        estimate_leakage(features, allowed, shipped())


@pytest.mark.parametrize("mics", [2, 3, 8, 16])
def test_permuting_microphones_permutes_the_leakage(mics: int) -> None:
    features, allowed = seen(mics)
    leak = estimate_leakage(features, allowed, shipped())
    assert leak.shape == (len(DECAY_TIMES), mics, mics, 14)
    order = np.random.default_rng(0).permutation(mics)
    moved = estimate_leakage(reordered(features, order), allowed, shipped())
    assert moved == pytest.approx(leak[:, order][:, :, order], rel=1e-3)


def test_leakage_is_zero_where_bleed_is_impossible() -> None:
    features, allowed = seen(3)
    allowed[0, 1] = False
    leak = estimate_leakage(features, allowed, shipped())
    assert not leak[:, 0, 1].any()
    assert np.all(leak[:, allowed] >= 0)
    assert leak.any()
    allowed[0] = False
    assert np.all(np.isfinite(estimate_leakage(features, allowed, shipped())))


def test_two_microphones_of_one_source_share_the_leakage() -> None:
    allowed = ~np.eye(4, dtype=bool)
    assert np.array_equal(same_source(allowed), [1, 1, 1, 1])
    allowed[2, 3] = allowed[3, 2] = False
    assert np.array_equal(same_source(allowed), [1, 1, 2, 2])
    allowed[:, 0] = allowed[0] = False  # a room microphone
    assert np.array_equal(same_source(allowed)[1:], [1, 2, 2])


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    copied = tmp_path / "leakage_net.npz"
    with pytest.raises(InputError, match="missing or damaged"):
        load(copied)
    shutil.copy(SHIPPED, copied)
    described = json.loads(SHIPPED.with_suffix(".json").read_text())
    (tmp_path / "leakage_net.json").write_text(json.dumps({**described, "sha256": "0"}))
    with pytest.raises(InputError, match="checksum is wrong"):
        load(copied)


def test_the_trained_network_equals_the_shipped_code(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'debleed[train]'")
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    from leakage_net_torch import Network

    known, (features, allowed) = shipped().arrays, seen(4)
    network = Network(known["mean"], known["scale"])
    network.load_state_dict({name: torch.from_numpy(values) for name, values in known.items()})
    network.eval()
    with torch.no_grad():
        told = network(torch.from_numpy(stacked(features, shipped().features)), torch.from_numpy(allowed)).numpy()
    assert told == pytest.approx(
        estimate_leakage(features, allowed, shipped()), rel=1e-3, abs=1e-6
    )  # -61 dB is nothing
