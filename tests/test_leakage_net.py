import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from debleed.methods.demix.features import FEATURES
from debleed.methods.demix.leakage_net import SHIPPED, same_source, tell_leak, weights
from debleed.methods.demix.postfilter import RINGS
from debleed.recording import InputError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def seen(mics: int, bands: int = 14) -> tuple[np.ndarray, np.ndarray]:
    known = weights()
    drawn = np.random.default_rng(mics).standard_normal((mics, mics, bands, FEATURES)).astype(np.float32)
    allowed = ~np.eye(mics, dtype=bool)
    return (known["mean"] + known["scale"] * drawn) * allowed[:, :, None, None], allowed


@pytest.mark.parametrize("mics", [2, 3, 8, 16])
def test_another_order_of_microphones_gives_the_same_in_that_order(mics: int) -> None:
    evidence, allowed = seen(mics)
    leak = tell_leak(evidence, allowed, weights())
    assert leak.shape == (len(RINGS), mics, mics, 14)
    order = np.random.default_rng(0).permutation(mics)
    moved = tell_leak(evidence[np.ix_(order, order)], allowed, weights())
    assert moved == pytest.approx(leak[:, order][:, :, order], rel=1e-3)


def test_nothing_leaks_where_no_bleed_can_be() -> None:
    evidence, allowed = seen(3)
    allowed[0, 1] = False
    leak = tell_leak(evidence, allowed, weights())
    assert not leak[:, 0, 1].any()
    assert np.all(leak[:, allowed] >= 0)
    assert leak.any()
    allowed[0] = False
    assert np.all(np.isfinite(tell_leak(evidence, allowed, weights())))


def test_two_microphones_of_one_source_tell_of_one_bleed() -> None:
    allowed = ~np.eye(4, dtype=bool)
    assert np.array_equal(same_source(allowed), [1, 1, 1, 1])
    allowed[2, 3] = allowed[3, 2] = False
    assert np.array_equal(same_source(allowed), [1, 1, 2, 2])
    allowed[:, 0] = allowed[0] = False  # a room microphone
    assert np.array_equal(same_source(allowed)[1:], [1, 2, 2])


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    copied = tmp_path / "guide.npz"
    with pytest.raises(InputError, match="missing or damaged"):
        weights(copied)
    shutil.copy(SHIPPED, copied)
    described = json.loads(SHIPPED.with_suffix(".json").read_text())
    (tmp_path / "guide.json").write_text(json.dumps({**described, "sha256": "0"}))
    with pytest.raises(InputError, match="another file than was described"):
        weights(copied)


def test_the_network_that_is_trained_is_the_one_that_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'debleed[train]'")
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    from guide_network import Network

    known, (evidence, allowed) = weights(), seen(4)
    network = Network(known["mean"], known["scale"])
    network.load_state_dict({name: torch.from_numpy(values) for name, values in known.items()})
    network.eval()
    with torch.no_grad():
        told = network(torch.from_numpy(evidence), torch.from_numpy(allowed)).numpy()
    assert told == pytest.approx(tell_leak(evidence, allowed, known), rel=1e-3, abs=1e-6)  # -61 dB is nothing
