"""Grouping, the bleed matrix and what is removed from where, in a browser."""

import re

import numpy as np
import pytest

from browser import WAIT, begin, choose, drop, measured, slide, tab, until
from page import bled_band, wav

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
expect.set_options(timeout=WAIT)  # a slow machine is no failure


def files(page):
    return page.locator(".input strong").all_text_contents()


@pytest.fixture(scope="module")
def gig(tmp_path_factory):
    return bled_band(tmp_path_factory.mktemp("matrix") / "gig")


@pytest.fixture(scope="module")
def result(browser, served, gig):
    """The address of a finished run."""
    with tab(browser, served[0]) as page:
        drop(page, *sorted(gig.iterdir()))
        page.locator(".heat").wait_for()
        # the matrix is there before any run; room microphones take no rows
        assert page.locator(".heat tbody th").all_text_contents() == ["bass", "drums", "guitar", "singer"]
        page.get_by_label("Hear drums in bass").click()
        expect(page.locator(".readout")).to_contain_text("Playing bass alone")
        expect(page.locator(".play")).to_have_text("Pause")
        page.locator(".play").click()
        choose(page, "instantaneous")
        expect(page.locator(".clean .note")).to_contain_text("Only for tracks without delays")
        begin(page)
        measured(page)
        return page.url


def test_microphones_are_grouped_by_lists_and_by_dragging_and_that_is_undone(browser, address, tmp_path):
    rng = np.random.default_rng(0)
    vox, bass = (rng.uniform(-0.3, 0.3, 12_000) for _ in range(2))
    vox[4000:] *= 0.001
    bass[:8000] *= 0.001
    for name, samples in (("a", vox + 0.1 * bass), ("b", bass + 0.1 * vox), ("c", 0.7 * bass + 0.05 * vox)):
        (tmp_path / f"{name}.wav").write_bytes(wav(samples=samples))
    with tab(browser, address) as page:
        drop(page, *sorted(tmp_path.iterdir()))
        proposal = page.locator(".proposals li").filter(has_text="b and c sound like one source.")
        proposal.get_by_role("button", name="Group them").click()
        group = page.get_by_role("group", name="Source b")
        expect(group.locator("strong").first).to_have_text("b")
        assert files(page) == ["a.wav", "b.wav", "c.wav"]
        expect(page.locator(".heat tbody tr")).to_have_count(3)  # with a column for two sources
        expect(page.locator(".heat thead th")).to_have_count(2)
        expect(page.locator(".proposals")).to_have_count(0)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".group")).to_have_count(0)
        proposal.get_by_role("button", name="Keep them apart").click()
        expect(page.locator(".heat thead th")).to_have_count(3)
        expect(page.locator(".proposals")).to_have_count(0)
        page.locator(".what", has_text="c.wav").drag_to(page.locator(".what", has_text="a.wav"))
        expect(page.get_by_role("group", name="Source a").locator(".input")).to_have_count(2)
        page.get_by_label("Group c with").select_option("")  # on its own again
        expect(page.locator(".group")).to_have_count(0)
        page.get_by_label("Group a with").select_option("c")
        expect(page.get_by_role("group", name="Source c").locator(".input")).to_have_count(2)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".group")).to_have_count(0)


def test_a_cell_plays_and_a_switch_keeps(browser, result):
    with tab(browser, result) as page:
        measured(page)
        page.get_by_label("Hear drums in singer").click()
        expect(page.locator(".readout")).to_contain_text("Playing singer alone at")
        expect(page.get_by_label("Solo singer")).to_have_attribute("aria-pressed", "true")
        assert page.locator(".strip.unheard").count() == 4
        expect(page.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".play")).to_have_text("Pause")
        page.locator(".play").click()
        slide(page, "Most bleed to remove from bass in dB", 6)
        page.get_by_text("Choose what to remove").click()
        cell = page.get_by_label("Remove drums from singer")
        cell.click()
        expect(cell).to_have_attribute("aria-pressed", "false")
        page.get_by_role("button", name="Back").click()
        page.get_by_text("Choose what to remove").click()
        expect(cell).to_have_attribute("aria-pressed", "true")
        cell.click()
        page.get_by_role("button", name="Apply the switches").click()
        expect(page.locator("#command")).to_contain_text("--reduction bass=6 --keep singer=drums")
        page.reload()
        measured(page)
        page.get_by_label("Hear drums in singer").filter(has_text="kept").wait_for()
        expect(page.get_by_label("Most bleed to remove from bass in dB")).to_have_value("6")
        expect(page.get_by_label("Most bleed to remove from drums in dB")).to_have_value("40.5")


