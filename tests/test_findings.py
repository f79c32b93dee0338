"""Findings: what they make of a recording before and after the method, in words and in a header."""

import json
import logging

import numpy as np
import pytest

from debleed import Recording
from debleed.soundcheck.findings import Soundcheck

NAMES = ("vox", "keys_a", "keys_b", "bass", "safety", "LR", "oh", "click")
SOURCES = ("vox", "keys_a", "keys_b", "bass", "safety", "LR", None, "click")
FOUND = Soundcheck({"safety": ("vox", -0.25)}, ("LR",), (("keys_a", "keys_b"),))


def recording(seed: int = 0) -> Recording:
    samples = np.random.default_rng(seed).standard_normal((len(NAMES), 500)).astype(np.float32)
    return Recording.from_array(samples, 8000, NAMES, SOURCES)


def kept(*pairs: tuple[str, str]) -> np.ndarray:
    out = np.zeros((len(NAMES), len(NAMES)), bool)
    for mic, other in pairs:
        out[NAMES.index(mic), NAMES.index(other)] = True
    return out


def test_nothing_found_changes_nothing() -> None:
    nothing, sound = Soundcheck(), recording()
    assert nothing.heard(sound).sources == sound.sources
    assert nothing.completed(sound, sound) is sound
    assert np.array_equal(nothing.widened(sound, kept(("vox", "bass"))), kept(("vox", "bass")))
    assert nothing.reasons() == {}


def test_copies_and_mixes_have_no_source_and_a_group_has_one() -> None:
    sources = dict(zip(NAMES, FOUND.heard(recording()).sources, strict=True))
    assert sources["safety"] is sources["LR"] is sources["oh"] is None
    assert sources["keys_a"] == sources["keys_b"] == "keys_a"
    assert (sources["vox"], sources["bass"], sources["click"]) == ("vox", "bass", "click")


def test_a_group_joins_the_others_of_its_sources() -> None:
    """Two sources of two microphones each, of which one of each was found to sound alike."""
    made = Recording.from_array(np.zeros((5, 10)), 8000, list("abcde"), ["x", "x", "y", "y", "z"])
    assert Soundcheck(groups=(("b", "c"),)).heard(made).sources == ("x", "x", "x", "x", "z")


def test_two_groups_stay_two_sources() -> None:
    made = Recording.from_array(np.zeros((4, 10)), 8000, list("abcd"))
    assert Soundcheck(groups=(("a", "c"), ("b", "d"))).heard(made).sources == ("a", "b", "a", "b")


def test_a_copy_is_no_reference_any_more() -> None:
    made = Recording.from_array(np.zeros((3, 10)), 8000, list("abc"))
    marked = Recording(8000, 10, made.names, made.sources, made.reader, frozenset({"b", "c"}))
    assert Soundcheck({"c": ("b", 1.0)}).heard(marked).references == {"b"}


def test_what_is_kept_is_kept_of_the_whole_group() -> None:
    wide = FOUND.widened(recording(), kept(("vox", "keys_b")))
    assert np.array_equal(wide, kept(("vox", "keys_a"), ("vox", "keys_b")))


def test_a_microphone_of_the_group_keeps_nothing_of_its_own() -> None:
    """Keeping keys_b in keys_a says nothing: they are one source."""
    assert not FOUND.widened(recording(), kept(("keys_a", "keys_b"))).any()


def test_a_copy_loses_what_its_original_loses_at_its_gain() -> None:
    before = recording()
    samples = before.read().copy()
    samples[0] *= 0.5
    samples[3] = 0
    found = FOUND.completed(before, before.with_reader(lambda a, b: samples[:, a:b])).read(20, 400)
    expected = samples[:, 20:400].copy()
    expected[4] = before.read(20, 400)[4] - 0.25 * (samples[0] - before.read()[0])[20:400]
    assert found == pytest.approx(expected, abs=1e-6)
    assert found.dtype == np.float32
    assert np.array_equal(np.delete(found, 4, axis=0), np.delete(expected, 4, axis=0))


