"""Mean log power: lower where microphones are separated better."""

import numpy as np

from bands import RATE, bled, sources
from debleed import Recording
from debleed.soundcheck.log_power import mean_log_power, separated_better


def test_bleed_raises_the_log_power() -> None:
    own = sources(3, 10)
    levels = [mean_log_power(Recording.from_array(bled(own, level=level), RATE)) for level in (0.0, 0.01, 0.1, 0.3)]
    assert np.all(np.diff(levels, axis=0) > 0)


def test_no_microphone_may_be_clearly_worse() -> None:
    own = sources(3, 10)
    much, less = bled(own, level=0.3), bled(own, level=0.1)
    one_worse = np.stack([less[0], less[1], bled(own, level=0.5)[2]])
    before, better, mixed = (Recording.from_array(z, RATE) for z in (much, less, one_worse))
    assert separated_better(before, better)
    assert not separated_better(better, before)
    assert not separated_better(before, before)
    assert (mean_log_power(mixed) - mean_log_power(before)).sum() < 0
    assert not separated_better(before, mixed)
