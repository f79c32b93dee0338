"""What belongs together, told from facts alone: name, length, time stamp, channels."""

from itertools import pairwise
from pathlib import Path
from time import perf_counter

import hypothesis.strategies as st
import pytest
from hypothesis import given

from debleed.io.recorder.chains import CUT_ALIKE, EQUAL, FULL, NUMBERED, STAMPED, STAMPED_TAKES, TAKES, TOGETHER, joints
from debleed.io.recorder.facts import Facts
from debleed.io.recorder.telling import told
from debleed.recording import InputError

RATE = 48000
MINUTE = 60 * RATE


def file(name, frames, time=None, channels=1, names=None, day=0):
    return Facts(
        Path("gig", f"{name}.wav"),
        channels,
        RATE,
        frames,
        "WAV",
        "PCM_24",
        "FILE",
        names or (None,) * channels,
        time,
        day,
    )


def chains(*files):
    """Return what is joined: name → (reason, stems, starts)."""
    found, _ = told(files)
    assert sorted(part.facts.path for chain in found for part in chain.parts) == sorted(f.path for f in files)
    many = [chain for chain in found if len(chain.parts) > 1 or chain.parts[0].start]
    return {
        chain.name: (chain.reason, [p.facts.path.stem for p in chain.parts], [p.start for p in chain.parts])
        for chain in many
    }


def test_microphones_of_equal_length_are_no_parts():
    assert not chains(file("drum", 90), file("drum_1", 90))
    assert not chains(file("drum", 90), file("drum_1", 90), file("vox", 90))
    assert not chains(*(file(f"tom_{i}", 90) for i in (1, 2, 3)), *(file(f"vox_{i}", 90) for i in (1, 2, 3)))
    assert not chains(*(file(f"TRK{i:02d}", 90) for i in range(1, 33)))


def test_microphones_that_stopped_at_other_times_are_no_parts():
    assert not chains(file("drum", 10 * MINUTE), file("drum_1", 4 * MINUTE))
    assert not chains(file("drum", 10 * MINUTE), file("drum_1", 4 * MINUTE), file("vox", 9 * MINUTE))
    assert not chains(*(file(f"lav {i}", (20 - i) * MINUTE) for i in range(9)))


def test_two_recorders_side_by_side_are_no_takes():
    one = [file(f"R{i}_Tr{k}", i * 3 * RATE + 50 * MINUTE) for i in (1, 2) for k in (1, 2)]
    found, notes = told(one)
    assert all(len(chain.parts) == 1 for chain in found)
    assert len(notes) == 1
    assert "[parts]" in notes[0]


def test_stamps_of_one_moment_are_no_parts():
    lengths = (10 * MINUTE, 9 * MINUTE)
    assert not chains(*(file(f"vox_{i}", n, time=5 * MINUTE) for i, n in enumerate(lengths)))
    assert not chains(*(file(f"F8_{i}", n, time=5 * MINUTE + i, channels=8) for i, n in enumerate(lengths)))


def test_tracks_that_are_cut_alike():
    names = ("kick", "snare")
    found = chains(*(file(f"{n}_{k}", frames) for n in names for k, frames in enumerate((90, 90, 40), 1)))
    assert found == {n: (CUT_ALIKE, [f"{n}_{k}" for k in (1, 2, 3)], [0, 90, 180]) for n in names}


def test_a_first_part_without_a_number():
    found = chains(*(file(n + end, frames) for n in "ab" for end, frames in (("", 90), (" 2", 30))))
    assert found["a"] == (CUT_ALIKE, ["a", "a 2"], [0, 90])


def test_takes_are_as_long_on_all_tracks():
    found = chains(*(file(f"{n}_0{k}", frames) for n in ("kick", "vox") for k, frames in enumerate((90, 150, 40), 1)))
    assert found["vox"] == (TAKES, ["vox_01", "vox_02", "vox_03"], [0, 90, 240])


def test_takes_of_nearly_one_length_have_the_numbers_of_takes():
    lengths = enumerate((100, 101, 99), 1)
    found = chains(*(file(f"{n}_{k:02d}", frames) for k, frames in lengths for n in ("kick", "vox")))
    assert found["kick"] == (TAKES, ["kick_01", "kick_02", "kick_03"], [0, 100, 201])


def test_a_track_without_the_first_take_begins_with_silence():
    found = chains(
        *(file(f"{n}_0{k}", frames) for n in ("kick", "bass") for k, frames in ((1, 90), (2, 150), (4, 40))),
        file("vox_02", 150),
        file("keys_02", 150),
        file("keys_04", 40),
    )
    assert found["vox"] == (TAKES, ["vox_02"], [90])
    assert found["keys"] == (TAKES, ["keys_02", "keys_04"], [90, 240])


def test_stamps_that_go_on():
    found = chains(*(file(f"vox_{k}", 100, time=7 + 100 * k) for k in (0, 1)), file("kick", 200, time=7))
    assert found == {"vox": (STAMPED, ["vox_0", "vox_1"], [0, 100])}


def test_stamps_go_on_past_midnight():
    day = 24 * 60 * MINUTE
    late = [file("T001", 5 * MINUTE, day - MINUTE, 8, day=5), file("T002", 5 * MINUTE, 4 * MINUTE, 8, day=6)]
    assert chains(*late)["T"] == (STAMPED, ["T001", "T002"], [0, 5 * MINUTE])


