"""The page in a browser: the whole way, what goes wrong on it, and that all microphones sound together."""

import contextlib
import io
import re
import shlex
import zipfile
from importlib.resources import files

import numpy as np
import pytest
import soundfile as sf

from browser import begin, choose, drop, measured, slide, tab, until
from page import bled_band, commanded, wav

STATIC = files("debleed.web") / "static"


LISTEN = """() => {
  window.ramps = [];
  const ramp = AudioParam.prototype.linearRampToValueAtTime;
  AudioParam.prototype.linearRampToValueAtTime = function (value, time) {
    window.ramps.push(value);
    return ramp.call(this, value, time);
  };
}"""


def test_the_whole_way(browser, address, tmp_path, monkeypatch):
    gig = bled_band(tmp_path / "gig")
    with tab(browser, address) as page:
        page.locator(".drop").wait_for()
        assert "null" not in page.locator("main").text_content()
        drop(page, *sorted(gig.iterdir()))
        until(page, "document.querySelectorAll('.input').length === 5")
        assert page.get_by_label("Role of OH").input_value() == "room"
        assert "room microphone" in page.get_by_label("Role of OH").get_attribute("title")
        page.get_by_label("Role of bass").select_option("reference")
        until(page, "document.querySelector('[aria-label=\"Role of bass\"]').title === 'as you said'")
        assert page.get_by_label("Role of bass").input_value() == "reference"
        assert page.get_by_label("Source of bass").input_value() == "bass"
        with page.expect_response(lambda answer: answer.request.method == "PATCH"):  # it draws the rows anew
            page.get_by_label("Role of bass").select_option("source")
        until(page, "document.querySelector('[aria-label=\"Role of bass\"]').value === 'source'")
        page.get_by_label("Source of guitar").fill("strings")
        page.get_by_label("Source of guitar").press("Enter")
        until(page, "document.querySelector('#sources option[value=strings]')")
        begin(page)
        measured(page)

        # play, flip, solo
        page.keyboard.press("Escape")
        page.locator(".strip").first.focus()
        page.keyboard.press(" ")
        until(page, "document.querySelector('.clock').textContent > '0:00.4'")
        for key, layer in (("1", "before"), ("3", "removed"), ("2", "after"), ("b", "before"), ("a", "after")):
            page.keyboard.press(key)
            assert page.locator("input[name=layer]:checked").get_attribute("value") == layer
        page.keyboard.press("s")
        assert page.get_by_label("Solo OH").get_attribute("aria-pressed") == "true"  # both of the pair
        assert page.locator(".strip.unheard").count() == 4
        page.keyboard.press("s")
        page.keyboard.press("l")
        assert page.get_by_role("button", name="Loop").get_attribute("aria-pressed") == "true"
        page.keyboard.press("l")
        page.keyboard.press(" ")
        assert page.get_by_role("button", name="Play").count() == 1

        # tune, heard at once: the singer's microphone gets half of its bleed back, and take
        page.get_by_label("match levels").uncheck()
        page.evaluate(LISTEN)
        slide(page, "Most bleed to remove from singer in dB", 6)
        kept = 10 ** (-6 / 20)
        assert page.evaluate("window.ramps.slice(-2)") == pytest.approx([kept, 1 - kept])
        slide(page, "Most bleed to remove from guitar in dB", 12.5)
        until(page, "document.querySelector('#command').textContent.includes('strings=12.5')")
        page.get_by_label("include the removed signals").check()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download all").click()
        assert download.value.suggested_filename.endswith(", demix, singer 6 dB, strings 12.5 dB.zip")
        content = download.value.path().read_bytes()
        command = page.locator("#command").text_content()
        with page.expect_download() as single:
            page.get_by_role("button", name="bass.wav", exact=True).click()
        bass = single.value.path().read_bytes()
        with page.expect_download() as written:  # for the zip
            page.get_by_role("button", name="Report", exact=True).click()
        assert written.value.suggested_filename.endswith(", demix, singer 6 dB, strings 12.5 dB.html")

    monkeypatch.chdir(tmp_path)
    argv = shlex.split(command)
    title = argv[2]
    gig.rename(tmp_path / title)
    assert commanded(*argv[1:], "--keep-removed", "removed") == 0
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        names = packed.namelist()
        beside = ("report.html", "session.toml", f"{title}.rpp", f"{title}.dawproject")
        assert {f"{title}/{name}" for name in beside} < set(names)
        for kind, folder in (("clean", f"{title}-clean"), ("removed", "removed")):
            paths = list((tmp_path / folder).iterdir())
            assert len(paths) == 5
            for path in paths:
                assert packed.read(f"{title}/{kind}/{path.name}") == path.read_bytes()
    assert bass == (tmp_path / f"{title}-clean" / "bass.wav").read_bytes()


