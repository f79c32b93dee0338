"""The report in a browser: it plays, and its keys, buttons and pictures do what they say."""

import numpy as np
import pytest

from browser import WAIT
from debleed import Recording
from debleed.report import page as report

STATE = """() => ({
  layer: document.body.dataset.layer,
  at: Number(document.querySelector('.seek').value),
  play: document.querySelector('.play').textContent,
  solo: [...document.querySelectorAll('.solo')].map((one) => one.getAttribute('aria-pressed') === 'true'),
  mute: [...document.querySelectorAll('.mute')].map((one) => one.getAttribute('aria-pressed') === 'true'),
})"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    rate, rng = 22050, np.random.default_rng(0)
    own = 0.1 * rng.standard_normal((3, 6 * rate)).astype(np.float32)
    before = own + 0.3 * (own.sum(axis=0) - own)
    names = ["vox", "a microphone whose name is so long that it has to be broken somewhere", "OH"]
    recordings = [Recording.from_array(z, rate, names) for z in (before, own)]
    path = tmp_path_factory.mktemp("report") / "report.html"
    report.write(path, *recordings, title="gig")
    return path


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["desk", "phone"])
def tab(browser, written, request):
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.set_default_timeout(WAIT)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or complaints.append(asked.url))
    page.goto(f"file://{written}")
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert complaints == []
    context.close()


def plays(tab):
    tab.wait_for_function("document.querySelector('.play').textContent === 'Pause'")


def test_axe_finds_nothing(tab, axe):
    assert axe(tab) == []


def test_space_plays_and_keys_choose_whatever_was_clicked(tab):
    tab.locator(".solo").nth(1).click()
    tab.keyboard.press("Space")
    plays(tab)
    tab.wait_for_function("Number(document.querySelector('.seek').value) > 0.01")
    assert tab.evaluate(STATE)["solo"] == [False, True, False]
    for key, layer in (("2", "after"), ("3", "removed"), ("1", "before"), ("r", "removed"), ("a", "after")):
        tab.keyboard.press(key)
        assert tab.evaluate(STATE)["layer"] == layer
    tab.keyboard.press("Space")
    stopped = tab.evaluate(STATE)
    assert stopped["play"] == "Play"
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(STATE)["at"] == pytest.approx(min(stopped["at"] + 2 / 6, 0.998), abs=0.01)


def test_one_microphone_after_the_other_and_all_again(tab):
    for solo in ([True, False, False], [False, True, False]):
        tab.keyboard.press("ArrowDown")
        assert tab.evaluate(STATE)["solo"] == solo
    tab.locator(".mute").nth(2).click()
    tab.keyboard.press("Escape")
    found = tab.evaluate(STATE)
    assert found["solo"] == found["mute"] == [False] * 3


def test_a_picture_chooses_its_layer_and_seeks(tab):
    wave = tab.locator(".mic").first.locator(".lane").first
    wave.click(position={"x": wave.bounding_box()["width"] / 2, "y": 10})
    assert tab.evaluate(STATE)["at"] == pytest.approx(0.5, abs=0.01)
    picture = tab.locator(".mic").first.locator("figure:visible").last
    layer = picture.get_attribute("class")
    picture.locator(".lane").click(position={"x": 1, "y": 10})
    assert tab.evaluate(STATE)["layer"] == layer
    assert tab.evaluate(STATE)["at"] < 0.02


def test_who_walks_by_keyboard_presses_what_has_the_focus(tab):
    tab.locator(".all").focus()
    tab.keyboard.press("Tab")
    tab.locator(".solo").first.focus()
    tab.keyboard.press("Space")
    assert tab.evaluate(STATE)["solo"] == [True, False, False]
    assert tab.evaluate(STATE)["play"] == "Play"


def test_what_can_be_touched_is_large_enough(tab):
    small = tab.evaluate("""() => [...document.querySelectorAll('#player :is(button, fieldset label, .seek, .level)')]
        .filter((one) => one.getBoundingClientRect().height < 44).map((one) => one.className)""")
    assert small == []


def test_the_transport_stays_in_sight(tab):
    tab.locator(".mic").last.scroll_into_view_if_needed()
    box = tab.locator(".transport").bounding_box()
    assert 0 <= box["y"] < 5
    assert box["height"] < 200
