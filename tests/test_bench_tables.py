import csv
import math

import pytest

from debleed.bench.goals import About, Goal
from debleed.bench.tables import (
    by_method,
    common,
    compared,
    csv_text,
    goals,
    least_sdri,
    markdown,
    ours,
    overview,
    quartiles,
    sections,
    unable,
    waspaa2023,
)
from debleed.methods import registered
from results import a_line


def test_rows_are_compared_on_equal_terms() -> None:
    lines = [
        a_line("a", "kamir", 1),
        a_line("b", "kamir", 3),
        a_line("c", "kamir", 9),
        a_line("a", "demix", 2),
        a_line("b", "demix", 7),
    ]
    head, rows = waspaa2023(common(lines))
    assert head == ["method", "Vocals", "Overall", "× real time", "MiB"]
    assert dict(zip(head, next(row for row in rows if row[0] == "kamir"), strict=True))["Vocals"] == "2.0"
    assert rows[0][3:] == ["10", "5"]
    assert "1 items without scores of demix are left out" in markdown(lines)


def test_order_of_methods() -> None:
    lines = [a_line("a", name, 1) for name in [*registered(), "editor"]]
    names = list(by_method(lines))
    assert names[0] == "unprocessed"
    assert names[-3:] == ["editor", "oracle-wiener", "oracle-linear"]
    assert set(names) == {*registered(), "editor"}


def test_quartiles_hold_infinities() -> None:
    assert quartiles([1, 2, math.inf, math.inf, math.nan]) == "∞ (2.0 … ∞)"
    assert quartiles([math.nan]) == "–"


def refusal(item: str, method: str, why: str) -> dict[str, object]:
    line = {**a_line(item, method, 0), "refused": why}
    del line["scores"]
    return line


def test_overview_names_what_is_missing_and_where_it_is_worst() -> None:
    lines = [a_line("a", "demix", 5), a_line("b", "demix", 3), a_line("a", "kamir", 4), refusal("b", "kamir", "no")]
    head, rows = overview(lines, {"room": About("a room")})
    row = dict(zip(head, rows[0], strict=True))
    assert (row["scene set"], row["kHz"], row["items"]) == ("a room", "8", "2")
    assert (row["demix"], row["kamir"]) == ("4.0", "4.0 (1)")
    assert (row["least SDRi"], row["where"]) == ("+3.0", "b, vocals")
    assert overview(lines, {})[1] == []


def test_least_sdri_leaves_silent_sources_out() -> None:
    assert least_sdri([a_line("a", "demix", 5), a_line("b", "demix", 3)]) == (3.0, "b, vocals")
    assert math.isnan(least_sdri([])[0])
    head, rows = ours([a_line("a", "demix", -2)])
    assert dict(zip(head, rows[0], strict=True))["where"] == "a, vocals"


def test_methods_that_did_not_run_are_told_with_the_reason() -> None:
    lines = [a_line("a", "demix", 5), refusal("a", "t-unet", "takes four"), refusal("b", "t-unet", "takes four")]
    assert unable(lines)[1] == [["t-unet", "2", "takes four"]]
    assert "| t-unet | 2 | takes four |" in markdown(lines)
    ((_, about, tables, measured),) = sections(lines)
    assert measured == lines[:1]
    assert "1 items" in about
    assert tables[-1][0] == "Methods that did not run"


def test_a_bleed_without_common_items_is_not_left_out() -> None:
    lines = [a_line("a", "demix", 5), a_line("b", "kamir", 3)]
    ((bleed, about, _, measured),) = sections(lines)
    assert (bleed, about, measured) == ("room", "No item has scores of every method.", [])


def test_goals_in_words() -> None:
    abouts = {"room": About("a room", (Goal("median SDR", 4, 6), Goal("least SDRi", 9, method="kamir")))}
    rows = goals([a_line("a", "demix", 5)], abouts)[1]
    assert rows[0] == ["a room", "demix: median SDR", "4.0", "6.0", "5.0", "1", "yes"]
    assert rows[1][4:] == ["–", "0", "not measured"]


def test_csv_has_scores_alone() -> None:
    rows = list(csv.DictReader(csv_text([a_line("a", "demix", 5), refusal("a", "t-unet", "no")]).splitlines()))
    assert {row["method"] for row in rows} == {"demix"}
    assert float(next(row["db"] for row in rows if row["measure"] == "sdri")) == pytest.approx(5)


def test_comparison_is_over_shared_items() -> None:
    _, rows = compared([a_line("a", "demix", 1), a_line("b", "demix", 1)], [a_line("a", "demix", 4)])
    assert rows == [["room", "demix", "1", "1.0", "4.0", "+3.0", "+3.0", "+3.0", "1", "0"]]
