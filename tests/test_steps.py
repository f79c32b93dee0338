"""Single steps of learning: what they do with what earlier steps found."""

from dataclasses import replace

import numpy as np

from debleed.methods.demix.filters import Filters
from debleed.methods.demix.method import Demix
from debleed.methods.demix.safeguards import CLEANED, LOUDER_AFTER, NEVER_PAUSES
from debleed.methods.demix.steps import State, fit_tracking
from debleed.progress import quiet
from debleed.recording import Recording
from test_tracking import RATE, sdr, swaying


def found_but_not_removed(samples: np.ndarray, verdict: int) -> State:
    """Source 1 reaches microphone 0 after 40 samples, and the filters leave microphone 0 unchanged."""
    taps = np.zeros((2, 2, 90), np.float32)
    taps[0, 1, 50] = 0.1
    filters = Filters(taps, 10, np.zeros((2, 2), np.float32))
    state = State.begun(samples, RATE, np.array([[False, True], [False, False]]), ["singer", "guitar"])
    return replace(
        state,
        broadband=filters,
        learned=replace(state.learned, filters=filters),
        verdicts=np.array([verdict, CLEANED]),
    )


def test_tracking_alone_cleans_what_fixed_filters_would_make_louder() -> None:
    own, heard = swaying()
    state = fit_tracking(found_but_not_removed(heard, LOUDER_AFTER), Demix(), quiet)
    assert state.verdicts.tolist() == [CLEANED, CLEANED]
    clean = state.learned.rescaled(state.gains).apply(Recording.from_array(heard, RATE)).read()
    assert np.allclose(clean, state.sources * state.gains[:, None], atol=1e-4)
    assert sdr(own, clean)[0] > sdr(own, heard)[0] + 1
    assert np.array_equal(clean[1], heard[1])


def test_it_stays_left_alone_if_tracking_finds_nothing() -> None:
    own, _ = swaying(8)
    state = fit_tracking(found_but_not_removed(own, LOUDER_AFTER), Demix(), quiet)
    assert state.verdicts.tolist() == [LOUDER_AFTER, CLEANED]
    assert np.array_equal(state.learned.apply(Recording.from_array(own, RATE)).read(), own)


def test_what_is_left_alone_for_another_reason_is_not_tracked() -> None:
    _, heard = swaying(8)
    state = found_but_not_removed(heard, NEVER_PAUSES)
    assert fit_tracking(state, Demix(), quiet) is state
    state = found_but_not_removed(heard, LOUDER_AFTER)
    assert fit_tracking(state, Demix(tracking=False), quiet) is state
