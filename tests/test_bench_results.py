import json
from pathlib import Path

import pytest

from debleed.bench.results import append, bleed_name, key, read_lines, scored, scores_of
from debleed.recording import InputError
from results import a_line


def test_the_last_line_of_a_key_counts(tmp_path: Path) -> None:
    for line in (a_line("a", "demix", 1), a_line("b", "demix", 2), a_line("a", "demix", 3)):
        append(tmp_path, line)
    found = read_lines(tmp_path)
    assert [line["scores"]["sources"][0]["sdr"] for line in found] == [3, 2]
    assert len({key(line) for line in found}) == 2


def test_a_line_that_was_cut_off_is_closed_first(tmp_path: Path) -> None:
    (tmp_path / "scores.jsonl").write_text(json.dumps(a_line("a", "demix", 1)) + "\n" + '{"item": "b')
    append(tmp_path, a_line("c", "demix", 1))
    assert [line["item"] for line in read_lines(tmp_path)] == ["a", "c"]


def test_reasons_are_no_scores() -> None:
    lines = [a_line("a", "demix", 1), {**a_line("a", "t-unet", 1), "refused": "why"}]
    del lines[1]["scores"]
    assert scored(lines) == lines[:1]
    assert scores_of(scored(lines)).median("sdr") == 1


def test_names_of_bleeds() -> None:
    assert bleed_name({"name": "far", "draw": {"kind": "room"}}) == "far"
    assert bleed_name({"draw": {"preset": "waspaa2023-linear"}}) == "waspaa2023-linear"
    assert bleed_name({"draw": {"kind": "room", "distance": [1.0, 3.0]}}) == "room, distance 1 × 3"


def test_no_results(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="contains no results"):
        read_lines(tmp_path)
