import dataclasses

import pytest

from debleed.recording import InputError
from debleed.scenes.lineup import Lineup, assemble

STEMS = ("kick", "singer", "snare", "bass")


def test_each_stem_is_a_source_with_a_microphone_unless_said_otherwise():
    lineup = assemble("item", 48000, STEMS)
    assert lineup == Lineup(id="item", rate=48000, sources=STEMS)
    assert lineup.stems == lineup.owners == lineup.miked == STEMS
    assert list(lineup.owner_indices) == lineup.mic_indices == [0, 1, 2, 3]


def test_groups_keep_the_order_of_the_stems():
    lineup = assemble("item", 48000, STEMS, {"drums": ("snare", "kick")})
    assert lineup.sources == lineup.miked == ("drums", "singer", "bass")
    assert lineup.stems == STEMS
    assert lineup.owners == ("drums", "singer", "drums", "bass")
    assert list(lineup.owner_indices) == [0, 1, 0, 2]


def test_a_source_without_a_microphone_keeps_the_indices_of_the_others():
    lineup = assemble("item", 48000, STEMS, without_mic=["singer"])
    assert lineup.sources == STEMS
    assert lineup.miked == ("kick", "snare", "bass")
    assert lineup.mic_indices == [0, 2, 3]


def test_a_group_may_have_the_name_of_one_of_its_stems():
    assert assemble("item", 48000, STEMS, {"kick": ("kick", "snare")}).sources == ("kick", "singer", "bass")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"stems": ("a", "a")}, "different names, got a, a"),
        ({"stems": ()}, "at least one source"),
        ({"rate": 0}, "rate must be positive, got 0 Hz"),
        ({"noise_db": float("nan")}, "must be a number of dB, got nan"),
        ({"groups": {"winds": ("flute",)}}, "no stem 'flute' for the source 'winds'; the stems are kick"),
        ({"groups": {"a": ("kick", "snare"), "b": ("snare",)}}, "part of two sources, 'a' and 'b'"),
        ({"groups": {"singer": ("kick", "snare")}}, "would have the name of a stem that is not part of it"),
        ({"without_mic": ("flute",)}, "no source 'flute' to leave without a microphone"),
        ({"without_mic": STEMS}, "at least one microphone"),
    ],
)
def test_lineups_that_do_not_fit_together_are_refused(changed, sentence):
    with pytest.raises(InputError, match=sentence):
        assemble(**{"id": "item", "rate": 48000, "stems": STEMS, **changed})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"members": (("kick", "drums"),)}, "every source of a scene needs a stem"),
        ({"mics": ("flute",)}, "no source 'flute'; the sources are kick"),
        ({"mics": ("kick", "kick")}, "no source has more than one"),
    ],
)
def test_descriptions_that_do_not_fit_together_are_refused(changed, sentence):
    with pytest.raises(InputError, match=sentence):
        dataclasses.replace(assemble("item", 48000, STEMS), **changed)
