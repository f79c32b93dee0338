import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from debleed.io.recorder.scene_files import channel_names, file_names, of_scene, of_snapshot

SCENE = """#4.0# "Town Hall" "" %000000000 1
/config/routing/IN A1-8 AN1-8 CARD17-24 UIN1-8 AUX1-4
/config/routing/CARD AN1-8 A1-8 UIN1-8 OUT1-8
/ch/01/config "Kick" 3 RD 1
/ch/02/config "Vox / Anna" 41 YE 9
/ch/03/config "" 1 OFF 10
/ch/04/config "It's" 1 CYi 25
/ch/05/config "Off" 1 WH 0
/ch/06/config "Aux" 1 WH 33
"""


def test_a_track_has_the_name_of_the_channel_with_its_input():
    assert of_scene(SCENE) == {1: "Vox - Anna", 9: "Kick", 17: "It's"}


def test_a_scene_without_routing_has_that_of_the_factory():
    assert of_scene('/ch/07/config "HH" 1 OFF 7\n/ch/32/config "TB" 1 OFF 32') == {7: "HH", 32: "TB"}


@given(st.text())
def test_what_is_no_scene_has_no_names(text):
    of_scene(text)
    of_scene(f'/config/routing/CARD {text}\n/ch/01/config "a" {text}\n/ch/02/config {text}')


def channel(name, group, number):
    return {"name": name, "in": {"conn": {"grp": group, "in": number, "altgrp": "OFF", "altin": 1}}}


SNAPSHOT = {
    "type": "snapshot.10",
    "ae_data": {
        "ch": {
            "1": channel("Kick", "LCL", 1),
            "2": channel("Vox / Anna", "A", 5),
            "3": channel("", "A", 6),
            "4": channel("spare", "OFF", 1),
            "12": channel("Vox 2", "A", 5),
        },
        "io": {
            "in": {"LCL": {"1": {"name": "BD"}, "2": {"name": "Talk"}}, "A": {"6": {"name": ""}}},
            "out": {
                "CRD": {
                    str(track): {"grp": group, "in": number}
                    for track, (group, number) in enumerate(
                        (("A", 5), ("LCL", 1), ("LCL", 2), ("A", 6), ("OFF", 1), ("BUS", 1)), 1
                    )
                }
            },
        },
    },
}


def test_tracks_of_a_wing_have_the_names_of_channels_or_else_of_inputs(tmp_path):
    expected = {1: "Vox - Anna", 2: "Kick", 3: "Talk"}
    assert of_snapshot(json.dumps(SNAPSHOT)) == expected
    (tmp_path / "Show.snap").write_text(json.dumps(SNAPSHOT))
    assert channel_names(tmp_path) == expected


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_what_is_no_snapshot_has_no_names(data):
    for text in (json.dumps(data), json.dumps({"ae_data": data}), json.dumps({"ae_data": {"ch": data, "io": data}})):
        assert of_snapshot(text) == {}
    assert of_snapshot("[" * 100000) == {}


def test_several_scenes_may_differ(tmp_path):
    assert channel_names(tmp_path) == {}
    (tmp_path / "a.SCN").write_text(SCENE)
    assert channel_names(tmp_path, tmp_path)[9] == "Kick"
    (tmp_path / "b.scn").write_text(SCENE)
    assert channel_names(tmp_path) == {}


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"files": 3, "names": 4}', '{"files": ["a"], "names": []}', "[" * 100000, "\udc80"]
)
def test_what_is_no_session_has_no_names(tmp_path, content):
    (tmp_path / ".uirecsession").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert file_names(tmp_path) == {}


def test_a_session_names_files(tmp_path):
    session = {"files": ["01", "02.flac", "03"], "names": ["Kick", "../Vox", ""]}
    (tmp_path / ".uirecsession").write_text(json.dumps(session))
    assert file_names(tmp_path) == {"01": "Kick", "02": "-Vox"}
