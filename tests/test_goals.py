import math
from typing import Any

import pytest

from debleed.bench.goals import About, Goal, verdicts
from debleed.recording import InputError
from results import a_line


def test_reads_tables() -> None:
    about = About.from_table(
        {"title": "dry", "goals": [{"figure": "least SDR", "must": 60, "aim": "exact", "method": "kamir"}]}
    )
    assert about.goals == (Goal("least SDR", 60, math.inf, "kamir"),)
    assert str(Goal("median SDR", 3, over="kamir")) == "demix: median SDR over kamir"
    assert str(Goal("median SDR", -1, than="room")) == "demix: median SDR against room"
    with pytest.raises(InputError, match="a goal has an unknown key 'musst'"):
        Goal.from_table({"figure": "median SDR", "musst": 3})
    with pytest.raises(InputError, match=r"needs 'must' and a 'figure' \(one of median SDR, least SDR"):
        Goal.from_table({"figure": "mean SDR", "must": 3})


@pytest.mark.parametrize(
    ("measured", "reached"), [(3.9, "no"), (4.0, "yes"), (6.0, "yes, the aim too"), (math.inf, "yes, the aim too")]
)
def test_verdicts(measured: float, reached: str) -> None:
    line = a_line("a", "demix", 5)
    line["scores"]["sources"][0] |= {"sdr": None, "sdr_reason": "(+inf)"} if math.isinf(measured) else {"sdr": measured}
    (verdict,) = verdicts([line], {"room": About("a room", (Goal("median SDR", 4, 6),))})
    assert verdict.measured == measured
    assert verdict.reached == reached


def test_a_goal_over_another_method_takes_the_items_that_both_have() -> None:
    lines = [a_line("a", "demix", 9), a_line("b", "demix", 90), a_line("a", "kamir", 4), a_line("c", "kamir", 90)]
    (verdict,) = verdicts(lines, {"room": About("a room", (Goal("median SDR", 3, over="kamir"),))})
    assert (verdict.measured, verdict.items, verdict.reached) == (5, 1, "yes")


def test_a_goal_against_another_corpus() -> None:
    lines = [a_line("a", "demix", 9), {**a_line("a", "demix", 7), "bleed": "faster"}]
    goal = Goal("median SDR", -1, than="room")
    (verdict,) = verdicts(lines, {"room": About("a room"), "faster": About("faster", (goal,))})
    assert (verdict.measured, verdict.reached) == (-2, "no")


def with_tracks(line: dict[str, Any], **tracks: float) -> dict[str, Any]:
    """Return a line with these tracks, by their SDR."""
    row = line["scores"]["sources"][0]
    sources = [{**row, "name": name, "sdr": sdr} for name, sdr in tracks.items()]
    return {**line, "scores": {**line["scores"], "sources": sources}}


def test_a_goal_against_another_corpus_takes_the_tracks_of_the_same_names() -> None:
    line = a_line("a", "demix", 0)
    plain = with_tracks(line, vocals=9, bass=7)
    copied = {**with_tracks(line, vocals=8, bass=7, vocals_D12=99), "bleed": "safety"}
    renamed = {**with_tracks(line, a=5, b=5), "bleed": "dual"}
    goals = (Goal("median SDR", -1, than="room"),)
    abouts = {"room": About("a room"), "safety": About("safety", goals), "dual": About("dual", goals)}
    safety, dual = verdicts([plain, copied, renamed], abouts)
    assert (safety.measured, dual.measured) == (-0.5, -3)


def test_what_is_not_measured_is_said() -> None:
    abouts = {"room": About("a room", (Goal("median SDR", 3, method="kamir"),)), "hall": About("a hall")}
    (verdict,) = verdicts([a_line("a", "demix", 9)], abouts)
    assert (verdict.items, verdict.reached) == (0, "not measured")