def long_session(tmp_path, seconds=60):
    folder = tmp_path / "long"
    folder.mkdir()
    for i in range(6):
        (folder / f"mic{i}.wav").write_bytes(wav(seed=i, length=seconds * 8000))
    return sorted(folder.iterdir())


def test_reload_in_the_middle_and_cancel(browser, address, tmp_path):
    with tab(browser, address) as page:
        drop(page, *long_session(tmp_path))
        until(page, "document.querySelectorAll('.input').length === 6")
        begin(page)
        page.locator(".runs progress").wait_for()
        page.reload()
        page.locator(".runs progress").wait_for()
        assert page.locator(".input").count() == 6
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text("cancelled").wait_for()
        assert page.locator(".runs progress").count() == 0
        page.reload()
        page.get_by_text("cancelled").wait_for()


def test_a_reload_in_the_middle_of_an_upload_leaves_no_half_file(browser, served, tmp_path):
    address, data = served
    large = tmp_path / "large.wav"
    large.write_bytes(wav(length=2_000_000))
    with tab(browser, address) as page:
        page.context.new_cdp_session(page).send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000},
        )
        drop(page, large)
        until(page, "document.querySelector('.uploads')?.textContent.includes(' of ')")
        page.reload()
        page.locator(".drop").wait_for()
        place = data / "sessions" / re.search("[0-9a-f]{16}", page.url)[0]
        page.wait_for_timeout(300)
        assert not list((place / "incoming").iterdir())
        assert not list((place / "files").iterdir())


def test_a_bad_file_is_told_of_and_the_good_ones_stay(browser, address, tmp_path):
    for name, content in (
        ("vox.wav", wav(seed=1)),
        ("bass.wav", wav(seed=2)),
        ("bad.wav", b"no sound" * 99),
        ("notes.txt", b"x"),
    ):
        (tmp_path / name).write_bytes(content)
    with tab(browser, address) as page:
        drop(page, *tmp_path.glob("*.*"))
        until(page, "document.querySelectorAll('.input').length === 2")
        page.get_by_role("alert").filter(has_text="'bad.wav' cannot be read as audio").wait_for()
        page.get_by_text("Not uploaded, because it is not audio in a known format: 'notes.txt'").wait_for()
        # a large file is refused before it is sent, with the reason
        twin = tmp_path / "vox.flac"
        with twin.open("wb") as file:
            file.truncate(300_000_000)
        page.locator("details.more summary").click()
        drop(page, twin)
        page.get_by_role("alert").filter(has_text="have the same stem").wait_for()
        # a setting that is none is refused with its sentence, and nothing runs
        page.get_by_text("Advanced").click()
        page.get_by_label("seconds").fill("many")
        begin(page)
        page.locator(".said.wrong").filter(has_text="setting 'seconds'").wait_for()
        assert page.locator(".runs li").count() == 0


def test_two_sessions_at_once(browser, address, tmp_path):
    pages, titles = [], ("one", "two")
    with contextlib.ExitStack() as stack:
        for k, title in enumerate(titles):
            folder = tmp_path / title
            folder.mkdir()
            for i in range(2):
                (folder / f"{title}{i}.wav").write_bytes(wav(seed=10 * k + i, length=30_000))
            page = stack.enter_context(tab(browser, address))
            drop(page, *sorted(folder.iterdir()))
            until(page, "document.querySelectorAll('.input').length === 2")
            choose(page, "unprocessed")
            pages.append(page)
        for page in pages:
            begin(page)
        for page, title in zip(pages, titles, strict=True):
            measured(page)
            assert page.locator(".strip .name").all_text_contents() == [f"{title}0", f"{title}1"]


RENDER = """async ({ rate, seconds, mics, every, loop }) => {
  const { Strip, schedule, stretch } = await import("/static/schedule.js");
  const context = new OfflineAudioContext(mics, seconds * rate, rate);
  const merger = new ChannelMergerNode(context, { numberOfInputs: mics });
  merger.connect(context.destination);
  const strips = Array.from({ length: mics }, (_, i) => new Strip(context, merger, i));
  const size = 2 * rate, length = seconds * rate;
  let from = 0, frame = 0;
  while (from !== null && frame < length) {
    const part = stretch(from, size, length, loop), count = Math.min(size, length - part.window * size);
    const data = new Float32Array(2 * mics * count);
    for (let row = 0; row < 2 * mics; row++) {
      for (let n = 0; n < count; n++) if ((part.window * size + n) % every === 0) data[row * count + n] = 1;
    }
    schedule(context, strips, { data, layers: 2, mics, count }, part.offset, part.count, frame);
    frame += part.count;
    from = part.next;
  }
  const rendered = await context.startRendering();
  return Array.from({ length: mics }, (_, i) => {
    const found = [], row = rendered.getChannelData(i);
    row.forEach((value, n) => { if (Math.abs(value) > 1e-7) found.push([n, Math.round(value * 1e6) / 1e6]); });
    return found;
  });
}"""