def test_every_microphone_says_what_was_done_also_after_a_change(browser, result):
    with tab(browser, result) as page:
        said = page.locator(".strip", has_text="singer").locator(".finding")
        expect(said).to_have_text(re.compile(r"^[A-Z].*\.$"))
        was = said.text_content()
        slide(page, "Most bleed to remove from singer in dB", 0)
        expect(said).to_have_text("Unchanged.")
        page.get_by_role("button", name="Natural, 12 dB").click()
        expect(page.locator("#command")).to_contain_text("singer=12")
        expect(page.get_by_label("Most bleed to remove from drums in dB")).to_have_value("12")
        page.get_by_role("button", name="All the bleed").click()
        expect(said).to_have_text(was)
        expect(page.locator("#command")).not_to_contain_text("--reduction")


WORDS = """async () => {
  const { least, limit, switched, stays } = await import("/static/limits.js");
  const kick = [{ name: "kick", source: "kick", dB: 6 }, { name: "out", source: "kick" }];
  const vox = { name: "vox", source: "vox" };
  const pair = [{ name: "OH.L", source: "OH", dB: 3 }, { name: "OH.R", source: "OH", dB: 3 }];
  const said = least([...kick, ...pair, vox]), kept = switched({ kick: ["OH"] }, [vox], "kick", true);
  return [said, [...kick, ...pair, vox].map(({ name, source }) => limit(said, name, source) ?? "all"), kept,
    stays(kept, kick[1], "OH"), switched(kept, kick, "OH", false)];
}"""


def test_what_is_set_is_said_in_the_words_of_a_session_toml(browser, address):
    with tab(browser, address) as page:
        said, limits, kept, stays, fewer = page.evaluate(WORDS)
    assert said == {"kick": 6, "out": None, "OH": 3}
    assert limits == [6, "all", 3, 3, "all"]
    assert kept == {"kick": ["OH"], "vox": ["kick"]}
    assert stays
    assert fewer == {"vox": ["kick"]}


def test_only_a_part_is_cleaned(browser, result):
    with tab(browser, result) as page:
        page.locator(".lane").nth(1).scroll_into_view_if_needed()
        box = page.locator(".lane").nth(1).bounding_box()
        page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 20, steps=3)
        page.mouse.up()
        page.get_by_label("only the loop, 0:02").check()
        choose(page, "instantaneous")
        begin(page)
        expect(page.locator("#command")).to_contain_text(re.compile(r"--region 2(\.\d+)?-[45]"))


def test_headings_stay_in_sight(browser, address, tmp_path):
    for i in range(12):
        (tmp_path / f"microphone {i:02d}.wav").write_bytes(wav(seed=i, length=1000))
    with tab(browser, address, viewport={"width": 390, "height": 500}) as page:
        drop(page, *sorted(tmp_path.iterdir()))
        until(page, "document.querySelectorAll('.heat tbody tr').length === 12")
        place = page.locator(".matrix")
        place.scroll_into_view_if_needed()
        place.evaluate("(e) => e.scrollTo(e.scrollWidth, e.scrollHeight)")
        outer = place.bounding_box()
        column, row = (page.locator(f".heat {part} th").last.bounding_box() for part in ("thead", "tbody"))
        assert column["y"] == pytest.approx(outer["y"], abs=2)
        assert row["x"] == pytest.approx(outer["x"], abs=2)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
