"""The session file: who belongs to whom, and every slip is told with what would be right."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.io.session import Session, dumped, left_out, load_session, session_path
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
