import json
import math

import numpy as np
import pytest

from debleed import Recording, learn
from debleed.contract import band
from debleed.methods.demix.safeguards import LEFT_ALONE, NO_BLEED, OWN_SOUND
from debleed.report.sentences import (
    Knowledge,
    bleed_levels,
    limited,
    origin,
    reduction,
    sentences,
    shares,
    with_changes,
)

NAMES = ("hat", "snare", "kick")
SNARE_IN_HAT = Knowledge(levels={"hat": {"snare": 0.5, "kick": 0.01}})


def said(removed, knowledge=SNARE_IN_HAT, estimated=None, names=NAMES, sources=NAMES, references=()):
    return sentences(names, sources, references, np.ones(len(names)), removed, knowledge, estimated)


def test_the_sentence_of_the_plan():
    knowledge = Knowledge({"kick": f"left alone: {LEFT_ALONE[NO_BLEED]}"}, SNARE_IN_HAT.levels)
    found = said([0.1, 0, 0], knowledge, ([2, math.nan, math.nan], [12, math.nan, math.nan]))
    assert found == {
        "hat": "10 dB less bleed, mostly snare.",
        "snare": "unchanged.",
        "kick": "left alone, hardly any bleed.",
    }


@pytest.mark.parametrize(
    ("sdr", "removed_db", "expected"),
    [
        ((2.0, 12.0), -10, "10 dB less bleed"),
        ((20.0, 35.0), -10, "15 dB less bleed"),
        ((20.0, 50.0), -10, "at least 15 dB less bleed"),
        ((36.0, 45.0), -30, "hardly any bleed, before and after"),
        ((34.5, 45.0), -30, "about as much bleed as before"),
        ((10.0, 11.0), -20, "about as much bleed as before"),
        ((10.0, 9.0), -20, "about as much bleed as before"),
        ((10.0, 4.0), -1, "may be worse than before, so compare it with the original"),
        ((40.0, 20.0), -1, "may be worse than before, so compare it with the original"),
        ((math.nan, math.nan), -3, "some bleed removed"),
        ((math.nan, math.nan), -60, "hardly anything removed"),
    ],
)
def test_how_much_less_is_what_the_estimate_says(sdr, removed_db, expected):
    assert reduction(sdr, removed_db) == expected


def test_without_an_estimate_the_sentence_has_no_number():
    loud, faint = said([0.9, 0, 0]), said([1e-6, 0, 0])
    assert loud["hat"] == "some bleed removed, mostly snare."
    assert faint["hat"] == "hardly anything removed, mostly snare."


def test_why_a_microphone_is_unchanged():
    findings = {"hat": f"left alone: {LEFT_ALONE[OWN_SOUND]}", "snare": "a mix of the other tracks, left unchanged"}
    found = said([0, 0, 0], Knowledge(findings), sources=("hat", "snare", None))
    assert found["hat"] == "left alone, since what would be removed follows its own sound."
    assert found["snare"] == "a mix of the other tracks, left unchanged."
    assert found["kick"] == "a room microphone, unchanged."
    assert said([0, 0, 0], references={"kick"})["kick"] == "a reference, unchanged."
    pair = Knowledge({"hat": "sounds like the same source as left overhead"})
    assert said([0, 0, 0], pair)["hat"] == "unchanged; sounds like the same source as left overhead."


def test_a_source_counts_once_however_many_microphones_it_has():
    place = {"hat": "hat", "top": "snare", "bottom": "snare", "kick": "kick"}
    levels = {"top": 0.2, "bottom": 0.2, "kick": 0.1}
    own = {"hat": 1.0, "top": 1.0, "bottom": 0.5, "kick": 2.0}
    assert shares(levels, own, place) == {"snare": 0.5, "kick": 0.5}
    assert shares({}, own, place) == shares(levels, dict.fromkeys(own, 0.0), place) == {}


def test_sources_are_named_where_they_make_most_of_it():
    assert origin({"snare": 0.6, "kick": 0.4}) == ", mostly snare"
    assert origin({"snare": 0.5, "kick": 0.5}) == ""  # both: nothing to tell
    assert origin({"snare": 0.5, "kick": 0.3, "bass": 0.2}) == ", mostly snare and kick"
    assert origin({"snare": 0.4, "kick": 0.3, "bass": 0.3}) == ""
    assert origin({"snare": 1.0}) == ", from snare"


def test_the_origin_agrees_with_a_known_mixture():
    images = band()[1]
    loud = np.array([[1, 0.5, 0.1], [0.1, 1, 0.5], [0.5, 0.1, 1]], np.float32)
    stage = learn(Recording.from_array(loud @ images, 8000, NAMES))
    knowledge = Knowledge.of(stage)
    power = np.sum(images.astype(np.float64) ** 2, axis=1)
    found = sentences(NAMES, NAMES, (), np.sum((loud @ images) ** 2, axis=1), power / 4, knowledge)
    assert {name: text.rstrip(".").split("mostly ")[-1] for name, text in found.items()} == {
        "hat": "snare",
        "snare": "kick",
        "kick": "hat",
    }
    # what is kept was not removed
    kept = Knowledge.of(stage, keep={"hat": ["snare"]}).levels
    assert kept == {**knowledge.levels, "hat": {"kick": knowledge.levels["hat"]["kick"]}}


def test_levels_that_are_not_known_are_not_told():
    for method in ("unprocessed", "instantaneous"):  # estimates none; does not know how far its own are off
        stage = learn(Recording.from_array(band()[0], 8000, NAMES), method)
        assert bleed_levels(stage, {}) == {}
        assert Knowledge.of(stage) == Knowledge({}, {})


def test_changes_are_told_with_the_findings():
    changes = {"hat": (842,), "snare": (), "kick": (1, 61, 3601, 3700)}
    found = with_changes({"hat": "sounds like the same source as ride"}, changes)
    assert found == {
        "hat": "sounds like the same source as ride; the paths of its bleed changed at 14:02",
        "kick": "the paths of its bleed changed at 0:01, 1:01, 1:00:01 and 1 more time",
    }
    assert said([0.1, 0, 0], Knowledge(found))["hat"].startswith("some bleed removed; sounds like")


def test_evidence_is_json():
    knowledge = Knowledge({"hat": "?"}, {"hat": {"snare": 0.5}})
    assert Knowledge(**json.loads(json.dumps(vars(knowledge)))) == knowledge


@pytest.mark.parametrize("limit", [0.0, 3.0, 12.0, 40.0, math.inf])
@pytest.mark.parametrize(("part", "damage"), [(1, 0.01), (0.7, 0), (1, 0.3), (0.8, 0.1)])
def test_the_sdr_with_a_limit_is_that_of_the_limited_result(limit, part, damage):
    own, bleed, error = np.linalg.qr(np.random.default_rng(0).standard_normal((20000, 3)))[0].T * [[3], [1], [1]]
    removed = part * bleed + damage * error
    result = own + bleed - (1 - 10 ** (-limit / 20)) * removed

    def sdr(estimate):
        return 10 * np.log10(np.sum(own**2) / np.sum((estimate - own) ** 2))

    share = np.sum(removed**2) / np.sum((own + bleed) ** 2)
    found = limited((sdr(own + bleed), sdr(own + bleed - removed)), share, limit)
    assert found == pytest.approx((sdr(own + bleed), sdr(result)), abs=0.05)
