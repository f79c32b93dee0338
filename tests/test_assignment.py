import tomllib

import pytest

from consoles import CONSOLES, split
from debleed import assignment
from debleed.assignment import references_of, sources_of, template
from debleed.io.session import Session, load_session
from debleed.recording import InputError
from sessions import assign, written

ROOMS = "oh,OH L,OH1,DrumOHs,overheads,Overhead_L,Room,room-mic 2,RoomL,07_amb,Ambience,audience R,CrowdL,mix,full.mix"


SOURCES = "mushroom,john,Ohm,bathroom,mixer vox,tambourine,lamb,remix,cohen,vox,groom"


@pytest.mark.parametrize("name", ROOMS.split(","))
def test_names_of_room_microphones(name):
    assert assign(Session(), [name, "vox", "bass"])[name] is None


@pytest.mark.parametrize("name", SOURCES.split(","))
def test_names_of_sources(name):
    assert assign(Session(), [name, "kick"])[name] == name


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


ODD = ["a b", 'say "hi"', "\\", "a\nroom = []", "\t\x01\x7f"]


@pytest.mark.parametrize("units", [["vox", "OH"], ODD, ["keys_L", "keys_R"], ["mix"], ["bass", "bass_di", "click"]])
def test_the_template_says_what_the_defaults_do(tmp_path, units):
    text = template(units)
    assert assign(load_session(written(tmp_path, text)), units) == assign(Session(), units)
    tomllib.loads(text.replace("# reduction", "reduction"))


def by_source(microphones):
    found = {}
    for mic in microphones:
        if mic.source is not None:
            found.setdefault(mic.source, []).append(mic.name)
    return found


@pytest.mark.parametrize("title", CONSOLES)
def test_consoles_are_read_as_people_read_them(title):
    console = CONSOLES[title]
    names = split(console.names)
    found = assignment.assign(Session(), names)
    groups = {source.lower(): members for source, members in by_source(found).items() if len(members) > 1}
    assert groups == {source: split(members) for source, members in console.groups.items()}
    assert [mic.name for mic in found if mic.role == "room"] == split(console.room)
    assert [mic.name for mic in found if mic.role == "reference"] == split(console.references)
    assert [mic.name for mic in found if mic.reason == assignment.SILENT] == split(console.silent)
    assert not any(mic.said for mic in found)


@pytest.mark.parametrize("title", CONSOLES)
def test_what_was_guessed_can_be_undone(title):
    names = split(CONSOLES[title].names)
    apart = Session({name: (name,) for name in names})
    said = Session(room=(), reference=())
    for session in (apart, said):
        assert {mic.role for mic in assignment.assign(session, names)} == {"source"}
    assert sources_of(assignment.assign(apart, names)) == {name: name for name in names}
    assert all(mic.said for mic in assignment.assign(apart, names))


@pytest.mark.parametrize("title", CONSOLES)
def test_the_template_of_a_console_says_what_the_defaults_do(tmp_path, title):
    names = split(CONSOLES[title].names)
    default = assignment.assign(Session(), names)
    text = template(names)
    uncommented = text.replace('\n# "', '\n"').split("[source_reduction]")[0]
    for session in (text, uncommented) if CONSOLES[title].groups else (text,):
        told = assignment.assign(load_session(written(tmp_path, session)), names)
        for mic, usual in zip(told, default, strict=True):
            assert (mic.source, mic.role) == (usual.source, usual.role)


def test_the_template_keeps_a_source(tmp_path):
    text = template(["kick in", "kick out", "vox"]).replace('\n# "', '\n"')
    assert load_session(written(tmp_path, text)).keep == {"kick in": ("vox",)}


def test_a_group_has_its_reason(caplog):
    caplog.set_level("INFO", "debleed")
    units = ["keys_L", "keys_R", "vox", "OH", "bass_di", "bass amp", "click"]
    found = assignment.assign(Session(), units)
    assignment.announce(found)
    assert sources_of(found) | {"keys_L": "keys", "bass_di": "bass", "bass amp": "bass"} == sources_of(found)
    assert found[0].reason == "keys_L and keys_R are both named 'keys'"
    assert found[4].reason == f"bass_di and bass amp are both named 'bass'; {assignment.BOX}"
    assert references_of(found) == {"bass_di", "click"}
    for line in (
        "one source: keys_L and keys_R are both",
        "direct boxes by their names",
        "microphones, by their names",
    ):
        assert line in caplog.text
    apart = assignment.assign(Session({"keys_L": ("keys_L",), "keys_R": ("keys_R",)}), units)
    assert [mic.source for mic in apart[:2]] == ["keys_L", "keys_R"]