def test_polyphonic_parts():
    found = chains(*(file(f"Friday_{k}", frames, channels=24) for k, frames in enumerate((90, 90, 80), 1)))
    assert found == {"Friday": (EQUAL, ["Friday_1", "Friday_2", "Friday_3"], [0, 90, 180])}


def test_a_card_with_full_parts_only():
    found = chains(*(file(f"{k:08d}", 90, channels=32) for k in (1, 2)))
    assert found == {"00000001": (NUMBERED, ["00000001", "00000002"], [0, 90])}


def test_polyphonic_takes_by_their_stamps():
    found = chains(*(file(f"T{k:03d}", 5 * MINUTE, k * 9 * MINUTE, 8) for k in (1, 2)))
    assert found["T"][0] == STAMPED_TAKES


@pytest.mark.parametrize("lengths", [(90, 90), (90, 89), (89, 90), (30, 90), (90, 50, 90)])
def test_polyphonic_files_of_which_nobody_can_tell(lengths):
    with pytest.raises(InputError, match=r"'F8_1.wav' and 'F8_2.wav' may be parts .* \[parts\]"):
        told([file(f"F8_{k}", frames, channels=8) for k, frames in enumerate(lengths, 1)])


def test_other_tracks_are_other_files():
    names = [(f"{a} 1", f"{a} 2", "Mix") for a in "AB"]
    assert not chains(*(file(f"S{k}", 90 - 50 * k, channels=3, names=names[k]) for k in (0, 1)))
    singers = [file(f"vox_{k}", 90 - 50 * (k - 1), time=90 * k, names=(n,)) for k, n in ((1, "Anna"), (2, "Ben"))]
    assert not chains(*singers)
    assert chains(*(file(f"vox_{k}", 90 - 50 * (k - 1), time=90 * k) for k in (1, 2)))


def test_full_files():
    full = 2**31 // 3 - 40
    assert chains(file("LR_1", full), file("LR_2", full), file("LR_3", 90), file("kick", 70))["LR"][0] == FULL
    assert chains(file("S_1", full // 8, channels=8), file("S_2", full // 8 - 9, channels=8))["S"][0] == FULL
    assert not chains(file("LR_1", full // 2), file("LR_2", 90), file("kick", full // 2))
    with pytest.raises(InputError):
        told([file("S_1", full // 6, channels=8), file("S_2", full // 6 - 9, channels=8)])


def test_together_as_long_as_the_others():
    found = chains(file("kick", 190), file("vox_1", 90), file("vox_2", 100))
    assert found == {"vox": (TOGETHER, ["vox_1", "vox_2"], [0, 90])}
    assert not chains(file("kick", 191), file("vox_1", 90), file("vox_2", 100))


def test_gaps_overlaps_and_missing_parts_are_said():
    def said(*times, numbers=(1, 2, 3)):
        files = (file(f"{k:08d}", RATE, time, 32) for k, time in zip(numbers, times, strict=True))
        return joints(told(list(files))[0])

    t = 100 * RATE
    assert said(t, t + RATE, t + 2 * RATE) == ()
    assert said(0, 0, 0) == ()
    gap = said(t, t + RATE + 480, t + 2 * RATE + 480 - 96)
    assert gap[0].startswith("00000002.wav begins 0.010 s after 00000001.wav ends, by their time stamps")
    assert gap[1].startswith("00000003.wav begins 0.002 s before 00000002.wav ends")
    (missing,) = said(None, None, None, numbers=(1, 2, 4))
    assert missing == "between 00000002.wav and 00000004.wav a number is missing; is a part lost?"


def test_gaps_of_all_tracks_are_said_once():
    tracks = [file(f"{n}_{k}", 90 - 50 * (k > 1), 1000 + 100 * k) for n in ("kick", "snare", "vox") for k in (1, 2)]
    assert len(joints(told(tracks)[0])) == 1


NAMES = st.sampled_from(
    ["vox", "vox 2", "vox_1", "vox_02", "tom_1", "tom_2", "T1_Tr1", "T1_Tr2", "T2_Tr1", "T2_Tr2", "0001", "0002"]
)
FACTS = st.builds(
    file,
    NAMES,
    st.sampled_from([90, 100, 40, 10**8]),
    st.sampled_from([None, 0, 7, 97, 107, 10**9]),
    st.sampled_from([1, 2, 8]),
    day=st.sampled_from([0, 700000]),
)


@given(st.lists(FACTS, min_size=1, max_size=8, unique_by=lambda one: one.path))
def test_every_file_is_in_one_chain_and_no_parts_overlap(files):
    try:
        found, _ = told(files)
    except InputError:
        return
    parts = [part for chain in found for part in chain.parts]
    assert sorted(part.facts.path for part in parts) == sorted(one.path for one in files)
    for chain in found:
        assert all(a.stop <= b.start for a, b in pairwise(chain.parts))
        assert len({part.facts.form for part in chain.parts}) == 1
        assert (len(chain.parts) > 1 or chain.parts[0].start > 0) == bool(chain.reason)
    joints(found)


def test_a_large_session_is_told_at_once():
    """48 tracks of 40 takes, as a session of a week has."""
    files = [file(f"{i:02d}-Track {i}-{k:03d}", 1000 + 37 * k) for i in range(1, 49) for k in range(1, 41)]
    begin = perf_counter()
    found, _ = told(files)
    assert len(found) == 48
    assert perf_counter() - begin < 20  # seconds; it takes 0.2, and minutes if each series were compared with each file
