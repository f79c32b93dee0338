"""A stage as a value; what holds for every method is in the contract."""

import dataclasses
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from bands import RATE, bled, sources
from debleed import InputError, Recording, Stage, learn, remove
from debleed.contract import band
from debleed.io.stage_file import read_stage, write_stage
from debleed.scoring.evaluate import sdr
from debleed.soundcheck.findings import Soundcheck


def two_stretches() -> tuple[Recording, Recording, np.ndarray]:
    """A band that stands still: two stretches of the same microphones, and the truth of the second."""
    own = sources(3, seconds=40)
    mics = bled(own)
    half = mics.shape[1] // 2
    first, second = (Recording.from_array(z, RATE) for z in (mics[:, :half], mics[:, half:]))
    return first, second, own[:, half:]


def test_what_was_learnt_of_one_stretch_cleans_another() -> None:
    first, second, own = two_stretches()
    before = sdr(own, second)
    anew, learnt = sdr(own, remove(second)), sdr(own, learn(first).apply(second))
    assert learnt.min() > before.min() + 15
    assert np.median(learnt) > np.median(anew) - 1.5


def test_a_stage_keeps_what_it_is(tmp_path: Path) -> None:
    mics, _ = band()
    recording = Recording.from_array(mics, 8000, ["vox", "keys", "OH"], ["vox", "keys", None])
    stage = learn(recording, "kamir", settings={"iterations": 3}, recorded=date(2026, 11, 25))
    stage.save(str(tmp_path / "a.debleed"))
    loaded = Stage.load(str(tmp_path / "a.debleed"))
    assert (loaded.method, loaded.settings["iterations"], loaded.rate) == ("kamir", 3, 8000)
    assert (loaded.names, loaded.sources) == (("vox", "keys", "OH"), ("vox", "keys", None))
    assert loaded.recorded == date(2026, 11, 25)
    assert loaded.with_source == [0, 1]


def test_fewer_than_two_sources_can_be_saved_too(tmp_path: Path) -> None:
    mics, _ = band(2)
    recording = Recording.from_array(mics, 8000, ["a", "b"], ["a", None])
    learn(recording).save(tmp_path / "a.debleed")
    assert Stage.load(tmp_path / "a.debleed").apply(recording) is not None
    assert np.array_equal(Stage.load(tmp_path / "a.debleed").apply(recording).read(), mics)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    mics, _ = band()
    learn(Recording.from_array(mics, 8000)).save(tmp_path / "stage.debleed")
    return tmp_path / "stage.debleed"


def test_every_damaged_byte_is_noticed(saved: Path) -> None:
    whole = saved.read_bytes()
    rng = np.random.default_rng(0)
    for at in [*range(24), *rng.integers(24, len(whole), 60), len(whole) - 1]:
        saved.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InputError, match=r"damaged|not a saved stage|version"):
            Stage.load(saved)
    for size in [0, 7, 19, 20, 100, len(whole) // 2, len(whole) - 1]:
        saved.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"damaged|not a saved stage"):
            Stage.load(saved)
    saved.write_bytes(whole + b"\0")
    with pytest.raises(InputError, match="damaged"):
        Stage.load(saved)


def altered(path: Path, **changes: object) -> None:
    """Write a stage again with another header, whose checksum is right."""
    header, arrays = read_stage(path)
    write_stage(path, {**header, **changes}, arrays)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "os:system"}, "not a method of this installation"),
        ({"method": "oracle-linear", "settings": {}}, "cannot be saved"),
        ({"method": "kamir", "settings": {}}, "'source' is missing"),
        ({"settings": {"loudness": 11}}, "no setting 'loudness'"),
        ({"settings": {"seconds": "long"}}, "cannot be used"),
        ({"rate": -1}, "header is invalid"),
        ({"rate": True}, "header is invalid"),
        ({"names": ["a", "a", "b"]}, "header is invalid"),
        ({"names": 3}, "header is invalid"),
        ({"sources": ["a"]}, "header is invalid"),
        ({"sources": ["a", "b", None]}, "has the shape"),
        ({"recorded": "yesterday"}, "header is invalid"),
        ({"references": ["nobody"]}, "header is invalid"),
        ({"references": "a"}, "header is invalid"),
        ({"soundcheck": {"copies": {"flute": ["mic1", 1.0]}, "mixes": [], "groups": []}}, "header is invalid"),
        ({"soundcheck": {"copies": {}, "mixes": ["flute"], "groups": []}}, "header is invalid"),
        ({"soundcheck": {"copies": [], "mixes": [], "groups": []}}, "header is invalid"),
        ({"soundcheck": {"copies": {}, "mixes": ["mic3"], "groups": []}}, "has the shape"),
    ],
)
def test_headers_that_make_no_sense_are_refused(saved: Path, changes: dict[str, object], said: str) -> None:
    altered(saved, **changes)
    with pytest.raises(InputError, match=said):
        Stage.load(saved)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_arrays_that_are_no_numbers_are_refused(saved: Path, value: float) -> None:
    header, arrays = read_stage(saved)
    for name in arrays:
        if arrays[name].dtype.kind in "fc":
            bad = arrays[name].copy()
            bad.flat[0] = value
            write_stage(saved, header, {**arrays, name: bad})
            with pytest.raises(InputError, match=f"'{name}' contains values that are not finite"):
                Stage.load(saved)


