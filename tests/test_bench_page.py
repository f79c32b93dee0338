import math
from html.parser import HTMLParser

from debleed.bench.goals import About, Goal
from debleed.bench.page import box_plot, page, text_files
from results import a_line


def test_box_plot_tells_what_it_cannot_show() -> None:
    drawn = box_plot({"a<b": [1.0, 2.0, math.inf], "c": [-5.0]})
    assert "a&lt;b (1 exact or silent)" in drawn
    assert drawn.count("<circle") == 3
    assert box_plot({"a": [math.nan]}) == ""


def test_the_page_holds_overview_goals_and_reasons() -> None:
    lines = [a_line("a", "demix", 5), {**a_line("a", "t-unet", 0), "refused": "takes <four> sources"}]
    del lines[1]["scores"]
    text = page(lines, {"room": About("a room & more", (Goal("median SDR", 4),))})
    HTMLParser().feed(text)
    assert "Overview" in text
    assert "a room &amp; more" in text
    assert "takes &lt;four&gt; sources" in text
    assert set(text_files(lines)) == {"founding.md", "scores.csv", "report.html"}
