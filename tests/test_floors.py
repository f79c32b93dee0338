"""What must be reached on real material: songs in a room and a drum kit, from ../shared beside the repository."""

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from debleed.methods import create  # noqa: E402
from debleed.remove import remove  # noqa: E402
from debleed.scoring.evaluate import score  # noqa: E402
from debleed.scoring.scores import Scores  # noqa: E402
from scenes import SHARED, Item  # noqa: E402 - the benchmarks are no package

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the audio in ../shared, which is not there")


def scored(method: str, item: Item) -> Scores:
    mics, own = item.render()
    return score(own, remove(mics, method), mics)


def test_kamir_in_a_room() -> None:
    item = Item("room-0.35", "Francium", 22050, 20)
    tuned, published = scored("kamir", item), scored("kamir-published", item)
    assert tuned.median("sdri") > 8  # measured: 9.5 dB
    assert tuned.median("sdr") > published.median("sdr") + 1  # measured: 21.4 over 18.7 dB


@pytest.mark.slow
def test_kamir_on_the_issues_excerpt() -> None:
    assert scored("kamir", Item("room-0.35", "Hydrogen", 22050, 60)).median("sdri") > 6


def test_demix_in_a_room() -> None:
    scores = scored("demix", Item("room-0.35", "Hydrogen", 22050, 20))
    assert scores.median("sdr") > 22  # ILRMA on the whole minute: 25.4 dB; the microphones as they are: 11
    assert min(scores["sdri"]) > 3


def test_demix_harms_no_dry_recording() -> None:
    assert min(scored("demix", Item("dry", "Francium", 22050, 10))["sdr"]) >= 60


def test_the_guide_takes_more_of_drums_that_it_never_heard() -> None:
    mics, own = Item("drums-even", "9", 22050, 12).render()
    found = create("demix").learn(mics)
    filtered, clean = (score(own, stage.apply(mics), mics) for stage in (found.filters, found))
    change = np.subtract(clean["sdr"], filtered["sdr"])
    assert np.median(change) > 1.5  # measured: 3.3 dB
    assert change.min() > -0.1


@pytest.mark.slow
def test_demix_on_the_issues_excerpt() -> None:
    scores = scored("demix", Item("room-0.35", "Hydrogen", 22050, 60))
    assert scores.median("sdr") >= 29
    assert min(scores["sdri"]) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("group", ["drums-0", "drums-12", "drums-even"])
def test_demix_harms_no_drum(group: str) -> None:
    assert np.nanmin(scored("demix", Item(group, "0", 44100, 40))["sdri"]) >= -0.1
