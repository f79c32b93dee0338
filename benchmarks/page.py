"""How fast the page is in a browser: Chromium of the system, driven by Playwright, without a screen.

    python benchmarks/page.py SCRATCH

Writes 8 microphones of 30 s and 24 of ten minutes to SCRATCH (24 bit, 48 kHz), lets a server there work on them without
a method (9 GB in all), and writes benchmarks/PAGE.md.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import numpy as np
import soundfile as sf
from playwright.sync_api import Browser, Page, sync_playwright

RATE = 48000
PAGE = Path(__file__).with_name("PAGE.md")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
HOUR = 3_600_000
"""Longest wait in ms."""

TIMES = 5
"""Repetitions, of which the median is told."""

WATCH = """() => {
  const drawn = (canvas) => canvas.width && canvas.getContext("2d")
    .getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value);
  window.waveform = new Promise((done) => {
    document.addEventListener("change", () => {
      const start = performance.now();
      const look = () => {
        const found = [...document.querySelectorAll(".input canvas")].some(drawn);
        if (found) done(performance.now() - start); else requestAnimationFrame(look);
      };
      look();
    }, { capture: true, once: true });
  });
}"""
"""Milliseconds from the files' arrival to a waveform on the screen."""

FRAMES = """(seconds) => new Promise((done) => {
  let frames = 0, start = null;
  const count = (now) => {
    start ??= now;
    if (now - start < 1000 * seconds) { frames++; requestAnimationFrame(count); } else done(frames / seconds);
  };
  requestAnimationFrame(count);
})"""

SWEEP = """(seconds) => new Promise((done) => {
  const place = document.querySelector(".marks"), box = place.getBoundingClientRect();
  const end = performance.now() + 1000 * seconds;
  const turn = (now) => {
    const deltaY = 40 * Math.sin(now / 300);
    const at = { clientX: box.x + box.width / 2, clientY: box.y };
    place.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY, bubbles: true, cancelable: true }));
    if (now < end) requestAnimationFrame(turn); else done();
  };
  requestAnimationFrame(turn);
})"""
"""Zooms in and out with every frame."""

SENT = """async (path) => {
  const start = performance.now(), answer = await fetch(path), reader = answer.body.getReader(), found = [];
  let bytes = 0;
  for (const wanted of [1, 1e6]) {
    while (bytes < wanted) bytes += (await reader.read()).value.length;
    found.push(performance.now() - start);
  }
  await reader.cancel();
  return found;
}"""
"""Milliseconds to the first byte and to the first megabyte."""


def recorded(folder: Path, mics: int, seconds: int) -> list[Path]:
    """Write noise that comes and goes, unless it is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    level = np.abs(np.sin(np.arange(10 * RATE) * (2 * np.pi / RATE)))
    for i in range(mics):
        path = folder / f"mic{i + 1:02d}.wav"
        if not path.exists():
            rng = np.random.default_rng(i)
            with sf.SoundFile(path, "w", RATE, 1, "PCM_24") as file:
                for _ in range(seconds // 10):
                    file.write(0.2 * level * rng.uniform(-1, 1, len(level)))
    return sorted(folder.iterdir())


@contextmanager
def server(data: Path) -> Iterator[str]:
    """Serve the page and yield its address."""
    code = "from debleed.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "--no-browser", "--port", "0", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
        process.terminate()


def opened(browser: Browser, address: str) -> Page:
    """Open the page in a profile of its own."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(HOUR)
    page.goto(address)
    page.locator(".drop").wait_for()
    return page


def paint(browser: Browser, address: str) -> float:
    """Return the milliseconds to the first paint."""
    page = opened(browser, address)
    return float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))


def waveform(browser: Browser, address: str, paths: list[Path]) -> float:
    """Return the milliseconds from choosing files to the first waveform."""
    page = opened(browser, address)
    page.evaluate(WATCH)
    page.locator("#choose-files").set_input_files(paths)
    return float(page.evaluate("window.waveform"))


def demo(browser: Browser, address: str) -> float:
    """Return the milliseconds from the button to the demo's result."""
    page = opened(browser, address)
    start = time.perf_counter()
    page.get_by_role("button", name="Listen to the demo").click()
    page.locator(".tour").wait_for()
    return 1000 * (time.perf_counter() - start)


def large(browser: Browser, address: str, paths: list[Path]) -> dict[str, float]:
    """Measure a large session."""
    page = opened(browser, address)
    page.locator("#choose-files").set_input_files(paths)
    page.locator(".input").nth(len(paths) - 1).wait_for()
    page.get_by_label("Method").select_option("unprocessed")
    page.get_by_role("button", name="Remove the bleed").click()
    page.locator(".listen .strip").first.wait_for()
    page.locator("#listen-title[tabindex]").wait_for(state="attached")
    page.get_by_role("button", name="Cancel").click()  # the figures of so many microphones take long, and busy a core
    page.get_by_text("cancelled").wait_for()
    page.locator("#command").wait_for()
    page.keyboard.press(" ")
    page.wait_for_timeout(5000)
    found = {"playing": float(page.evaluate(FRAMES, 10))}
    page.evaluate(f"window.swept = ({SWEEP})(12)")
    found["zooming"] = float(page.evaluate(FRAMES, 10))
    page.keyboard.press(" ")
    _, session, run = page.url.rsplit("/", 2)
    found["byte"], found["megabyte"] = page.evaluate(SENT, f"/api/sessions/{session}/runs/{run}/zip?removed=1")
    return found


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scratch", type=Path)
    scratch = parser.parse_args().scratch
    few, many = recorded(scratch / "few", 8, 30), recorded(scratch / "many", 24, 600)
    with sync_playwright() as playwright, server(scratch / "data") as address:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        paints = [paint(browser, address) for _ in range(TIMES)]
        waves = [waveform(browser, address, few) for _ in range(TIMES)]
        demos = [demo(browser, address) for _ in range(TIMES)]
        found = large(browser, address, many)
        version = browser.version
        browser.close()
    static = files("debleed.web") / "static"
    scripts = sum(len(entry.read_bytes()) for entry in static.iterdir() if entry.name.endswith(".js"))
    rows = [
        ("first paint", "< 0.3 s", f"{np.median(paints) / 1000:.2f} s"),
        ("scripts, as they are served", "< 200 kB", f"{scripts / 1000:.0f} kB"),
        ("first waveform after 8 files of 30 s were chosen", "< 1 s", f"{np.median(waves) / 1000:.2f} s"),
        ("from the button to the demo's result", "", f"{np.median(demos) / 1000:.2f} s"),
        ("24 microphones of 10 min, playing", ">= 50 frames/s", f"{found['playing']:.0f} frames/s"),
        ("24 microphones of 10 min, playing and zooming", ">= 50 frames/s", f"{found['zooming']:.0f} frames/s"),
        ("their zip, first byte", "< 1 s", f"{found['byte'] / 1000:.2f} s"),
        ("their zip, first megabyte", "", f"{found['megabyte'] / 1000:.2f} s"),
    ]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    text = [
        "# The page in a browser",
        "",
        f"Written by `python benchmarks/page.py`; not by hand. Chromium {version} without a screen, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores ({platform.machine()}), browser and server on the same "
        f"machine. Load of the machine over 1, 5 and 15 minutes at the end: {load}. Medians of {TIMES}, but for the "
        "session of 24 microphones.",
        "",
        "| what | goal | measured |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
    PAGE.write_text("\n".join(text), "utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
