import tomllib

import pytest

from debleed import assignment
from debleed.assignment import guess_pairs, sounds_like_room, sources_of, template
from debleed.io.session import Session, load_session
from debleed.recording import InputError
from sessions import assign, written

ROOMS = "oh,OH L,OH1,DrumOHs,overheads,Overhead_L,Room,room-mic 2,RoomL,07_amb,Ambience,audience R,CrowdL,mix,full.mix"


SOURCES = "mushroom,john,Ohm,bathroom,mixer vox,tambourine,lamb,remix,cohen,vox,groom"


@pytest.mark.parametrize("name", ROOMS.split(","))
def test_names_of_room_microphones(name):
    assert sounds_like_room(name)


@pytest.mark.parametrize("name", SOURCES.split(","))
def test_names_of_sources(name):
    assert not sounds_like_room(name)


def test_by_default_every_file_is_a_source_but_rooms(caplog):
    caplog.set_level("INFO", "debleed")
    assert assign(Session(), ["vox", "OH", "bass"]) == {"vox": "vox", "OH": None, "bass": "bass"}
    assert "OH" in caplog.text


def test_a_listed_source_is_no_room_whatever_its_name():
    assert assign(Session(sources={"hall": ("hall",)}), ["hall", "b"]) == {"hall": "hall", "b": "b"}


@pytest.mark.parametrize(
    ("session", "said"),
    [
        (Session(sources={"v": ("c",)}), "source 'v' names 'c'.*a, b"),
        (Session(room=("c",)), "room names 'c'.*a, b"),
        (Session(room=("a",), sources={"v": ("a",)}), "'a'.*list it once"),
        (Session(sources={"a": ("b",)}), "source 'a' does not list"),
    ],
)
def test_names_that_are_not_there_are_refused(session, said):
    with pytest.raises(InputError, match=said):
        assign(session, ["a", "b"])


def test_pairs_are_guessed():
    assert guess_pairs(["Keys L", "Keys R", "oh_l", "oh_r", "soul", "x.Left", "x.Right", "y-L"]) == {
        "Keys": ("Keys L", "Keys R"),
        "oh": ("oh_l", "oh_r"),
        "x": ("x.Left", "x.Right"),
    }


ODD = ["a b", 'say "hi"', "\\", "a\nroom = []", "\t\x01\x7f"]


@pytest.mark.parametrize("units", [["vox", "OH"], ODD, ["keys_L", "keys_R"], ["mix"]])
def test_the_template_says_what_the_defaults_do(tmp_path, units):
    text = template(units)
    assert assign(load_session(written(tmp_path, text)), units) == assign(Session(), units)
    tomllib.loads(text.replace("# reduction", "reduction"))


def test_pairs_are_one_source_for_everybody(caplog: pytest.LogCaptureFixture) -> None:
    units = ["keys_L", "keys_R", "vox", "OH"]
    found = assignment.assign(Session(), units)
    assert sources_of(found) == {"keys_L": "keys", "keys_R": "keys", "vox": "vox", "OH": None}
    assert found[0].reason == "keys_L and keys_R differ only in L and R"
    apart = assignment.assign(Session(sources={"keys_L": ("keys_L",), "keys_R": ("keys_R",)}), units)
    assert [mic.source for mic in apart] == ["keys_L", "keys_R", "vox", None]
    named = assignment.assign(Session(), [*units, "keys"])  # a file of that name is a source of its own
    assert [mic.source for mic in named] == ["keys_L", "keys_R", "vox", None, "keys"]
