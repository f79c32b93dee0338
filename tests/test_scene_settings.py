from dataclasses import dataclass, field, fields

import pytest

from debleed.recording import InputError
from debleed.scenes.scene import KINDS
from debleed.scenes.settings import Settings, about


@dataclass(frozen=True, kw_only=True)
class Tank(Settings):
    """The settings of a kind that does not exist."""

    liquid: str = field(default="water", metadata=about("What is in it.", choices=("water", "oil")))
    corners: tuple[tuple[float, float], ...] = field(default=(), metadata=about("Where it ends."))


def test_settings_are_checked_by_name():
    assert Tank.of("tank", {"liquid": "oil", "noise_db": -40}) == Tank(liquid="oil", noise_db=-40)
    with pytest.raises(
        InputError, match="tank bleed has no setting 'colour'; its settings are groups, without_mic, noise_db, liquid"
    ):
        Tank.of("tank", {"colour": "red"})


def test_choices_are_checked():
    with pytest.raises(InputError, match="there is no liquid 'sand'; it is one of water, oil"):
        Tank(liquid="sand")


def test_lists_as_json_has_them_become_tuples():
    assert Tank.of("tank", {"corners": [[0, 1], [2, 3]]}).corners == ((0, 1), (2, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_of_every_kind_explains_itself(kind):
    for known in fields(KINDS[kind].settings):
        assert known.metadata["help"].endswith("."), known.name
        assert set(known.metadata) == set(about("."))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [float("nan"), float("inf")])
def test_a_level_that_is_no_number_is_refused(kind, level):
    with pytest.raises(InputError, match="must be a number of dB"):
        KINDS[kind].settings(noise_db=level)
