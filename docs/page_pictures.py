"""Take the pictures of the page that the README and the docs show, from the demo session in a browser.

    python docs/page_pictures.py

Needs Chromium and Playwright, as the tests of the page do.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SHOWN = 3
"""The microphone that is shown: the singer's."""

COLOURS = 64
"""Of a PNG's palette."""

PARTS = {
    "page-tour.png": ".tour",
    "page-strip.png": f".strip >> nth={SHOWN}",
    "page-spectrograms.png": ".shots",
    "page-take.png": ".take",
}
"""Picture → the part of the page that it shows."""

SETTLED = 1500
"""Milliseconds until waveforms and spectrograms are drawn."""


def save(taken: bytes, name: str) -> None:
    """Write a picture with a palette, which makes it small."""
    picture = Image.open(io.BytesIO(taken)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(HERE / name, optimize=True)
    print(f"{name}: {(HERE / name).stat().st_size / 1000:.0f} kB")


def take(page: Page) -> None:
    """Open the demo and take all pictures."""
    page.get_by_role("button", name="Listen to the demo").click()
    page.locator(".tour").wait_for()
    page.locator(".strip").nth(SHOWN).focus()  # and its spectrograms are shown
    for name, part in PARTS.items():
        place = page.locator(part).first
        place.scroll_into_view_if_needed()
        page.wait_for_timeout(SETTLED)
        save(place.screenshot(), name)
    page.evaluate("document.getElementById('listen-title').scrollIntoView()")
    page.wait_for_timeout(SETTLED)
    save(page.screenshot(), "page.png")


def main() -> None:
    """Serve the page from an empty folder, and take its pictures."""
    code = "from debleed.cli import main; main()"
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        command = [sys.executable, "-c", code, "serve", "--no-browser", "--port", "0", "--data", data]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            address = process.stdout.readline().split()[-1]
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1100, "height": 900}, color_scheme="light")
            page.goto(address)
            take(page)
            browser.close()
            process.terminate()


if __name__ == "__main__":
    main()