def test_references_come_back_to_the_bit_and_are_remembered(tmp_path: Path) -> None:
    mics, _ = band()
    recording = Recording.from_array(mics, 8000, ["a", "b", "c"])
    marked = dataclasses.replace(recording, references=frozenset({"b"}))
    stage = learn(marked, "kamir")
    found = stage.apply(marked).read()
    assert np.array_equal(found[1], mics[1])
    assert not np.array_equal(found[0], mics[0])
    with pytest.raises(InputError, match="'b' is a reference in the stage, but a microphone in the recording"):
        stage.apply(recording)
    stage = learn(marked)
    stage.save(tmp_path / "stage.debleed")
    assert Stage.load(tmp_path / "stage.debleed").references == {"b"}


def everything(seed: int = 0) -> tuple[Recording, np.ndarray]:
    """Three sources; a second microphone of the first, a copy of the second, a mix; and the truth of the first four."""
    own = sources(3, seconds=20, seed=seed)
    near = np.zeros_like(own[0])
    near[7:] = 0.7 * own[0, :-7]
    mics = bled(own, level=0.15)
    second = near + 0.05 * np.roll(own[1], 40)
    samples = np.vstack([mics, second, -0.5 * mics[1], 0.6 * mics.sum(axis=0)]).astype(np.float32)
    names = ["vox", "bass", "drums", "vox far", "bass safety", "LR"]
    return Recording.from_array(samples, RATE, names), np.vstack([own, near])


@pytest.fixture(scope="module")
def learnt() -> Stage:
    return learn(everything()[0])


def test_what_was_found_is_part_of_a_stage(learnt: Stage, tmp_path: Path) -> None:
    recording, _ = everything()
    assert set(learnt.soundcheck.copies) == {"bass safety"}
    assert learnt.soundcheck.mixes == ("LR",)
    assert learnt.soundcheck.groups == (("vox", "vox far"),)
    assert learnt.with_source == [0, 1, 2, 3]
    learnt.save(tmp_path / "stage.debleed")
    loaded = Stage.load(tmp_path / "stage.debleed")
    assert loaded.soundcheck == learnt.soundcheck
    assert np.array_equal(loaded.apply(recording).read(), learnt.apply(recording).read())


def test_everybody_gains_beside_copies_mixes_and_companions(learnt: Stage) -> None:
    recording, own = everything()
    found = learnt.apply(recording)
    assert (found.names, found.sources) == (recording.names, recording.sources)
    assert (sdr(own, found.read()[:4]) - sdr(own, recording.read()[:4])).min() > 12


def test_a_copy_is_cleaned_like_its_original(learnt: Stage) -> None:
    recording, _ = everything()
    before, after = recording.read(), learnt.apply(recording).read()
    gain = learnt.soundcheck.copies["bass safety"][1]
    assert after[4] - before[4] == pytest.approx(gain * (after[1] - before[1]), abs=1e-6)
    assert after[4] == pytest.approx(-0.5 * after[1], abs=1e-5)


def test_a_mix_comes_back_to_the_bit(learnt: Stage) -> None:
    recording, _ = everything()
    assert np.array_equal(learnt.apply(recording).read()[5], recording.read()[5])


def test_with_a_mix_and_a_copy_the_others_gain_what_they_gain_without(learnt: Stage) -> None:
    recording, _ = everything()
    alone = recording.select([0, 1, 2, 3])
    assert learnt.apply(recording).read()[:4] == pytest.approx(remove(alone).read(), abs=1e-6)


def test_a_stage_with_findings_cleans_a_second_take(learnt: Stage) -> None:
    second, own = everything(seed=1)
    found = learnt.apply(second).read()
    assert (sdr(own, found[:4]) - sdr(own, second.read()[:4])).min() > 10
    assert found[4] == pytest.approx(-0.5 * found[1], abs=1e-5)
    assert np.array_equal(found[5], second.read()[5])


def test_blocks_of_a_stage_with_findings_agree_with_the_whole(learnt: Stage) -> None:
    recording, _ = everything()
    cleaned = learnt.apply(recording)
    assert cleaned.read(12345, 54321) == pytest.approx(cleaned.read()[:, 12345:54321], abs=1e-5)


