import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.assignment import assign, sources_of
from debleed.io.session import Session
from debleed.web import words
from page import wav

CASES = {
    "nothing to say": (Session({"vox": ("vox",), "bass": ("bass",)}, ("OH",)), ""),
    "a group": (Session({"band": ("vox", "bass")}, ("OH",)), "--source"),
    "a room more": (Session({"vox": ("vox",)}, ("OH", "bass")), "--room"),
    "no room": (Session({"vox": ("vox",), "bass": ("bass",), "OH": ("OH",)}, ()), "--source"),
    "another room": (Session({"vox": ("vox",), "OH": ("OH",)}, ("bass",)), "--room"),
    "left out": (Session({"vox": ("vox",), "bass": ("bass",)}, (), ("OH",)), "--leave-out"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_command_line_means_the_session(tmp_path, case):
    from debleed.cli.job_options import gather
    from debleed.cli.remove import command as remove
    from debleed.intake import open_input

    told, option = CASES[case]
    gig = tmp_path / "-g'ig"
    gig.mkdir()
    for i, name in enumerate(("vox", "bass", "OH")):
        (gig / f"{name}.wav").write_bytes(wav(seed=i))
    shown = {"poly": None, "title": gig.name, "method": "demix", "settings": {"seconds": "9"}}
    line = words.command_line(shown, told, ["OH", "bass", "vox"])
    assert option in line
    argv = shlex.split(line)
    given = remove.make_context("remove", argv[2:]).params
    assert str(given["given"]) == gig.name
    assert given["pairs"] == ("seconds=9",)
    asked = {
        name: given[name] for name in ("sources", "old_sources", "room", "reference", "leave_out", "reduction", "keep")
    }
    _, found = open_input(gig, gather(gig, **asked))
    _, wanted = open_input(gig, told)
    assert sources_of(found) == sources_of(wanted)


BOXES = ("bass_di", "bass_amp", "click", "vox", "OH")
OTHERS = {"click": ("click",), "vox": ("vox",)}
ROOM = ("OH",)
REFERENCES = {
    "as guessed": (Session({"bass": BOXES[:2], **OTHERS}, ROOM, reference=BOXES[:3:2]), ""),
    "no click": (Session({"bass": BOXES[:2], "c": ("click",), "vox": ("vox",)}, ROOM, reference=("bass_di",)), "c="),
    "one more": (Session({"bass": BOXES[:2], **OTHERS}, ROOM, reference=("bass_di", "vox")), "--reference vox"),
    "apart": (Session({name: (name,) for name in BOXES[:4]}, ROOM, reference=()), "bass_di=bass_di"),
    "no box": (Session({"bass": BOXES[:2], **OTHERS}, ROOM, reference=()), None),
    "another name": (Session({"low": BOXES[:2], **OTHERS}, ROOM, reference=BOXES[:3:2]), "low=bass_di,bass_amp"),
}


@pytest.mark.parametrize("case", REFERENCES)
def test_options_say_references_or_nothing(case):
    told, option = REFERENCES[case]
    said = words.least_said(told, BOXES, [None] * len(BOXES))
    run = {"poly": None, "title": "gig", "method": "demix", "settings": {}}
    line = words.command_line(run, told, BOXES)
    if option is None:
        assert said is line is None
        return
    assert option in line
    found = [(mic.source, mic.role) for mic in assign(said, BOXES)]
    assert found == [(mic.source, mic.role) for mic in assign(told, BOXES)]


def test_names_inside_the_files_are_known_to_the_command_line():
    told = Session({"T1": ("T1",), "T2": ("T2",)}, (), reference=("T1",))
    run = {"poly": None, "title": "gig", "method": "demix", "settings": {}, "labels": ["Click", "Vox"]}
    assert words.command_line(run, told, ["T1", "T2"]) == "debleed remove gig -o ./gig-clean"
    assert "--reference T1" in words.command_line({**run, "labels": [None, None]}, told, ["T1", "T2"])


def test_names_that_options_cannot_hold_are_left_to_session_toml():
    run = {"poly": None, "title": "gig", "method": "demix", "settings": {}}
    assert words.command_line(run, Session({"keys": ("left, wet", "right")}), ["left, wet", "right"]) is None


@given(st.floats(0, allow_nan=False))
def test_numbers_are_short_and_can_be_read_back(value):
    assert float(words.number(value)) == value
    assert words.number(6.0) == "6"


def test_every_setting_has_a_field():
    for method in words.methods():
        for setting in method["settings"]:
            assert setting["kind"] in ("choice", "number", "text")
            assert setting["help"], (method["name"], setting["name"])
            if setting["kind"] == "choice":
                assert setting["default"] in setting["choices"]
