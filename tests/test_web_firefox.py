"""The page in Firefox, a shorter way than in Chromium: files, a run, its mixer, what is taken away, a phone's width."""

import json
import shlex
import time

import pytest

from firefox import FIREFOX, firefox
from page import bled_band, commanded
from test_web_page import RENDER

pytest.importorskip("websockets", reason="websockets is not installed")
pytestmark = pytest.mark.skipif(FIREFOX is None, reason="there is no Firefox on this machine")


def test_a_shorter_way_in_firefox(served, tmp_path, monkeypatch):
    gig = bled_band(tmp_path / "gig")
    with firefox(tmp_path) as page:
        page.go(served[0])
        page.until("document.querySelector('.drop')")
        page.choose("#choose-files", *sorted(gig.iterdir()))
        page.until("document.querySelectorAll('.input').length === 5")
        page.evaluate("document.querySelector('#method').value = 'kamir'")
        page.click("button", "Remove the bleed")
        page.until("document.activeElement.id === 'listen-title'")

        # without a sound card its clock stands still, but its mixer can be listened to
        rendered = {"rate": 8000, "seconds": 5, "mics": 3, "every": 997, "loop": {"start": 8001, "end": 24003}}
        heard = json.loads(page.evaluate(f"({RENDER})({json.dumps(rendered)}).then(JSON.stringify)"))
        song = [*range(24003), *range(8001, 24003)]
        assert heard == [[[k, 1] for k, n in enumerate(song[:40000]) if n % 997 == 0]] * 3
        page.press(" ")
        page.until("document.querySelector('.play').textContent === 'Pause'")
        for key, layer in (("1", "before"), ("3", "removed"), ("2", "after")):
            page.press(key)
            assert page.evaluate("document.querySelector('input[name=layer]:checked').value") == layer
        page.press("ArrowRight")
        page.until("document.querySelector('.clock').textContent > '0:05'")
        page.click("[aria-label='Solo bass']")
        assert page.evaluate("document.querySelectorAll('.strip:not(.unheard)').length") == 1
        page.press(" ")
        assert page.evaluate("document.querySelector('.play').textContent") == "Play"
        page.evaluate(
            "{ const depth = document.querySelector('[aria-label^=\"Most bleed to remove from singer\"]');"
            " depth.value = 6; depth.dispatchEvent(new Event('input')); }"
        )
        page.until("document.querySelector('#command').textContent.includes('singer=6')")
        command = page.evaluate("document.querySelector('#command').textContent")

        page.go(page.evaluate("location.href"))  # what was set is still there
        page.until("document.querySelector('#command')?.textContent.includes('singer=6')")
        page.click(".downloads button", "singer.wav")
        saved, end = tmp_path / "downloads" / "singer.wav", time.monotonic() + 60
        while not saved.exists() or list(saved.parent.glob("*.part")):
            assert time.monotonic() < end
            time.sleep(0.1)

        page.here("browsingContext.setViewport", viewport={"width": 390, "height": 800})
        page.until("innerWidth === 390")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("document.querySelector('.core').getBoundingClientRect().bottom") <= 800
        assert page.complaints == []

    argv = shlex.split(command)
    gig.rename(tmp_path / argv[2])
    monkeypatch.chdir(tmp_path)
    assert commanded(*argv[1:]) == 0
    assert saved.read_bytes() == (tmp_path / f"{argv[2]}-clean" / "singer.wav").read_bytes()