@pytest.mark.parametrize("rate", [44100, 48000])
def test_microphones_do_not_drift_from_each_other_nor_from_the_song(browser, address, rate):
    with tab(browser, address) as page:
        every = 4099  # a prime: clicks fall on all sorts of places in windows and blocks
        found = page.evaluate(RENDER, {"rate": rate, "seconds": 60, "mics": 4, "every": every, "loop": None})
    wanted = [[n, 1] for n in range(0, 60 * rate, every)]
    for clicks in found:
        assert clicks == wanted  # to the sample, and whole: no click lies between two samples


def test_a_loop_goes_round_to_the_sample(browser, address):
    rate, start, end, every = 8000, 20_001, 52_003, 101
    with tab(browser, address) as page:
        loop = {"start": start, "end": end}
        found = page.evaluate(RENDER, {"rate": rate, "seconds": 20, "mics": 2, "every": every, "loop": loop})
    song = [*range(end), *[n for _ in range(9) for n in range(start, end)]][: 20 * rate]
    wanted = [[k, 1] for k, n in enumerate(song) if n % every == 0]
    assert found[0] == found[1] == wanted


FLIP = """async () => {
  const { Strip, schedule, weights } = await import("/static/schedule.js");
  const rate = 48000, count = 4800, context = new OfflineAudioContext(1, rate, rate);
  const strip = new Strip(context, context.destination), data = new Float32Array(2 * count).fill(0.5);
  const window = { data, layers: 2, mics: 1, count };
  for (let k = 0; k < 10; k++) schedule(context, [strip], window, 0, count, count * k);
  const flips = [[0.2, "after", 0], [0.21, "before", 0], [0.5, "after", 0.3], [0.7, "after", 0.9]];
  for (const [when, layer, kept] of flips) {
    context.suspend(when).then(() => { strip.mix(weights(layer, kept)); context.resume(); });
  }
  const samples = (await context.startRendering()).getChannelData(0);
  return [Math.min(...samples), Math.max(...samples)];
}"""


def test_flipping_leaves_no_gap(browser, address):
    with tab(browser, address) as page:
        assert page.evaluate(FLIP) == pytest.approx([0.5, 0.5], abs=1e-6)


HEARD = """async ({ path, count, layer, kept }) => {
  const { Strip, schedule, weights } = await import("/static/schedule.js");
  const { bytes } = await import("/static/api.js");
  const data = new Float32Array(await bytes(`${path}/window?start=0&count=${count}&layers=before,after`));
  const mics = data.length / count / 2;
  const context = new OfflineAudioContext(mics, count, 8000);
  const merger = new ChannelMergerNode(context, { numberOfInputs: mics });
  merger.connect(context.destination);
  const strips = Array.from({ length: mics }, (_, i) => new Strip(context, merger, i));
  strips.forEach((strip) => strip.mix(weights(layer, kept), 0));
  schedule(context, strips, { data, layers: 2, mics, count }, 0, count, 0);
  const rendered = await context.startRendering();
  return Array.from({ length: mics }, (_, i) => Array.from(rendered.getChannelData(i)));
}"""


def test_what_is_heard_is_what_is_written(browser, address, tmp_path, monkeypatch):
    gig = bled_band(tmp_path / "gig")
    (gig / "OH.flac").unlink()
    with tab(browser, address) as page:
        drop(page, *sorted(gig.iterdir()))
        until(page, "document.querySelectorAll('.input').length === 4")
        begin(page)
        page.locator(".spectrum").first.wait_for()
        path = "sessions/{}/runs/{}".format(*re.findall("[0-9a-f]{16}", page.url))
        asked = {"path": path, "count": 8000}
        kept = 10 ** (-6 / 20)
        heard = {layer: np.array(page.evaluate(HEARD, {**asked, "layer": layer, "kept": kept}))
                 for layer in ("before", "after", "removed")}  # fmt: skip
    assert commanded("remove", str(gig), "-o", str(tmp_path / "out"), "--reduction", "6") == 0
    before, after = (
        np.stack([sf.read(path)[0][:8000] for path in sorted(folder.iterdir())]) for folder in (gig, tmp_path / "out")
    )
    step = 2**-22  # 24-bit files, and as much again for float32
    np.testing.assert_allclose(heard["before"], before, atol=step)
    np.testing.assert_allclose(heard["after"], after, atol=step)
    np.testing.assert_allclose(heard["removed"], before - after, atol=2 * step)
    assert np.abs(heard["removed"]).max() > 100 * step


