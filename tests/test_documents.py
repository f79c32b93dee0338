import json
import math
import os
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import debleed
from debleed.io.documents import json_line, json_numbers, json_text, read_number, replacing, write_bytes, write_text

HOUSE = Path(debleed.__file__).parent


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("first\n", "zweitens ✓\r\n"):
        write_text(path, text)
        assert path.read_bytes() == text.encode()
    write_bytes(str(path), b"\0")
    assert path.read_bytes() == b"\0"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_an_error_leaves_the_old_contents_alone(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with replacing(path) as file:
            file.write(b"half of the new")
            assert path.read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_readers_find_whole_files_while_others_write(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "a" * 10000)

    def overwrite(letter):
        for _ in range(20):
            write_text(path, letter * 10000)

    threads = [threading.Thread(target=overwrite, args=(letter,)) for letter in "bcd"]
    for thread in threads:
        thread.start()
    seen = set()
    while any(thread.is_alive() for thread in threads):
        text = path.read_text()
        assert len(text) == 10000
        seen |= set(text)
        assert len(set(text)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert seen <= set("abcd")


def test_the_longest_name_can_be_written(tmp_path):
    write_text(tmp_path / ("n" * 255), "text")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "inside" / "file")
    write_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "inside" / "file").read_text() == "text"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs mkfifo")
def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    found = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_text(tmp_path / "pipe", "text")
    reader.join(5)
    assert found == ["text"]
    assert (tmp_path / "pipe").is_fifo()


numbers = st.floats(width=64)


@given(numbers)
def test_a_number_is_read_as_it_was_written(value):
    row = json.loads(json_line(json_numbers("a", value)))
    back = read_number(row["a"], row.get("a_reason"))
    assert back == value or (math.isnan(back) and math.isnan(value))


@given(arrays(np.float64, array_shapes(max_dims=3, max_side=4), elements=numbers))
def test_so_is_an_array_of_them(values):
    row = json.loads(json_text(json_numbers("a", values)))
    assert ("a_reason" in row) == (not np.isfinite(values).all())
    kept = np.array(row["a"], object)
    reasons = np.array(row.get("a_reason", np.full(values.shape, None)), object)
    assert kept.shape == reasons.shape == values.shape
    back = [read_number(*pair) for pair in zip(kept.ravel(), reasons.ravel(), strict=True)]
    assert np.array_equal(back, values.ravel(), equal_nan=True)
    assert all((reason is None) == (value is not None) for value, reason in zip(kept.flat, reasons.flat, strict=True))


def test_reasons_are_said():
    assert json_numbers("a", math.nan, undefined="silent")["a_reason"] == "undefined: silent"
    assert json_numbers("a", math.inf, unbounded="perfect")["a_reason"] == "perfect (+inf)"
    assert json_numbers("a", -math.inf, nothing="all is gone")["a_reason"] == "all is gone (-inf)"


@pytest.mark.parametrize("write", [json_line, json_text])
def test_json_holds_no_number_that_is_none(write):
    for value in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match="JSON"):
            write({"a": [value]})


def test_lines_are_lines_and_texts_can_be_read():
    value = {"file": "Füße\n\udcff"}
    assert json_line(value).isascii()
    assert "\n" not in json_line(value)
    assert json.loads(json_line(value)) == value
    assert '"Füße"' in json_text(["Füße"])


def test_nobody_writes_another_kind_of_json():
    for path in HOUSE.rglob("*.py"):
        for call in re.findall(r"json\.dumps?\((?:[^()]|\([^()]*\))*\)", path.read_text("utf-8")):
            assert "allow_nan=False" in call, (path, call)


def test_a_document_holds_the_name_of_any_file():
    for name in ("Füße", "caf\udce9"):
        text = json_text({"name": name})
        assert json.loads(text.encode()) == {"name": name}
    assert "Füße" in json_text({"name": "Füße"})
