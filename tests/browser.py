"""What the tests of the page in a browser share: Chromium, a server, a tab that fails on complaints."""

import contextlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)
WAIT = 60_000  # ms; a slow machine is no failure


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as p:
        found = p.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield found
        found.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    code = "from debleed.cli import main; main()"
    arguments = ["serve", "--no-browser", "--port", "0", "--data", str(data)]
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().split()[-1], data
        process.terminate()


@pytest.fixture
def address(served):
    return served[0]


@pytest.fixture(scope="session")
def axe():
    """Tell what axe finds on a page as it stands: rule, impact and place of each violation."""
    script = Path(__file__).resolve().parents[1] / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("axe-core is not installed; run 'npm ci'")
    code = script.read_text("utf-8")

    def found(page):
        page.evaluate(code)
        told = page.evaluate("axe.run({ resultTypes: ['violations'] })")
        assert len(told["passes"]) > 10
        return [(one["id"], one["impact"], node["target"]) for one in told["violations"] for node in one["nodes"]]

    return found


@contextlib.contextmanager
def tab(browser, address, **options):
    """Open the page in a profile of its own; whatever the page or the browser complains of fails the test."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(WAIT)
    page, complaints, origin = context.new_page(), [], address.split("#")[0]
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda asked: None if asked.url.startswith((origin, "blob:")) else complaints.append(asked.url))
    page.goto(address)
    try:
        yield page
        expected = [text for text in complaints if "status of 4" not in text]  # refusals the page shows as sentences
        assert not expected
    finally:
        context.close()


def drop(page, *paths):
    page.locator("#choose-files").first.set_input_files([str(path) for path in paths])


def until(page, condition):
    """Wait until a condition holds; Playwright's own way to wait would need the page to permit ``eval``."""
    end = time.monotonic() + WAIT / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


def begin(page):
    page.get_by_role("button", name="Remove the bleed").click()


def choose(page, method):
    """Choose a method, which is among what is advanced."""
    page.locator("details.advanced").evaluate("(details) => { details.open = true; }")
    page.get_by_label("Method").select_option(method)


def measured(page):
    """Wait until the result is there with its figures; the matrix is there before any run."""
    page.locator(".levels").wait_for(state="attached")


def slide(page, name, value):
    page.get_by_label(name).evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }", value
    )