def test_what_was_found_stands_under_the_name(browser, address, tmp_path):
    own = np.random.default_rng(0).uniform(-0.2, 0.2, (3, 30_000))
    for name, samples in (
        ("bass", own[0]),
        ("drums", own[1]),
        ("TRK05", own.sum(0)),
        ("vox", own[2]),
        ("vox2", own[2]),
    ):
        (tmp_path / f"{name}.wav").write_bytes(wav(samples=samples))
    with tab(browser, address, viewport={"width": 390, "height": 800}) as page:
        drop(page, *tmp_path.glob("*.wav"))
        until(page, "document.querySelectorAll('.input').length === 5")
        assert page.locator(".finding:visible").count() == 0
        choose(page, "kamir")
        begin(page)
        measured(page)
        strips = page.locator(".strip").all()
        findings = {
            strip.locator(".name").text_content(): strip.locator(".finding").all_text_contents() for strip in strips
        }
        assert findings["TRK05"] == ["A mix of the other tracks, left unchanged."]
        assert findings["vox2"][0].endswith("; a copy of vox, cleaned like it.")
        assert all(len(said) == 1 and said[0].endswith(".") for said in findings.values())
        # there is nothing to remove from a mix
        assert page.get_by_label("Most bleed to remove from vox2 in dB").count() == 1
        assert page.get_by_label("Most bleed to remove from TRK05 in dB").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_everything_can_be_named_and_reached(browser, address, tmp_path):
    for i in range(3):
        (tmp_path / f"mic{i}.wav").write_bytes(wav(seed=i, length=30_000))
    with tab(browser, address, viewport={"width": 390, "height": 800}) as page:
        drop(page, *tmp_path.glob("*.wav"))
        until(page, "document.querySelectorAll('.input').length === 3")
        page.get_by_label("Source of mic2").fill("guitar")
        page.get_by_label("Source of mic2").press("Enter")
        until(page, "document.querySelector('#sources option[value=guitar]')")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Source of mic2"
        choose(page, "unprocessed")
        begin(page)
        measured(page)
        controls = "button, a, input, select, summary, canvas, progress"
        named = "e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length"
        nameless = f"[...document.querySelectorAll('{controls}')].filter((e) => !({named})).map((e) => e.outerHTML)"
        assert not page.evaluate(nameless)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator(".heat button[tabindex='0']").first.focus()
        page.keyboard.press("ArrowDown")  # over the diagonal
        page.keyboard.press("ArrowLeft")
        assert "Bleed of mic0 into mic2" in page.locator(".readout").text_content()


def test_the_page_is_light_and_comes_at_once(browser, address):
    scripts = sum(len(entry.read_bytes()) for entry in STATIC.iterdir() if entry.name.endswith(".js"))
    assert scripts < 200_000
    with tab(browser, address) as page:
        paints = []
        for _ in range(3):
            page.reload()
            page.locator("h1").wait_for()
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        assert min(paints) < 1000


def test_nothing_comes_from_elsewhere():
    for entry in STATIC.iterdir():
        for found in re.findall(r"(?:https?:)?//[\w.]+\.\w+", entry.read_text("utf-8")):
            assert found == "http://www.w3.org", (entry.name, found)  # the namespace of SVG


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_stands_out_from_its_ground():
    themes = [dict(re.findall(r"--(\w+): (#\w{6})", block))
              for block in re.findall(r":root \{([^}]*)\}", (STATIC / "style.css").read_text("utf-8"))]  # fmt: skip
    assert len(themes) == 2
    pairs = [(text, ground) for text in ("text", "soft", "accent", "wrong") for ground in ("page", "card", "sunk")]
    for theme in themes:
        for text, ground in (*pairs, ("page", "accent"), ("text", "hot")):
            assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground, theme)
        # a waveform stands out from the one behind it, and that one from its ground
        for front, behind in (("ghost", "sunk"), ("wave", "ghost"), ("taken", "ghost"), ("edge", "page")):
            assert contrast(theme[front], theme[behind]) >= 3, (front, behind, theme)
