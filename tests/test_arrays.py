"""Arrays from a file are believed in nothing."""

import numpy as np
import pytest

from debleed.methods.arrays import checked, whole
from debleed.recording import InputError

GOOD = {"taps": np.zeros((2, 2, 5), np.float32), "ahead": np.array([3], np.int64)}


def test_what_fits_is_returned() -> None:
    assert checked(GOOD, "taps", np.float32, (2, 2, None)) is GOOD["taps"]
    assert whole(GOOD, "ahead", 0, 4) == 3


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("tips", GOOD["taps"], "'taps' is missing"),
        ("taps", GOOD["taps"].astype(np.float64), "has the type float64, not float32"),
        ("taps", np.zeros((2, 3, 5), np.float32), r"shape \(2, 3, 5\), not \(2, 2, any\)"),
        ("taps", np.zeros((2, 2), np.float32), "shape"),
        ("taps", np.zeros((2, 2, 0), np.float32), "shape"),
        ("taps", np.zeros((2, 2, 99), np.float32), "shape"),
        ("taps", np.full((2, 2, 5), np.nan, np.float32), "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, array: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        checked({name: array}, "taps", np.float32, (2, 2, None), longest=50)


@pytest.mark.parametrize("value", [-1, 5, 2**62])
def test_whole_numbers_have_bounds(value: int) -> None:
    with pytest.raises(InputError, match="between 0 and 4"):
        whole({"ahead": np.array([value], np.int64)}, "ahead", 0, 4)
