"""Runs in a browser: progress from the first second, previews, servers that stop, two tabs, and small faults."""

import contextlib
import re
import subprocess
import sys
import time
from itertools import pairwise

import pytest

from browser import WAIT, begin, choose, drop, measured, tab, until
from page import bled_band, wav

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def folder(place, mics=3, seconds=4.0, **form):
    place.mkdir(parents=True)
    for i in range(mics):
        (place / f"mic{i}.wav").write_bytes(wav(seed=i, length=int(seconds * 8000), **form))
    return sorted(place.iterdir())


def ready(page, count):
    until(page, f"document.querySelectorAll('.input').length === {count}")


def test_a_run_shows_itself_and_a_double_click_queues_one(browser, address, tmp_path):
    with tab(browser, address) as page:
        drop(page, *folder(tmp_path / "gig", 6, 60))
        ready(page, 6)
        page.get_by_role("button", name="Remove the bleed").dblclick()
        page.locator(".runs.now progress").first.wait_for(timeout=2000)
        expect(page.locator(".clean button.main")).to_have_text(re.compile(r"Removing … \d+ %"), timeout=WAIT)
        assert re.match(r"\d+ % · ", page.title())
        page.wait_for_timeout(1500)
        expect(page.locator(".runs.now li")).to_have_count(1)
        shares = []
        for _ in range(10):
            shares.append(page.locator(".runs.now progress").get_attribute("value"))
            page.wait_for_timeout(300)
        assert [float(share) for share in shares] == sorted(float(share) for share in shares)
        assert float(shares[-1]) > float(shares[0])  # it moves even while a stage reports nothing
        # another tab shows the same
        with tab(browser, page.url) as other:
            expect(other.locator(".runs.now li")).to_have_count(1)
            other.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_text("cancelled").wait_for()
        expect(page.get_by_role("button", name="Remove the bleed")).to_be_enabled()
        assert "%" not in page.title()


def test_the_page_goes_to_the_result_and_marks_what_belongs_to_another_grouping(browser, address, tmp_path):
    with tab(browser, address) as page:
        drop(page, *folder(tmp_path / "gig", 4))
        ready(page, 4)
        choose(page, "unprocessed")
        begin(page)
        page.locator(".said.shown").filter(has_text="the result is ready").wait_for()
        until(page, "document.activeElement.id === 'listen-title'")
        measured(page)
        until(page, "Math.abs(document.querySelector('#listen-title').getBoundingClientRect().top) < 200")
        page.get_by_text("Nothing is removed: the files are written as they are.").wait_for()
        page.get_by_text("It expects a folder").wait_for()
        assert page.get_by_text("another grouping").count() == 0
        page.get_by_label("Role of mic3").select_option("room")
        page.get_by_text("This result belongs to another grouping").wait_for()
        expect(page.locator(".badge")).to_have_text("another grouping")
        page.get_by_label("Role of mic3").select_option("source")
        expect(page.locator(".badge")).to_have_count(0)
        assert page.get_by_text("This result belongs to another grouping").count() == 0


def test_a_preview_comes_before_the_whole(browser, address, tmp_path):
    gig = bled_band(tmp_path / "gig", seconds=30)
    with tab(browser, address) as page:
        drop(page, *sorted(gig.iterdir()))
        ready(page, 5)
        choose(page, "kamir")
        page.get_by_role("button", name="Preview 10 s").click()
        page.get_by_role("heading", name="Listen to the preview").wait_for()
        measured(page)
        assert page.locator(".clock").text_content().endswith("/ 0:10")
        assert page.get_by_role("button", name="Download all").count() == 0
        page.get_by_text("Remove the bleed from the whole recording to download it.").wait_for()
        page.locator(".play").click()
        until(page, "document.querySelector('.clock').textContent > '0:00.4'")
        page.locator(".play").click()
        begin(page)
        page.get_by_role("heading", name="Listen", exact=True).wait_for()
        page.get_by_role("button", name="Download all").wait_for()
        assert page.locator(".clock").text_content().endswith("/ 0:30")


@contextlib.contextmanager
def server(data, port=0):
    code = "from debleed.cli import main; main()"
    arguments = ["serve", "--no-browser", "--port", str(port), "--data", str(data)]
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().split()[-1]
        process.kill()


def test_a_server_that_is_stopped_and_started_again_in_mid_run(browser, tmp_path):
    with server(tmp_path / "data") as address:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.goto(address)
        drop(page, *folder(tmp_path / "gig", 6, 60))
        ready(page, 6)
        begin(page)
        page.locator(".runs.now progress").wait_for()
        time.sleep(1)
    page.get_by_text("The server does not respond.").wait_for()
    with server(tmp_path / "data", address.rstrip("/").rsplit(":", 1)[1]):
        page.get_by_text("the server was stopped during this run; run it again").wait_for()
        expect(page.get_by_text("The server does not respond.")).to_have_count(0)
        expect(page.locator(".runs.now li")).to_have_count(0)
        expect(page.get_by_role("button", name="Remove the bleed")).to_be_enabled()
        context.close()


