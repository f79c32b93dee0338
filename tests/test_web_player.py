"""A result in a browser: playing, levels, views, drawings, fingers, the blind test, the bleed matrix, and grouping."""

import re

import numpy as np
import pytest

from browser import WAIT, begin, choose, drop, measured, slide, tab, until
from page import bled_band, wav

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
expect.set_options(timeout=WAIT)  # a slow machine is no failure

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def result(browser, served, tmp_path_factory):
    """The address of a finished run with a stereo pair, found once."""
    address = served[0]
    gig = bled_band(tmp_path_factory.mktemp("player") / "gig")
    with tab(browser, address) as page:
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


@pytest.fixture(scope="module")
def opened(browser, result):
    with tab(browser, result, viewport=WIDE) as found:
        yield found


@pytest.fixture
def page(opened, result):
    """The result as if it were opened anew."""
    opened.goto("about:blank")
    opened.goto(result)
    opened.locator(".strip").first.wait_for()
    return opened


def position(page):
    minutes, seconds = page.locator(".clock").text_content().split(" / ")[0].split(":")
    return 60 * int(minutes) + float(seconds)


def playing(page):
    return page.locator(".play").text_content() == "Pause"


def test_arrows_seek_whatever_was_clicked(page):
    at = position(page)
    clicks = [
        page.locator("fieldset label").first,  # Before
        page.get_by_label("match levels"),
        page.get_by_label("Solo bass"),
        page.get_by_label("Pan of bass"),
        page.get_by_text("Choose what to remove"),
        page.locator(".take summary"),
    ]
    for place in clicks:
        place.click()
        page.keyboard.press("Shift+ArrowRight")
        assert position(page) == pytest.approx(at + 1, abs=0.11), place
        at = position(page)
    assert page.locator("input[name=layer]:checked").get_attribute("value") == "before"
    page.keyboard.press("Shift+ArrowLeft")
    assert position(page) == pytest.approx(at - 1, abs=0.11)


def test_space_plays_whatever_was_clicked(page):
    for place in (page.get_by_label("Solo bass"), page.get_by_label("match levels"), page.locator(".take summary")):
        place.click()
        state = place.evaluate("e => [e.ariaPressed, e.checked, e.parentElement.open]")
        was = playing(page)
        page.keyboard.press(" ")
        assert playing(page) != was
        assert place.evaluate("e => [e.ariaPressed, e.checked, e.parentElement.open]") == state
    if playing(page):
        page.keyboard.press(" ")


def test_who_moves_with_tab_has_a_controls_own_keys(page):
    page.get_by_label("Solo bass").focus()
    page.keyboard.press("Tab")  # to the mute button of the same strip
    page.keyboard.press(" ")
    expect(page.get_by_label("Mute bass")).to_have_attribute("aria-pressed", "true")
    assert not playing(page)
    page.keyboard.press(" ")


def test_removed_sounds_at_its_true_level_and_matching_says_its_gain(page):
    gain = page.locator(".matched")
    page.locator("fieldset label", has_text="After").click()
    expect(page.get_by_label("match levels")).to_be_checked()
    expect(gain).to_have_text(re.compile(r"^\+\d+\.\d dB$"))
    page.locator("fieldset label", has_text="Removed").click()
    expect(page.get_by_label("match levels")).not_to_be_checked()
    expect(gain).to_have_text("")
    page.get_by_label("match levels").check()
    expect(gain).to_have_text(re.compile(r"^\+\d+\.\d dB$"))
    page.locator("fieldset label", has_text="After").click()
    page.get_by_label("match levels").uncheck()
    expect(gain).to_have_text("")


PANNED = """async (pan) => {
  const { Bus } = await import("/static/bus.js");
  const context = new OfflineAudioContext(2, 100, 8000), merger = new ChannelMergerNode(context, { numberOfInputs: 2 });
  merger.connect(context.destination);
  const source = new ConstantSourceNode(context, { offset: 0.5 });
  source.connect(new Bus(context, merger, pan).input);
  source.start();
  const rendered = await context.startRendering();
  return [rendered.getChannelData(0)[50], rendered.getChannelData(1)[50]];
}"""


def test_pan_fades_the_other_side_only(page):
    sides = {0: [0.5, 0.5], -1: [0.5, 0], 1: [0, 0.5], 0.5: [0.25, 0.5], -0.5: [0.5, 0.25]}
    for pan, heard in sides.items():
        assert page.evaluate(PANNED, pan) == pytest.approx(heard, abs=1e-6)