def test_a_source_never_has_the_name_of_another_file():
    found = assignment.assign(Session(), ["keys_L", "keys_R", "01 Keys", "keys"])
    assert by_source(found) == {"keys_L": ["keys_L", "keys_R"], "01 Keys": ["01 Keys"], "keys": ["keys"]}
    taken = assignment.assign(Session({"kick": ("vox",)}), ["kick in", "kick out", "vox"])
    assert by_source(taken) == {"kick in": ["kick in", "kick out"], "kick": ["vox"]}


def test_pairs_stay_pairs_where_there_is_no_room():
    found = assignment.assign(Session(room=()), ["OH L", "OH R", "vox"])
    assert by_source(found) == {"OH": ["OH L", "OH R"], "vox": ["vox"]}


def test_others_of_a_name_join_the_source_that_the_user_says():
    units = ["kick in", "kick out", "kick sub", "kick"]
    joined = assignment.assign(Session({"bd": ("kick in", "kick sub")}), units)
    assert by_source(joined) == {"bd": units}
    assert [mic.said for mic in joined] == [True, False, True, False]
    torn = assignment.assign(Session({"a": ("kick in",), "b": ("kick out",)}), units)
    assert by_source(torn) == {"a": ["kick in"], "b": ["kick out"], "kick sub": ["kick sub"], "kick": ["kick"]}
    apart = assignment.assign(Session({"kick in": ("kick in",)}), units[:2])
    assert by_source(apart) == {"kick in": ["kick in"], "kick out": ["kick out"]}


def test_references_as_said():
    units = ["click", "bass", "bass_di", "vox"]
    roles = [mic.role for mic in assignment.assign(Session(reference=("vox",)), units)]
    assert roles == ["source", "source", "source", "reference"]
    grouped = assignment.assign(Session({"low": ("bass", "bass_di")}), units)  # the group is said, the box is read
    assert references_of(grouped) == {"click", "bass_di"}
    assert sources_of(grouped)["bass_di"] == "low"
    listed = assignment.assign(Session({"low": ("bass", "bass_di")}, reference=("bass",)), units)
    assert references_of(listed) == {"bass"}
    named = assignment.assign(Session(reference=("bass_di",)), units)
    assert (named[2].source, named[2].role) == ("bass", "reference")
    for session, told in (
        (Session(reference=("choir",)), "reference names 'choir'"),
        (Session(reference=("vox",), room=("vox",)), "list it once"),
        (Session({"vox": ("click",)}, reference=("vox",)), "source 'vox' does not list"),
    ):
        with pytest.raises(InputError, match=told):
            assignment.assign(session, units)


def test_names_inside_the_files_count_before_their_own():
    units = ["T01", "T02", "T03", "kick_4"]
    labels = ["Bass DI", "Bass amp", None, "Tr4"]
    found = assignment.assign(Session(), units, labels=labels)
    assert by_source(found) == {"Bass": ["T01", "T02"], "T03": ["T03"], "kick_4": ["kick_4"]}
    assert references_of(found) == {"T01"}
    assert [mic.reason for mic in found[2:]] == [assignment.SILENT, assignment.OWN]
    same = assignment.assign(Session(), ["bass", "vox"], labels=["The Hall", "The Hall"])  # a recording's title
    assert sources_of(same) == {"bass": "bass", "vox": "vox"}
    called = assignment.assign(Session(room=("ch2",)), ["Boom", "Anna"], ["ch1", "ch2"])
    assert sources_of(called) == {"Boom": "Boom", "Anna": None}


def test_a_guess_by_the_page_is_no_word_of_the_user():
    session = Session({"kick": ("in", "out")}, (), reference=(), guessed={"in": "because"})
    found = assignment.assign(session, ["in", "out"])
    assert [(mic.reason, mic.said) for mic in found] == [("because", False), ("as you said", True)]
