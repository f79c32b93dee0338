from pathlib import Path

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.takes import Kit, take
from kits import MICS, RATE, folder_of_hits


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return folder_of_hits(tmp_path)


def test_the_truth_is_the_drum_alone(kit: Kit) -> None:
    mics, own = take(kit, 0, 10)
    assert mics.names == own.names == MICS
    assert mics.length == own.length == 10 * RATE
    assert 0 < np.std(own.read()[0]) < np.std(mics.read()[0])
    more, same = take(kit, 0, 10, bleed_db=20)
    assert np.array_equal(same.read(), own.read())
    assert more.read() - own.read() == pytest.approx(10 * (mics.read() - own.read()), abs=1e-6)


def test_a_seed_is_a_take(kit: Kit) -> None:
    first, again, other = (take(kit, seed, 5)[0].read() for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_only_hits_of_odd_or_even_numbers(kit: Kit) -> None:
    assert [path.name for path in kit.files("kick")] == ["1.flac", "2.flac", "3.flac", "4.flac"]
    assert [path.name for path in kit.files("kick", "odd")] == ["1.flac", "3.flac"]
    assert [path.name for path in kit.files("kick", "even")] == ["2.flac", "4.flac"]
    odd, even = (take(kit, 1, 5, choice=choice)[0].read() for choice in ("odd", "even"))
    assert not np.array_equal(odd, even)


def test_another_rate_is_the_same_take(kit: Kit) -> None:
    (mics, own), (twice, _) = take(kit, 0, 5), take(kit, 0, 5, rate=2 * RATE)
    assert (twice.rate, twice.length) == (2 * RATE, 2 * mics.length)
    assert twice.read()[:, ::2].std() == pytest.approx(mics.read().std(), rel=0.05)
    assert own.read().dtype == twice.read().dtype == np.float32


def test_refusals(kit: Kit) -> None:
    with pytest.raises(InputError, match="contains no hits"):
        take(Kit(kit.folder, RATE, MICS, {**kit.hits, "kick": ("missing",)}), 0, 5)
    with pytest.raises(InputError, match="3 channels at 8000 Hz, but the kit needs 4 channels at 8000 Hz"):
        take(Kit(kit.folder, RATE, (*MICS, "hihat", "ride"), kit.hits), 0, 5)