PAIRED = """async (names) => {
  const { paired, nameOf, usualPans } = await import("/static/pairs.js");
  const none = names.map(() => null);
  return [paired(names, none).map((pair) => nameOf(pair, names)), usualPans(names, none)];
}"""


def test_stereo_pairs_are_one_strip_and_start_at_their_sides(page):
    assert page.locator(".strip").count() == 5
    assert page.locator(".strip", has_text="OH").locator("canvas.wave").count() == 2
    assert page.get_by_label("Balance of OH").input_value() == "0"
    slide(page, "Balance of OH", -0.5)
    expect(page.locator(".strip", has_text="OH").get_by_text("L 50")).to_be_visible()
    slide(page, "Balance of OH", 0)
    slide(page, "Pan of bass", 0.5)
    expect(page.locator(".strip", has_text="bass").get_by_text("R 50")).to_be_visible()
    names = ["OH.R", "guitar", "OH.L", "Keys_right", "ohL", "keys_left", "vocal", "R", "L"]
    assert page.evaluate(PAIRED, names) == [
        ["OH", "guitar", "keys", "ohL", "vocal", "R", "L"],
        [1, 0, -1, 1, 0, -1, 0, 0, 0],
    ]


def test_meters_move_while_it_plays_and_keep_the_highest_level(page):
    page.locator(".play").click()
    hold = page.get_by_role("button", name="Highest level of bass")
    expect(hold).to_have_text(re.compile(r"dB$"), timeout=30_000)
    mix = page.get_by_role("button", name="Highest level of the mix, left")
    expect(mix).to_have_text(re.compile(r"dB$"), timeout=30_000)
    page.locator(".play").click()
    kept = hold.text_content()
    page.wait_for_timeout(300)
    assert hold.text_content() == kept
    hold.click()
    expect(hold).to_have_text("–")


def marks(page):
    return page.locator(".marks span").all_text_contents()


def test_the_wheel_zooms_and_a_drag_loops_or_moves_along(page):
    box = page.locator(".lane").first.bounding_box()
    ruler = page.locator(".marks").bounding_box()
    whole = marks(page)
    page.mouse.move(ruler["x"] + ruler["width"] / 2, ruler["y"] + 5)
    page.mouse.wheel(0, -700)
    until(page, f"document.querySelectorAll('.marks span')[0].textContent !== '{whole[0]}'")
    zoomed = marks(page)
    page.mouse.down()  # on the ruler, a drag moves along
    page.mouse.move(ruler["x"] + ruler["width"] / 2 + 200, ruler["y"] + 5, steps=4)
    page.mouse.up()
    assert marks(page) != zoomed
    assert page.get_by_role("button", name="Loop").get_attribute("aria-pressed") == "false"
    scrolled = page.evaluate("scrollY")
    page.mouse.move(box["x"] + 100, box["y"] + 20)
    page.keyboard.down("Control")
    page.mouse.wheel(0, 3000)
    page.keyboard.up("Control")
    assert marks(page) == whole
    assert page.evaluate("scrollY") == scrolled
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 20, steps=4)
    page.mouse.up()
    expect(page.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "true")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    assert position(page) == pytest.approx(5, abs=0.2)


def test_the_playhead_stays_in_sight(page):
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()
    for key in ("ArrowRight", "Home"):
        page.keyboard.press(key)
        head, lane = page.locator(".strip .head").first.bounding_box(), page.locator(".lane").first.bounding_box()
        assert lane["x"] - 2 <= head["x"] <= lane["x"] + lane["width"]


INK = """(mic) => {
  const canvas = document.querySelectorAll(".strip .wave")[mic];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return ["--wave", "--ghost"].map((color) => {
    const hex = getComputedStyle(canvas).getPropertyValue(color).trim().match(/[0-9a-f]{2}/g);
    const [r, g, b] = hex.map((x) => parseInt(x, 16));
    let count = 0, edge = 0;
    for (let k = 0; k < data.length; k += 4) {
      if (data[k + 3] === 255 && data[k] === r && data[k + 1] === g && data[k + 2] === b) {
        count++;
        const y = Math.floor(k / 4 / canvas.width);
        if (y === 0 || y === canvas.height - 1) edge++;
      }
    }
    return [count, edge];
  });
}"""


