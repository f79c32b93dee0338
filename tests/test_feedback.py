import json
import logging
import math
import warnings
from pathlib import Path

import numpy as np
import pytest

from debleed import feedback
from debleed.job import Result, Treated
from debleed.progress import Progress


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_lines_are_json_whatever_is_in_them(capsys):
    feedback.line(files=["Füße\n\udcff"], share=0.5)
    assert lines(capsys) == [{"files": ["Füße\n\udcff"], "share": 0.5}]
    with pytest.raises(ValueError, match="JSON"):
        feedback.line(share=float("nan"))


def test_programs_hear_of_every_stage_and_its_end_but_not_of_every_sample(capsys):
    with feedback.progress("json") as progress:
        for k in range(100_001):
            progress("learn", k / 100_000)
        progress("write", 0.5)
    found = lines(capsys)
    shares = [line["share"] for line in found if line["stage"] == "learn"]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert len(shares) <= 102
    assert found[-1] == {"stage": "write", "share": 0.5}


def test_a_bar_is_no_burden_where_there_is_no_terminal(capsys):
    with feedback.progress("bar") as progress:
        said: Progress = progress
        said("learn", 0.5)
        said("learn", 1)
    assert capsys.readouterr() == ("", "")


def test_messages_are_shown_and_warnings_of_numpy_are_not(capsys):
    log = logging.getLogger("debleed.something")
    level = logging.getLogger("debleed").level
    with feedback.messages():
        log.info("a sentence")
        log.warning("a doubt")
        log.debug("a detail")
        warnings.warn("of no use", stacklevel=1)
        np.log(np.zeros(1))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "a sentence"
    assert said[1].endswith("a doubt")
    assert "warning: " in said[1]
    assert len(said) == 2
    log.warning("too late")
    assert not capsys.readouterr().err.count("warning: too late")
    assert logging.getLogger("debleed").level == level


def test_what_was_done_is_told_in_a_few_lines(caplog):
    done = [("vox", "source", -12.0), ("oh", "room", -math.inf), ("bass", "source", -math.inf)]
    mics = tuple(Treated(name, role, name, "", "", level, f"what {name} says.") for name, role, level in done)
    with caplog.at_level(logging.INFO):
        feedback.treated(Result((Path("clean/vox.wav"),), (), None, mics))
    assert [record.getMessage() for record in caplog.records] == [
        "vox: what vox says.",
        "oh: what oh says.",
        "bass: what bass says.",
        "removed, relative to the level of the microphone: vox −12.0 dB",
        "wrote 1 files to clean",
    ]


def test_many_recordings_are_told_of_in_json_until_each_ends(capsys):
    with feedback.many("json", {"a": 1.0, "b": 2.0}) as shown:
        shown.told("b", "learn", 0.25)
        shown.ended("b", "finished", "b is clean")
        shown.told("b", "write", 0.5)  # late news from a worker
    said = capsys.readouterr()
    assert [json.loads(line) for line in said.out.splitlines()] == [
        {"recording": "b", "stage": "learn", "share": 0.25},
        {"recording": "b", "stage": "finished", "share": 1.0},
    ]
    assert said.err == "b is clean\n"


def test_bars_of_many_come_and_go():
    import io

    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(file=io.StringIO(), force_terminal=True), auto_refresh=False) as bars:
        shown = feedback.Many({"[a]": 1.0, "b": 3.0}, bars)
        shown.told("[a]", "learn", 0.25)
        assert [(task.description, task.completed) for task in bars.tasks[1:]] == [(r"\[a]: learn", 0.25)]
        shown.ended("[a]", "finished")
        shown.ended("b", "failed")
        (whole,) = bars.tasks
        assert (whole.description, whole.completed, whole.total) == ("2 of 2 recordings", 4.0, 4.0)


def test_a_table_is_no_markup(capsys):
    feedback.table("of [x]", ("name", "what"), [["[bold]", "a"]])
    said = capsys.readouterr()
    assert "[bold]" in said.err
    assert "of [x]" in said.err
    assert not said.out
    feedback.table("of nothing", ("name",), [])
    assert capsys.readouterr() == ("", "")
