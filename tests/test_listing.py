"""What the names of all tracks say together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.naming.listing import beginning, of_one_source, read_all, source_name, without_take, without_title

names = st.lists(
    st.builds(
        lambda number, source, place: f"{number}{source}{place}",
        st.sampled_from(["", "01 ", "02_"]),
        st.sampled_from(["kick", "bass", "gtr 1", "gtr 2", "vox", "lav3", "OH", "click", "Tr1", "john"]),
        st.sampled_from(["", " in", "_DI", " amp", "_L", " right", " SM57", " 57", " top"]),
    ),
    unique=True,
    max_size=12,
)


def groups(listed):
    return {frozenset(listed[i] for i in group) for group in of_one_source(read_all(listed))}


@given(names, st.randoms())
def test_the_order_of_names_does_not_matter(listed, random):
    shuffled = random.sample(listed, len(listed))
    assert groups(shuffled) == groups(listed)
    assert dict(zip(shuffled, read_all(shuffled), strict=True)) == dict(zip(listed, read_all(listed), strict=True))


@given(names)
def test_a_group_has_the_same_words_and_different_places(listed):
    readings = read_all(listed)
    found = of_one_source(readings)
    members = [i for group in found for i in group]
    assert len(set(members)) == len(members)
    for group in found:
        assert len(group) > 1
        assert len({readings[i].words for i in group if not readings[i].direct}) <= 1
        assert len({readings[i].places for i in group}) == len(group)
        assert source_name([readings[i] for i in group])


@given(
    st.sampled_from(["tom", "lav", "vox", "gtr", "mic", "TRK", "violin", "Tr", "kick", "john", "keys", "ZOOM0001_Tr"]),
    st.sampled_from(["", " ", "_", "0"]),
    st.lists(st.integers(1, 99), unique=True, min_size=2, max_size=9),
)
def test_numbers_alone_never_group(name, gap, numbers):
    assert not of_one_source(read_all([f"{name}{gap}{number}" for number in numbers]))
    assert not of_one_source(read_all([f"{number:02d} {name}" for number in numbers]))


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("Gtr L,Gtr R,01 Gtr,02 Gtr", {frozenset(("Gtr L", "Gtr R"))}),
        ("01 Kick In,02 Kick Out,09 Kick In", set()),
        ("Gtr 57,Gtr ribbon", {frozenset(("Gtr 57", "Gtr ribbon"))}),
        ("Gtr 1,Gtr 2,Gtr 57,Gtr", set()),
        ("Vox 57,Vox 87", set()),
        ("keys_L,keys_R,keys", {frozenset(("keys_L", "keys_R", "keys"))}),
        ("Gtr amp,Gtr Room", set()),
        ("OH L,OH R,OH C", {frozenset(("OH L", "OH R"))}),
        ("Main L,Main R,left,right", {frozenset(("Main L", "Main R"))}),
        ("Bass DI,Bass amp 1", {frozenset(("Bass DI", "Bass amp 1"))}),
        ("Bass 1 DI,Bass", {frozenset(("Bass 1 DI", "Bass"))}),
        ("Gtr DI,Gtr amp 1,Gtr amp 2", set()),
        ("Gtr DI 1,Gtr DI 2", set()),
        ("Bass 1 DI,Bass 2", set()),
        ("Bass DI,Bass SVT", {frozenset(("Bass DI", "Bass SVT"))}),
        ("Bass DI,Bass Vox,Bass Clarinet,Bass Room", set()),
        ("Gtr DI,Gtr Joe,Gtr Tim", set()),
        ("vocals,vocals_D12", {frozenset(("vocals", "vocals_D12"))}),
    ],
)
def test_groups(listed, found):
    assert groups(listed.split(",")) == found


def test_what_all_names_share_is_cut_if_it_says_nothing():
    assert without_title(["Hall - Kick", "Hall - Bass", "Hall - x"]) == ["Kick", "Bass", "x"]
    for listed in (
        ["Anna lav", "Anna boom", "Anna spare"],  # one person's three microphones
        ["Gtr amp", "Gtr DI", "Gtr mic"],
        ["Hall Kick", "Hall Bass"],
        ["Hall 1", "Hall 2", "Hall 3"],
        ["Hall kick", "Hall bass", "Hall "],
        [],
    ):
        assert without_title(listed) == listed
    assert without_take(["a_01", "b_02"]) == ["a_01", "b_02"]
    assert without_take(["vox1", "bass1"]) == ["vox1", "bass1"]
    assert without_take(["vox-01_2", "bass-01_2"]) == ["vox", "bass"]
    assert without_take(["vox_01"]) == ["vox_01"]


@given(st.lists(st.text("ab "), min_size=1))
def test_the_beginning_is_the_longest_that_all_have(texts):
    shared = beginning(texts)
    assert all(text.startswith(shared) for text in texts)
    assert any(len(text) == len(shared) for text in texts) or len({text[len(shared)] for text in texts}) > 1


def test_halves_count_only_together():
    kinds = {
        "L,R": "room",
        "L,C,R": "room",
        "01 L,02 R": "room",
        "Mid,Side": "room",
        "M,S": "room",
        "L,kick": "source",
        "a,b,c": "source",
        "L,M,R": "source",
        "hi,mid,low": "source",
    }
    for listed, kind in kinds.items():
        assert read_all(listed.split(","))[0].kind == kind, listed
    assert {reading.kind for reading in read_all([chr(letter) for letter in range(ord("a"), ord("z") + 1)])} == {
        "source"
    }
