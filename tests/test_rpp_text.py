"""The text of REAPER projects stays as it is, to the byte."""

from pathlib import Path

import pytest
import rpp
from hypothesis import given
from hypothesis import strategies as st

from debleed.daw.rpp_text import quoted, read, words
from debleed.recording import InputError

ODD = b"""<REAPER_PROJECT 0.1 "7.0" 1\r
  RIPPLE 0\r
  TITLE "a \xff \xe2\x80\xa8 b"\r
\r
  <NOTES 0 2\r
    |<TRACK\r
    |>\r
  >\r
  <TRACK\r
    NAME 'say "hi"'\r
    <VST "x y"\r
      YWJj=\r
    >\r
  >\r
>\r
"""


def test_every_byte_stays(tmp_path: Path) -> None:
    (tmp_path / "a.rpp").write_bytes(ODD)
    root = read(tmp_path / "a.rpp")
    assert "".join(root.text()).encode("utf-8", "surrogateescape") == ODD
    project = root.blocks("REAPER_PROJECT")[0]
    assert [block.kind for block in project.lines if not isinstance(block, str)] == ["NOTES", "TRACK"]
    track = project.blocks("TRACK")[0]
    assert track.values("NAME") == ['say "hi"']
    assert track.values("VOLPAN") is None
    track.set("NAME", quoted("new"))
    track.set("MUTESOLO", "1 0 0")
    lines = "".join(track.text()).splitlines(keepends=True)
    assert lines[1:3] == ["    MUTESOLO 1 0 0\r\n", '    NAME "new"\r\n']


@given(
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs"), include_characters=" \t'\"`"), max_size=8)
)
def test_words_are_quoted_as_the_library_reads_them(word: str) -> None:
    kept = word.replace("`", "'") if {"'", '"', "`"} <= set(word) else word
    assert words(f"NAME {quoted(word)} 0") == ["NAME", kept, "0"]
    assert rpp.loads(f"<A\n  NAME {quoted(word)} 0\n>\n")[0] == ["NAME", kept, "0"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no project of REAPER"),
        (b"RIFF....WAVE", "no project of REAPER"),
        (ODD[:-5], "ends before its blocks do"),
        (b"<REAPER_PROJECT\n" + b"<A\n" * 100_000, "nested too deeply"),
        (ODD + ODD, "damaged"),
    ],
)
def test_what_is_no_project_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.rpp").write_bytes(content)
    with pytest.raises(InputError, match=why):
        read(tmp_path / "a.rpp")


@given(st.lists(st.sampled_from(["<A", "<TRACK x", ">", "A 1", '"', "", "|>", "<", "  <B 'c"]), max_size=12))
def test_any_text_is_read_back_or_refused(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("a") / "a.rpp"
    text = "\n".join(["<REAPER_PROJECT", *lines, ">"])
    path.write_text(text, "utf-8")
    try:
        found = "".join(read(path).text())
    except InputError as refusal:
        found = text if str(path) in str(refusal) else str(refusal)
    assert found == text
