from dataclasses import fields, replace

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.base import Channel
from debleed.scenes.onstage.chain import MISHAPS
from debleed.scenes.onstage.mishap import Where, chosen
from debleed.scenes.onstage.recorded import Clock
from feeds import where


@pytest.mark.parametrize("kind", MISHAPS)
def test_a_mishap_is_its_description(kind):
    drawn = MISHAPS[kind].draw(where(), np.random.default_rng(1))
    described = drawn.to_json()
    assert list(described) == ["kind", *(each.name for each in fields(drawn))]
    assert MISHAPS[kind].from_values({key: value for key, value in described.items() if key != "kind"}) == drawn
    assert drawn == MISHAPS[kind].draw(where(), np.random.default_rng(1))


@pytest.mark.parametrize("kind", MISHAPS)
def test_numbers_that_are_none_are_refused(kind):
    drawn = MISHAPS[kind].draw(where(), np.random.default_rng(1))
    for name in (each.name for each in fields(drawn) if isinstance(getattr(drawn, each.name), float)):
        with pytest.raises(InputError, match=f"the {name} of the mishap '{kind}' must be finite"):
            replace(drawn, **{name: float("nan")})


def test_keys_too_many_and_too_few_are_refused():
    with pytest.raises(InputError, match="the mishap 'clock' has no colour"):
        Clock.from_values({"tracks": ["bass"], "colour": 1})
    with pytest.raises(InputError, match="the description of the mishap 'clock' must name its tracks"):
        Clock.from_values({"ppm": 3.0})
    assert Clock.from_values({"tracks": ["bass"]}).tracks == ("bass",)


def test_mixes_and_references_are_no_microphones():
    tracks = (
        Channel("bass_L", "bass_L", "bass"),
        Channel("click", "click", "click", reference=True),
        Channel("mix.L", "mix", None),
    )
    assert Where((9.0, 9.0, 4.0), {}, tracks, {}).microphones == {"bass_L": "bass"}


def test_a_name_with_one_of_the_words_is_chosen_first():
    names, rng = ["drums", "Bass guitar", "keys"], np.random.default_rng(0)
    assert {chosen(names, rng) for _ in range(50)} == set(names)
    assert {chosen(names, rng, ("bass",)) for _ in range(50)} == {"Bass guitar"}
