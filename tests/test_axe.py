"""axe finds nothing on any page of the server, in its dialogs and in the report, at both widths and in both themes."""

from pathlib import Path

import pytest

from browser import drop, tab, until
from page import wav

AXE = Path(__file__).resolve().parents[1] / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def axe():
    if not AXE.is_file():
        pytest.skip("axe-core is not installed; run 'npm ci'")
    return AXE.read_text("utf-8")


def found(page, axe):
    """What axe finds: rule, impact and place of each violation."""
    page.evaluate(axe)
    told = page.evaluate("axe.run()")
    assert len(told["passes"]) > 10
    return [(one["id"], one["impact"], node["target"]) for one in told["violations"] for node in one["nodes"]]


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_nobody_is_shut_out(browser, address, axe, tmp_path, width, theme):
    (tmp_path / "gig").mkdir()
    for i, name in enumerate(("kick", "vox", "OH")):
        (tmp_path / "gig" / f"{name}.wav").write_bytes(wav(seed=i, length=9000, channels=1 + (name == "OH")))
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": theme, "reduced_motion": "reduce"}
    with tab(browser, address, **options) as page:
        page.locator(".drop").wait_for()
        assert found(page, axe) == []
        drop(page, *sorted((tmp_path / "gig").iterdir()))
        until(page, "document.querySelectorAll('.input').length === 3")
        page.locator(".strip").first.wait_for()
        assert found(page, axe) == []
        page.get_by_role("button", name="Shortcuts").click()
        assert found(page, axe) == []
        page.get_by_role("button", name="Close").click()

        page.locator(".brand").click()
        page.get_by_role("button", name="Listen to the demo").click()
        page.locator(".tour").wait_for()
        page.locator(".heat").wait_for()
        page.evaluate("document.querySelectorAll('main details').forEach((details) => { details.open = true; })")
        assert found(page, axe) == []
        page.get_by_role("button", name="Blind test").click()
        assert found(page, axe) == []
        page.keyboard.press("Escape")
        with page.expect_download() as download:
            page.get_by_role("button", name="Report", exact=True).click()
        assert download.value.suggested_filename == "demo band, demix.html"
        report = tmp_path / "report.html"
        download.value.save_as(report)
    with tab(browser, report.as_uri(), **options) as page:
        assert found(page, axe) == []
