"""The session file: who belongs to whom, and every slip is told with what would be right."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.assignment import template
from debleed.io.documents import write_text
from debleed.io.session import Session, dumped, has_session, left_out, load_session, session_path
from debleed.recording import InputError
from sessions import assign, written


def test_a_session_says_otherwise(tmp_path):
    session = load_session(
        written(
            tmp_path,
            """
            room = ["far.wav"]
            leave_out = ["talkback"]
            reference = "vox"
            reduction = 12
            [sources]
            drums = ["kick", "snare.wav"]
            [source_reduction]
            drums = 6.5
            """,
        )
    )
    files = ["kick.wav", "snare.wav", "far.wav", "oh.wav", "vox.flac"]
    units = [Path(name).stem for name in files]
    assert assign(session, units, files) == {"kick": "drums", "snare": "drums", "far": None, "oh": "oh", "vox": "vox"}
    assert session.reference == ("vox",)
    assert (session.leave_out, session.reduction, session.source_reduction) == (("talkback",), 12.0, {"drums": 6.5})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rooms = ['a']", "'rooms'.*sources, room, reference, leave_out, reduction, source_reduction"),
        ("room = 3", "room must be a list"),
        ("reference = {}", "reference must be a list"),
        ("sources = ['a']", "sources must be a table"),
        ("[sources]\na = [1]", r"sources\.a must be a list"),
        ("reduction = -3", "reduction must be"),
        ("reduction = nan", "reduction must be"),
        ("reduction = true", "reduction must be"),
        ("[source_reduction]\na = 'much'", r"source_reduction\.a must be"),
        ("room = [", "TOML"),
    ],
)
def test_slips_in_the_file_are_refused(tmp_path, text, said):
    with pytest.raises(InputError, match=rf"session\.toml.*{said}"):
        load_session(written(tmp_path, text))


def test_files_to_leave_out_must_be_there():
    files = [Path("a.wav"), Path("b.wav")]
    assert left_out(Session(leave_out=("a.wav", "b")), files) == ("a.wav", "b")
    with pytest.raises(InputError, match=r"'c'.*a\.wav, b\.wav"):
        left_out(Session(leave_out=("c",)), files)


def test_a_single_file_has_its_session_beside_it(tmp_path):
    (tmp_path / "gig.wav").touch()
    assert session_path(tmp_path / "gig.wav") == tmp_path / "gig.session.toml"
    assert session_path(tmp_path) == tmp_path / "session.toml"


text = st.text("aä✓😀\"'\\\n\t\0\x7f=#[]. ")
sessions = st.builds(
    Session,
    sources=st.dictionaries(text, st.lists(text).map(tuple), max_size=3),
    room=st.none() | st.lists(text, max_size=3).map(tuple),
    leave_out=st.lists(text, max_size=3).map(tuple),
    reduction=st.none() | st.floats(0),
    source_reduction=st.dictionaries(text, st.floats(0), max_size=3),
    keep=st.dictionaries(text, st.lists(text).map(tuple), max_size=3),
    reference=st.none() | st.lists(text, max_size=3).map(tuple),
)


@given(sessions)
def test_a_session_is_read_as_it_was_written(tmp_path_factory, session):
    path = tmp_path_factory.mktemp("session") / "session.toml"
    path.write_bytes(dumped(session).encode())
    assert load_session(path) == session


HOSTILE = {
    "bom": (b'\xef\xbb\xbfroom = ["vox"]\n', None),
    "digits": (b"reduction = " + b"9" * 400, r"reduction must be .* 9*\.\.\. \(400 characters\)"),
    "thousands of digits": (b"reduction = " + b"9" * 5000, "number with thousands of digits"),
    "hexadecimal": (b"reduction = 0x" + b"f" * 9000, "reduction must be.* a very long int"),
    "nested": (b"room = " + b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "nested tables": (b"a = " + b"{a=" * 9000 + b"1" + b"}" * 9000, "TOML"),
    "long key": (b"[sources]\n" + b"x" * 2**20 + b' = ["vox"]', "sources has a name of 1048576 characters"),
    "long name": (b'room = ["' + b"x" * 2**20 + b'"]', "room has a name of 1048576 characters"),
    "unknown long key": (b"x" * 2**20 + b" = 1", r"unknown key 'x{80}\.\.\. \(1048576 characters\)'"),
    "large": (b"#" * (2**22 + 1), "larger than any session file"),
    "utf-16": ('room = ["vox"]\n'.encode("utf-16"), "TOML"),
    "nul": (b'room = ["vo\0x"]\n', "TOML"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_files_are_read_or_refused_in_one_short_line(tmp_path, name):
    content, said = HOSTILE[name]
    path = tmp_path / "session.toml"
    path.write_bytes(content)
    if said is None:
        assert load_session(path) == Session(room=("vox",))
        return
    with pytest.raises(InputError, match=said) as caught:
        load_session(path)
    assert len(str(caught.value)) < 700 + len(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_a_folder_in_its_place_is_refused(tmp_path):
    os.mkfifo(tmp_path / "session.toml")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "session.toml", tmp_path / "folder"):
        with pytest.raises(InputError, match="is not a file"):
            load_session(path)


def test_a_name_too_long_for_a_session_beside_it_has_none(tmp_path):
    path = tmp_path / ("x" * 251 + ".wav")
    path.touch()
    assert not has_session(path)
    assert not has_session(tmp_path)
    written(tmp_path, "")
    assert has_session(tmp_path)


snippet = st.sampled_from(
    ["[", "]", "{", "}", "=", '"', "'''", "\n", "room", "sources", ".", "1e400", "-", "nan", "\\u"]
)


@given(st.lists(snippet | st.text(max_size=5)).map("".join) | st.binary(max_size=80))
def test_any_text_is_a_session_or_one_sentence(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("session") / "session.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))
    try:
        found = load_session(path)
    except InputError as refusal:
        found = str(refusal).startswith(f"'{path}'")
    assert found


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=12)


@given(st.lists(names, min_size=1, max_size=4, unique=True))
def test_what_init_writes_means_the_same_as_no_file(tmp_path_factory, units):
    path = tmp_path_factory.mktemp("session") / "session.toml"
    write_text(path, template(units))
    assert assign(load_session(path), units) == assign(Session(), units)