def test_what_comes_back_unchanged_comes_back_to_the_bit_in_a_copy() -> None:
    before = recording()
    assert np.array_equal(FOUND.completed(before, before).read(), before.read())


@pytest.mark.parametrize("gain", [1.0, -1.0, 0.5])
def test_a_copy_to_the_bit_stays_one(gain: float) -> None:
    samples = recording().read().copy()
    samples[4] = gain * samples[0]
    cleaned = samples.copy()
    cleaned[0] *= np.float32(0.7)
    before, after = (Recording.from_array(z, 8000, NAMES) for z in (samples, cleaned))
    found = Soundcheck({"safety": ("vox", gain)}).completed(before, after).read()
    assert np.array_equal(found[4], gain * found[0])


def test_the_cleaned_samples_are_not_changed() -> None:
    before = recording()
    samples = 0.5 * before.read()
    first = samples.copy()
    FOUND.completed(before, before.with_reader(lambda a, b: samples[:, a:b])).read()
    assert np.array_equal(samples, first)


def test_the_table_is_json_and_comes_back() -> None:
    table = json.loads(json.dumps(FOUND.table()))
    assert Soundcheck.of_table(table, NAMES) == FOUND
    assert Soundcheck.of_table(Soundcheck().table(), NAMES) == Soundcheck()


@pytest.mark.parametrize(
    "table",
    [
        {"copies": {"flute": ["vox", 1]}, "mixes": [], "groups": []},
        {"copies": {"vox": ["flute", 1]}, "mixes": [], "groups": []},
        {"copies": {"vox": ["bass", float("nan")]}, "mixes": [], "groups": []},
        {"copies": {"vox": ["bass", "loud"]}, "mixes": [], "groups": []},
        {"copies": {"vox": ["bass"]}, "mixes": [], "groups": []},
        {"copies": {}, "mixes": ["flute"], "groups": []},
        {"copies": {}, "mixes": [], "groups": [["vox", "flute"]]},
        {"copies": [], "mixes": [], "groups": []},
        {"copies": {}, "mixes": [], "groups": 3},
        {"mixes": [], "groups": []},
        3,
    ],
)
def test_tables_that_make_no_sense_are_refused(table: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Soundcheck.of_table(table, NAMES)  # type: ignore[arg-type]


def test_reasons_say_the_gain_and_the_polarity() -> None:
    found = Soundcheck({"a": ("b", 1.0), "c": ("b", -0.5), "d": ("b", 4.0)}, ("LR",), (("x", "y", "z"),))
    assert found.reasons() == {
        "a": "a copy of b, cleaned like it",
        "c": "a copy of b at −6.0 dB, inverted, cleaned like it",
        "d": "a copy of b at +12.0 dB, cleaned like it",
        "LR": "a mix of the other tracks, left unchanged",
        "x": "sounds like the same source as y and z",
        "y": "sounds like the same source as x and z",
        "z": "sounds like the same source as x and y",
    }


def test_each_finding_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        FOUND.announce()
    said = [record.getMessage() for record in caplog.records]
    assert said[:2] == [
        "safety is a copy of vox at −12.0 dB, inverted, cleaned like it",
        "LR is a mix of the other tracks, left unchanged",
    ]
    assert len(said) == 3
    assert "keys_a and keys_b sound like one source" in said[2]
    assert "session.toml" in said[2]  # how to undo it


def test_faint_tracks_have_no_source_and_are_saved() -> None:
    found = Soundcheck(faint=("bass",))
    heard = found.heard(recording())
    assert heard.sources[NAMES.index("bass")] is None
    assert found.set_aside == ("bass",)
    assert "32 bits, left unchanged" in found.reasons()["bass"]
    assert Soundcheck.of_table(json.loads(json.dumps(found.table())), NAMES) == found
    with pytest.raises(ValueError, match="other microphones"):
        Soundcheck.of_table(found.table() | {"faint": ["flute"]}, NAMES)