def test_audio_in_subfolders_is_found_and_the_rest_is_said_once(browser, address, tmp_path):
    folder(tmp_path / "Tour" / "Audio Files", 3)
    for k in range(5):
        (tmp_path / "Tour" / f"Tour{k}.ptx").write_bytes(b"x")
    with tab(browser, address) as page:
        page.locator("#choose-folder").set_input_files(str(tmp_path / "Tour"))
        ready(page, 3)
        expect(page.locator("h1")).to_have_text("Tour")
        line = page.locator(".uploads li")
        expect(line).to_have_count(1)
        expect(line).to_contain_text("'Tour0.ptx', 'Tour1.ptx', 'Tour2.ptx' and 2 more")
        line.get_by_role("button", name="Dismiss").click()
        expect(line).to_have_count(0)


def test_what_holds_no_audio_makes_no_session(browser, address, tmp_path):
    (tmp_path / "Tour.ptx").write_bytes(b"x")
    with tab(browser, address) as page:
        drop(page, tmp_path / "Tour.ptx")
        page.locator(".said.wrong.shown").filter(has_text="there is no audio in 'Tour'").wait_for()
        assert page.url.rstrip("/#") == address.rstrip("/")
        # and a later success takes the red sentence away
        drop(page, *folder(tmp_path / "gig", 2))
        ready(page, 2)
        assert page.locator(".said.wrong.shown").count() == 0
        # each microphone is drawn twice, in the list and in the player, from the same numbers
        drawn = "(c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v)"
        page.locator(".strip").nth(1).scroll_into_view_if_needed()
        until(page, f"[...document.querySelectorAll('canvas.wave')].filter({drawn}).length === 4")


def test_uploads_can_be_cancelled_and_files_deleted(browser, address, tmp_path):
    large = tmp_path / "large.wav"
    large.write_bytes(wav(length=2_000_000))
    with tab(browser, address) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        page.context.new_cdp_session(page).send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000},
        )
        drop(page, large)
        until(page, "document.querySelector('.uploads')?.textContent.includes(' of ')")
        page.get_by_role("button", name="Cancel the upload of large.wav").click()
        expect(page.locator(".uploads li")).to_have_count(0)
        page.wait_for_timeout(500)
        assert page.locator(".input").count() == 0
        assert page.locator("[role=alert]").filter(has_text="large").count() == 0
    with tab(browser, address) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        many = tmp_path / "poly.wav"
        many.write_bytes(wav(channels=3))
        drop(page, many)
        ready(page, 3)
        page.get_by_role("button", name="Remove poly.wav").click()
        page.get_by_role("button", name="Choose files").wait_for()
        assert page.locator(".input").count() == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_long_names_leave_the_controls_in_sight(browser, address, tmp_path, width):
    for i in range(3):
        stem = f"2026-07-14_Festival_Main_Stage_Take_{i}_" + "Kick_Drum_Inside_" * 6
        (tmp_path / f"{stem}{i}.wav").write_bytes(wav(seed=i, length=30_000))
    with tab(browser, address, viewport={"width": width, "height": 900}) as page:
        drop(page, *sorted(tmp_path.glob("*.wav")))
        ready(page, 3)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        choose(page, "unprocessed")
        begin(page)
        measured(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # what a recorder writes in front of every name is left out where room is short, so that they can be told apart
        for place in (".strip .name", ".heat thead th", ".heat tbody th"):
            assert [text[2:4] for text in page.locator(place).all_text_contents()] == ["0_", "1_", "2_"]
        times = page.locator(".marks span").evaluate_all("(all) => all.map((e) => e.getBoundingClientRect().toJSON())")
        ruler = page.locator(".marks").bounding_box()
        assert all(one["right"] <= other["left"] for one, other in pairwise(times))
        assert times[-1]["right"] <= ruler["x"] + ruler["width"]
        for control in page.locator(".strip .controls :is(button, select, input)").all():
            box = control.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


def test_on_a_phone_sentences_have_the_width_and_dialogs_their_button(browser, address, tmp_path):
    (tmp_path / "Tour.ptx").write_bytes(b"x")
    with tab(browser, address, viewport={"width": 390, "height": 844}) as page:
        drop(page, tmp_path / "Tour.ptx")
        said = page.locator(".said.shown")
        expect(said).to_have_text(
            "There is no audio in 'Tour'; drop the files of the microphones, or the folder that holds them."
        )
        assert said.bounding_box()["width"] > 300
        page.get_by_role("button", name="Shortcuts").click()
        close = page.get_by_role("button", name="Close").bounding_box()
        assert close["y"] + close["height"] < 844


def test_files_on_their_way_stand_in_line(browser, address, tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(length=2_000_000))
    (tmp_path / "a longer name.wav").write_bytes(wav(length=2_000_000))
    (tmp_path / "bad.wav").write_bytes(b"no sound" * 99)
    with tab(browser, address) as page:
        page.context.new_cdp_session(page).send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000},
        )
        drop(page, *sorted(tmp_path.glob("a*.wav")))
        until(page, "document.querySelectorAll('.uploads progress').length === 2")
        lefts = page.locator(".uploads progress").evaluate_all(
            "(all) => all.map((e) => e.getBoundingClientRect().left)"
        )
        assert lefts[0] == lefts[1]
    with tab(browser, address) as page:
        drop(page, tmp_path / "bad.wav")
        alert = page.locator(".uploads [role=alert]")
        expect(alert).to_contain_text("'bad.wav' cannot be read as audio")
        assert alert.text_content().count("bad.wav") == 1
