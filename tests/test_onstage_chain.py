import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.onstage.chain import MISHAPS, Asked, in_order, mishap_from
from debleed.scenes.onstage.recorded import Clock
from feeds import where


def draw(text: str, seed: int = 0):
    return Asked.from_text(text).draw(where(), np.random.default_rng(seed))


def test_a_name_alone_is_the_usual_strength():
    assert draw("crowd").level_db == -15
    assert draw("clock") == draw("clock=25")


def test_a_number_sets_the_strength_and_a_range_is_drawn_from():
    assert draw("clock = -145").ppm == -145
    drawn = [draw("crowd=-25,-10", seed).level_db for seed in range(100)]
    assert -25 <= min(drawn) < -23
    assert -12 < max(drawn) <= -10
    assert draw("crowd=-25,-10").positions == draw("crowd").positions  # the strength changes nothing else


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("earthquake", "there is no mishap 'earthquake'; the mishaps are pair, lavalier, handheld, sway"),
        ("mix=3", "the mishap 'mix' has no strength; write the name alone"),
        ("crowd=loud", "must be a number or an ascending range, such as 1 or 1,2, got 'loud'"),
        ("crowd=-10,-25", "an ascending range"),
        ("crowd=1,2,3", "a number or an ascending range"),
    ],
)
def test_what_cannot_be_read_is_refused(text, sentence):
    with pytest.raises(InputError, match=sentence):
        Asked.from_text(text)


def test_every_strength_is_a_field_and_every_mishap_says_what_happens():
    for kind, mishap in MISHAPS.items():
        assert mishap.kind == kind
        assert mishap.summary
        assert mishap.strength is None or mishap.strength in mishap.__dataclass_fields__
        assert (" X" in mishap.summary) == (mishap.strength is not None)


def test_mishaps_are_brought_into_the_order_of_the_chain():
    kinds = list(MISHAPS.values())
    shuffled = [kinds[k] for k in np.random.default_rng(1).permutation(len(kinds))]
    assert [shuffled[k] for k in in_order([*shuffled])] == kinds
    assert in_order([Clock, Clock]) == [0, 1]


def test_descriptions_are_read():
    assert mishap_from({"kind": "clock", "tracks": ["bass"], "ppm": 3.0}) == Clock(tracks=("bass",), ppm=3.0)
    for wrong in ({"kind": "earthquake"}, {}, ["clock"]):
        with pytest.raises(InputError, match="must name its kind, one of pair"):
            mishap_from(wrong)