def test_what_a_group_keeps_is_kept_of_both_microphones(learnt: Stage) -> None:
    recording, own = everything()
    plain = learnt.apply(recording).read()
    whole = learnt.apply(recording, keep={"drums": ["vox"]}).read()
    half = learnt.apply(recording, keep={"drums": ["vox far"]}).read()
    assert np.array_equal(whole, half)
    assert whole[[0, 1, 3]] == pytest.approx(plain[[0, 1, 3]], abs=1e-6)
    assert sdr(own[2:3], whole[2:3])[0] < sdr(own[2:3], plain[2:3])[0] - 10


def test_both_channels_of_a_mono_track_come_back_the_same() -> None:
    mics = np.repeat(bled(sources(3, seconds=10)), 2, axis=0).astype(np.float32)
    names = [f"{name}_{side}" for name in ("vox", "bass", "keys") for side in "LR"]
    for sources_ in (names, [name[:-2] for name in names]):
        recording = Recording.from_array(mics, RATE, names, sources_)
        found = remove(recording).read()
        assert np.array_equal(found[::2], found[1::2])
        mono = remove(recording.select([0, 2, 4])).read()
        assert np.array_equal(found[::2], mono)


def test_keeping_one_source_removes_the_others() -> None:
    own = sources(3, seconds=20)
    mics = bled(own)
    recording = Recording.from_array(mics, RATE, ["vox", "drums", "keys"])
    stage = learn(recording, settings={"postfilter": False})
    found = stage.apply(recording, keep={"vox": ["drums"]}).read()
    only = bled(np.stack([own[0], own[1], 0 * own[2]]))[0]  # vox and the drums in its microphone, no keys
    assert sdr(only[None], found[:1])[0] > sdr(only[None], mics[:1])[0] + 15
    assert np.array_equal(found[1:], stage.apply(recording).read()[1:])


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        ({"flute": ["b"]}, "no microphone 'flute'"),
        ({"a": ["flute"]}, "no source 'flute'"),
        ({"a": ["a"]}, "the source of 'a' itself"),
        ({"oh": ["a"]}, "a room microphone"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_the_work(keep: dict[str, list[str]], said: str) -> None:
    mics, _ = band()
    recording = Recording.from_array(mics, 8000, ["a", "b", "oh"], ["a", "b", None])
    with pytest.raises(InputError, match=said):
        remove(recording, keep=keep, progress=lambda stage, share: pytest.fail("it began"))


def test_the_paths_are_those_of_the_stage() -> None:
    rng = np.random.default_rng(3)
    own = sources(2, seconds=30)
    delay, level = 40, 0.25
    mics = own.copy()
    mics[1, delay:] += level * own[0, :-delay]
    mics += 1e-4 * rng.standard_normal(mics.shape)
    paths = learn(Recording.from_array(mics, RATE)).paths()
    assert 10 * np.log10(paths.power[1, 0]) == pytest.approx(20 * np.log10(level), abs=0.5)
    assert paths.delay[1, 0] == pytest.approx(delay / RATE)
    assert paths.error[1, 0] < 0.1
    assert paths.power[0, 1] < 1e-3  # nothing goes the other way
    assert paths.power[0, 0] == paths.power[1, 1] == 0


def test_a_stage_is_not_changed_by_what_it_does() -> None:
    mics, _ = band()
    recording = Recording.from_array(mics, 8000)
    stage = learn(recording)
    first = stage.apply(recording).read()
    stage.apply(recording, keep={"mic1": ["mic2"]}).read()
    assert np.array_equal(stage.apply(recording).read(), first)
    with pytest.raises(dataclasses.FrozenInstanceError):
        stage.rate = 1


def test_a_header_is_json_that_people_can_read(saved: Path) -> None:
    raw = saved.read_bytes()
    length = int.from_bytes(raw[12:20], "little")
    header = json.loads(raw[20 : 20 + length])
    assert header["method"] == "demix"
    assert header["names"] == ["mic1", "mic2", "mic3"]


class FirstAlone:
    """What a method has learnt that leaves the first of two microphones alone."""

    def apply(self, recording: Recording) -> Recording:
        return recording

    def left_alone(self) -> tuple[str, ...]:
        return "it never pauses", ""


def test_findings_are_those_of_the_soundcheck_and_of_the_method() -> None:
    names = ("vox", "safety", "oh", "bass")
    found = Soundcheck({"safety": ("vox", 1.0)}, groups=(("vox", "bass"),))
    stage = Stage("mine", {}, 8000, names, ("vox", "safety", None, "bass"), FirstAlone(), "1", soundcheck=found)
    assert stage.left_alone() == {"vox": "it never pauses"}
    assert stage.findings() == {
        "safety": "a copy of vox, cleaned like it",
        "vox": "sounds like the same source as bass; left alone: it never pauses",
        "bass": "sounds like the same source as vox",
    }
