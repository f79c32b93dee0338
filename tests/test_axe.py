"""axe finds nothing on any page of the server and in its dialogs, at both widths and in both themes."""

from browser import drop, tab
from page import wav


def test_nobody_is_shut_out(browser, address, axe, tmp_path):
    (tmp_path / "gig").mkdir()
    for i, name in enumerate(("kick", "vox", "OH")):
        (tmp_path / "gig" / f"{name}.wav").write_bytes(wav(seed=i, length=9000, channels=1 + (name == "OH")))
    with tab(browser, address, reduced_motion="reduce") as page:

        def violations():
            found = []
            for width, theme in ((390, "dark"), (1280, "light")):
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=theme)
                found += axe(page)
            return found

        page.locator(".drop").wait_for()
        assert violations() == []
        drop(page, *sorted((tmp_path / "gig").iterdir()))
        page.locator(".strip").first.wait_for()
        page.locator(".heat").wait_for()
        assert violations() == []
        page.get_by_role("button", name="Shortcuts").click()
        assert violations() == []
        page.get_by_role("button", name="Close").click()

        page.locator(".brand").click()
        page.get_by_role("button", name="Listen to the demo").click()
        page.locator(".tour").wait_for()
        page.locator(".heat").wait_for()
        page.evaluate("document.querySelectorAll('main details').forEach((details) => { details.open = true; })")
        assert violations() == []
        page.get_by_role("button", name="Blind test").click()
        assert violations() == []
