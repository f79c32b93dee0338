"""The demo that comes with the package: what it holds is what its script makes, and it opens with its result."""

import re
from contextlib import closing

import numpy as np

from browser import tab, until
from debleed.io.audio import load
from debleed.job import cleaned
from debleed.web import demo
from debleed.web.sessions import Store, read
from debleed.web.work import energies, opened
from page import client


def test_the_stored_result_is_what_the_script_makes(tmp_path):
    assert sum(path.stat().st_size for path in demo.SHIPPED.rglob("*")) < 1_500_000
    step = 2.0 ** (1 - demo.BITS)
    mics = load(demo.SHIPPED / "mics")
    order = [demo.SOURCES.index(name) for name in mics.names]
    np.testing.assert_allclose(mics.read(), demo.recorded()[order], atol=0.6 * step)

    (tmp_path / "sessions").mkdir()
    store = Store(tmp_path)
    place = next(store.place(demo.install(store)).glob("runs/*"))
    kept = np.load(place / "after.npy")
    np.testing.assert_array_equal(kept, load(demo.SHIPPED / "clean").read())
    with closing(opened(place, read(place / "run.json"))) as ready:
        _, clean, _ = cleaned(ready)
        made = clean.read()
        figures = energies(ready.recording, clean)
    error = np.mean((made - kept) ** 2, axis=1) / np.mean(made**2, axis=1)
    assert (10 * np.log10(error) < -50).all()
    stored = read(place / "figures.json")
    for name in ("energies", "peaks"):
        np.testing.assert_allclose(stored[name], figures[name], rtol=1e-3)


def test_it_is_there_at_once_and_once(tmp_path):
    with client(tmp_path) as web:
        session = web.post("/api/demo").json()
        assert session["demo"]
        assert [unit["name"] for unit in session["units"]] == ["bass", "drums", "guitar", "singer"]
        (run,) = session["runs"]
        assert run["ready"]
        assert not run["other_grouping"]
        assert web.post("/api/demo").json()["id"] == session["id"]
        address = f"/api/sessions/{session['id']}/runs/{run['id']}"
        assert "22 dB less bleed" in web.get(address).json()["sentences"]["singer"]
        web.delete(address)
        assert web.post("/api/demo").json()["id"] != session["id"]


def test_a_newcomer_hears_it_with_two_clicks(browser, address):
    with tab(browser, address, viewport={"width": 390, "height": 800}) as page:
        page.get_by_role("button", name="Listen to the demo").click()
        page.get_by_role("group", name="What to listen for").get_by_role("button", name="Before").click()
        until(page, "document.querySelector('.clock').textContent > '0:03.4'")
        assert page.locator("input[name=layer]:checked").get_attribute("value") == "before"
        assert page.locator(".strip:not(.unheard) .name").text_content() == "singer"
        page.get_by_role("button", name="Everyone").click()
        assert page.locator(".strip.unheard").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        # what it takes of the disk is told, and given back
        page.locator(".brand").click()
        page.get_by_text(re.compile(r"^4\.\d MB in all")).wait_for()
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete all").click()
        page.get_by_text("MB in all").wait_for(state="detached")
        assert page.locator(".sessions").count() == 0
