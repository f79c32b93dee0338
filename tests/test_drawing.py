import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.drawing import LENGTHS, RT60, WIDTHS, PlacedSettings


def rng(seed):
    return np.random.default_rng(seed)


def test_one_distance_is_everybodys():
    np.testing.assert_array_equal(PlacedSettings(distance=0.7).draw_near(3, rng(0)), [0.7, 0.7, 0.7])


def test_a_range_of_distances_is_filled_in_millimetres():
    near = PlacedSettings(distance=(0.3, 1.2)).draw_near(2000, rng(0))
    np.testing.assert_array_equal(near, near.round(3))
    assert (near.min(), near.max()) == pytest.approx((0.3, 1.2), abs=0.01)
    assert near.mean() == pytest.approx(0.75, abs=0.02)


def test_rooms_are_drawn_within_their_ranges():
    sizes = np.array([PlacedSettings(heights=(5.0, 6.0)).draw_size(rng(seed)) for seed in range(300)])
    for drawn, (low, high) in zip(sizes.T, (LENGTHS, WIDTHS, (5.0, 6.0)), strict=True):
        assert (drawn.min(), drawn.max()) == pytest.approx((low, high), abs=0.05)


def test_a_given_room_changes_nothing_that_is_drawn_after_it():
    given, free = rng(1), rng(1)
    assert PlacedSettings(room=(9.0, 8.0, 4.0)).draw_size(given) == (9.0, 8.0, 4.0)
    PlacedSettings().draw_size(free)
    assert given.uniform() == free.uniform()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"rt60": 0}, "reverberation time must be positive, got 0"),
        ({"rt60": float("inf")}, "reverberation time must be positive"),
        ({"distance": (2.0, 1.0)}, "a range ascending, got 2.0 to 1.0"),
        ({"distance": -1.0}, "must be positive, and a range ascending, got -1.0"),
        ({"room": (9.0, 8.0)}, "the room must be 3 positive numbers of metres"),
        ({"room": (9.0, 8.0, -4.0)}, "the room must be 3 positive numbers"),
        ({"heights": (4.0,)}, "the heights must be 2 positive numbers"),
        ({"layout": "circle"}, "there is no layout 'circle'; it is one of row, drawn"),
    ],
)
def test_values_out_of_range_are_refused(wrong, sentence):
    with pytest.raises(InputError, match=sentence):
        PlacedSettings(**wrong)


def test_the_help_says_the_default():
    assert RT60 == 0.35
    help_of = PlacedSettings.__dataclass_fields__["rt60"].metadata["help"]
    assert "0.35 if not given" in help_of