def ink(page, wanted):
    """Count the pixels of a waveform and of the one behind it, and those at the edges, once they are as wanted."""
    until(page, f"(([[wave], [behind]]) => {wanted})(({INK})(2))")
    return page.evaluate(INK, 2)


def test_waveforms_follow_the_reduction_and_are_not_clipped(page):
    page.locator("fieldset label", has_text="After").click()
    source = page.locator(".strip").nth(1).locator("input[aria-label^='Most bleed']").get_attribute("aria-label")
    (clean, edge), _ = ink(page, "wave > 500 && behind > 0")  # before stands out behind it
    assert edge == 0
    slide(page, source, 0)
    (whole, edge), _ = ink(page, "wave > 500 && behind === 0")  # nothing is removed: before is covered
    assert whole > clean
    assert edge == 0
    slide(page, source, 40.5)


def test_waveforms_follow_the_theme_of_the_system(page):
    page.locator("fieldset label", has_text="After").click()
    ink(page, "wave > 500")
    page.emulate_media(color_scheme="dark")
    ink(page, "wave > 500")
    page.emulate_media(color_scheme="light")


SMALL = """() => {
  const all = "button, select, input, summary, a.brand, fieldset label, label.check, .runs label";
  const inside = "input[type=radio], input[type=checkbox]"; // hit by their labels
  const low = ({ width, height }) => width > 0 && height < 43.9;
  const small = (e, box) => low(box) || (e.tagName === "BUTTON" && box.width > 0 && box.width < 43.9);
  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".hidden") && !e.matches(inside);
  const found = [...document.querySelectorAll(all)].filter((e) => shown(e) && small(e, e.getBoundingClientRect()));
  return found.map((e) => e.outerHTML.slice(0, 90));
}"""


def test_on_a_phone_fingers_hit_everything_and_the_transport_stays_in_sight(browser, result):
    with tab(browser, result, viewport=PHONE, has_touch=True) as page:
        page.locator(".strip").first.wait_for()
        page.locator(".inputs > summary").click()
        assert page.evaluate(SMALL) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for top in (0, 900, 100_000):
            page.evaluate(f"scrollTo(0, {top})")
            for place in (page.locator(".play"), page.locator(".core .seek"), page.locator(".core fieldset")):
                box = place.bounding_box()
                assert box["y"] >= 0
                assert box["y"] + box["height"] <= 800


def test_times_have_hours_and_are_rounded_once(page):
    times = "[time(5), time(842), time(3723), time(59.97, 1), time(75.2, 1)]"
    shown = page.evaluate(f"async () => {{ const {{ time }} = await import('/static/dom.js'); return {times}; }}")
    assert shown == ["0:05", "14:02", "1:02:03", "1:00.0", "1:15.2"]


def test_a_blind_test_tells_nothing_and_counts(page):
    assert page.evaluate("async () => (await import('/static/abx.js')).chance(9, 10)") == pytest.approx(11 / 1024)
    assert page.evaluate("async () => (await import('/static/abx.js')).chance(0, 7)") == pytest.approx(1)
    page.locator("fieldset label", has_text="Removed").click()
    page.evaluate("() => { let n = 0; Math.random = () => (n++ % 2 ? 0.9 : 0.1); }")  # X is A, B, A, B …
    page.get_by_role("button", name="Blind test").click()
    test = page.get_by_role("dialog", name="Blind test")
    for k in range(10):
        test.get_by_role("button", name=f"X is {'AB'[k % 2]}").click()
        expect(test.get_by_text("Right.", exact=True)).to_be_visible()
    expect(test.get_by_text("10 of 10 right. Guessing alone would do as well")).to_contain_text("less than 0.1 %")
    page.keyboard.press("2")  # X is A again
    expect(test.get_by_text("Wrong: X was A.")).to_be_visible()
    expect(test.get_by_text("10 of 11 right")).to_be_visible()
    ground = page.evaluate("getComputedStyle(document.querySelector('dialog.abx'), '::backdrop').backgroundColor")
    assert "/" not in ground
    assert "rgba" not in ground
    page.keyboard.press("Escape")
    expect(page.locator("dialog.abx")).to_have_count(0)
    assert page.locator("input[name=layer]:checked").get_attribute("value") == "removed"
    expect(page.get_by_label("match levels")).not_to_be_checked()


def test_a_cell_plays_and_a_switch_keeps(page):
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
    expect(cell).to_contain_text("to keep")  # what is heard does not follow the switch yet, and the cell says so
    expect(page.locator(".readout")).to_contain_text("It will be kept.")
    page.locator(".pending").get_by_role("button", name="Undo").click()
    page.get_by_text("Choose what to remove").click()
    expect(cell).to_have_attribute("aria-pressed", "true")
    cell.click()
    page.get_by_role("button", name="Apply the switches").click()
    expect(page.locator("#command")).to_contain_text("--reduction bass=6 --keep singer=drums")
    took = "Bleed removed: at most 6.0 dB from bass; all of it from the other sources. Bleed kept: drums in singer."
    expect(page.locator(".take")).to_contain_text(took)
    page.reload()
    measured(page)
    page.get_by_label("Hear drums in singer").filter(has_text="kept").wait_for()
    expect(page.get_by_label("Most bleed to remove from bass in dB")).to_have_value("6")
    expect(page.get_by_label("Most bleed to remove from drums in dB")).to_have_value("40.5")
    page.get_by_text("Choose what to remove").click()
    page.get_by_label("Remove drums from singer").click()
    expect(page.get_by_label("Remove drums from singer")).to_contain_text("to remove")


def test_a_preset_that_overruled_what_was_set_can_be_undone(page):
    page.get_by_role("button", name="All the bleed").click()
    expect(page.locator("#command")).not_to_contain_text("--reduction")
    page.reload()
    bass, drums = (page.get_by_label(f"Most bleed to remove from {name} in dB") for name in ("bass", "drums"))
    measured(page)
    assert page.get_by_role("button", name="Undo").count() == 0
    bass.fill("6")  # as a hand does, with its change event
    page.get_by_role("button", name="Natural, 12 dB").click()
    expect(bass).to_have_value("12")
    page.locator(".presets").get_by_role("button", name="Undo").click()
    expect(bass).to_have_value("6")
    expect(drums).to_have_value("40.5")
    expect(page.locator("#command")).to_contain_text("--reduction bass=6")
    page.locator(".presets").get_by_role("button", name="Undo").click()
    expect(bass).to_have_value("40.5")
    assert page.locator(".presets").get_by_role("button", name="Undo").count() == 0
    expect(page.locator("#command")).not_to_contain_text("--reduction")


def test_every_microphone_says_what_was_done_also_after_a_change(page):
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


def test_only_a_part_is_cleaned(page):
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


def test_headings_of_the_matrix_stay_in_sight(page):
    measured(page)
    place = page.locator(".matrix")
    place.scroll_into_view_if_needed()
    place.evaluate("(e) => { Object.assign(e.style, { width: '10rem', height: '6rem' }); e.scrollTo(999, 999); }")
    assert all(moved > 20 for moved in place.evaluate("(e) => [e.scrollLeft, e.scrollTop]"))
    outer = place.bounding_box()
    column, row = (page.locator(f".heat {part} th").last.bounding_box() for part in ("thead", "tbody"))
    assert column["y"] == pytest.approx(outer["y"], abs=2)
    assert row["x"] == pytest.approx(outer["x"], abs=2)


WORDS = """async () => {
  const { least, limit, switched, stays } = await import("/static/limits.js");
  const kick = [{ name: "kick", source: "kick", dB: 6 }, { name: "out", source: "kick" }];
  const vox = { name: "vox", source: "vox" };
  const pair = [{ name: "OH.L", source: "OH", dB: 3 }, { name: "OH.R", source: "OH", dB: 3 }];
  const said = least([...kick, ...pair, vox]), kept = switched({ kick: ["OH"] }, [vox], "kick", true);
  return [said, [...kick, ...pair, vox].map(({ name, source }) => limit(said, name, source) ?? "all"), kept,
    stays(kept, kick[1], "OH"), switched(kept, kick, "OH", false)];
}"""


def test_what_is_set_is_said_in_the_words_of_a_session_toml(page):
    said, limits, kept, stays, fewer = page.evaluate(WORDS)
    assert said == {"kick": 6, "out": None, "OH": 3}
    assert limits == [6, "all", 3, 3, "all"]
    assert kept == {"kick": ["OH"], "vox": ["kick"]}
    assert stays
    assert fewer == {"vox": ["kick"]}


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
        assert page.locator(".input strong").all_text_contents() == ["a.wav", "b.wav", "c.wav"]
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
