import re
from html.parser import HTMLParser

import numpy as np
import pytest

from debleed import Recording
from debleed.recording import InputError
from debleed.report import page as report
from debleed.report.sentences import Knowledge

RATE = 8000


class Tags(HTMLParser):
    """Counts elements, and checks that what is opened is closed."""

    EMPTY = ("meta", "img", "input", "br")

    def __init__(self):
        super().__init__()
        self.open, self.count, self.attributes = [], {}, []

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        self.attributes.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(path):
    tags = Tags()
    tags.feed(path.read_text(encoding="utf-8"))
    assert not tags.open
    return tags


def words(path):
    """The page without pictures and sounds."""
    return re.sub(r"base64,[^']*", "", path.read_text(encoding="utf-8"))


def make(mics, seconds, rate=RATE, names=None, seed=0):
    """Recordings before, after and true of noise that bleeds a little."""
    rng = np.random.default_rng(seed)
    own = 0.1 * rng.standard_normal((mics, seconds * rate)).astype(np.float32)
    bleed = 0.03 * (own.sum(0) - own)
    return tuple(Recording.from_array(x, rate, names) for x in (own + bleed, own + 0.1 * bleed, own))


def test_the_page_is_whole_and_loads_nothing(tmp_path):
    before, after, truth = make(3, 25, names=["vox <1>", "bass & co", "drums"])
    path = tmp_path / "report.html"
    report.write(path, before, after, title="Gig <live> $5", truth=truth)
    text = path.read_text(encoding="utf-8")
    tags = parsed(path)
    assert tags.count["audio"] == 6
    assert tags.count["img"] == 9
    assert tags.count["svg"] == 3
    assert tags.count["table"] == 2
    for tag, attributes in tags.attributes:
        assert "href" not in attributes
        assert attributes.get("src", "data:").startswith("data:"), tag
        if tag == "img":
            assert attributes["alt"]
        if tag in ("audio", "input", "svg") and attributes.get("type") != "radio":
            assert attributes["aria-label"]
    assert not re.search(r"https?://|@import|url\(", text)
    assert "Gig &lt;live&gt; $5" in text
    assert "vox &lt;1&gt;" in text
    assert "$cards" not in text
    assert list(tmp_path.iterdir()) == [path]


def test_scores_are_shown_where_the_truth_is_known(tmp_path):
    before, after, truth = make(2, 3)
    report.write(tmp_path / "with.html", before, after, title="t", truth=truth)
    report.write(tmp_path / "without.html", before, after, title="t")
    assert "The SDR is known here because" in words(tmp_path / "with.html")
    assert "SDR after" in words(tmp_path / "with.html")
    assert "SDR" not in words(tmp_path / "without.html")


def test_nothing_removed_and_silence_are_no_trouble(tmp_path):
    silence = Recording.from_array(np.zeros((2, 100), np.float32), RATE)
    report.write(tmp_path / "r.html", silence, silence, title="silence", truth=silence)
    assert not re.search(r"\b(nan|inf)\b", words(tmp_path / "r.html"), re.IGNORECASE)


def test_no_more_than_twenty_megabytes(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "LARGEST", 2_500_000)
    before, after, _ = make(6, 21, rate=16000)
    report.write(tmp_path / "r.html", before, after, title="large")
    assert 1_000_000 < (tmp_path / "r.html").stat().st_size <= 2_500_000


def test_of_many_microphones_those_with_most_removed_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "MOST_PLAYERS", 2)
    before, after, _ = make(4, 2)
    samples = before.read().copy()
    samples[1:3] = after.read()[1:3]
    before = Recording.from_array(samples, RATE)
    report.write(tmp_path / "r.html", before, after, title="many")
    text = words(tmp_path / "r.html")
    assert re.findall("<h3>(mic.)</h3>", text) == ["mic1", "mic4"]
    assert "Only the 2 microphones" in text
    assert re.findall("<strong>(mic.):</strong>", text) == ["mic1", "mic2", "mic3", "mic4"]


def test_recordings_that_do_not_belong_together_are_refused(tmp_path):
    before, after, truth = make(2, 1)
    for wrong in (after.select([0]), make(2, 2)[0], make(2, 1, names=["a", "b"])[0]):
        with pytest.raises(InputError):
            report.write(tmp_path / "r.html", before, wrong, title="t")
    with pytest.raises(InputError):
        report.write(tmp_path / "r.html", before, after, title="t", truth=truth.select([1]))
    assert not list(tmp_path.iterdir())


def test_sentences_settings_and_next_steps_are_there(tmp_path):
    before, after, _ = make(3, 3, names=["vox", "bass", "OH"])
    samples = after.read().copy()
    samples[1] = before.read()[1]
    after = Recording.from_array(samples, RATE, before.names)
    knowledge = Knowledge({"bass": "left alone: what would be removed follows its own sound"}, {"vox": {"bass": 0.1}})
    setup = {"To remove": "at most 12 dB of <bleed>"}
    found = report.write(tmp_path / "r.html", before, after, title="t", knowledge=knowledge, setup=setup)
    assert found == {
        "vox": "some bleed removed, from bass.",
        "bass": "left alone, since what would be removed follows its own sound.",
        "OH": "some bleed removed.",
    }
    parsed(tmp_path / "r.html")
    text = words(tmp_path / "r.html")
    for name, sentence in found.items():
        assert f"<strong>{name}:</strong> {sentence}</li>" in text
        assert f"{sentence[0].upper()}{sentence[1:]}</p>" in text
    assert "<dt>To remove</dt><dd>at most 12 dB of &lt;bleed&gt;</dd>" in text
    assert "<li>bass: if another microphone is on the same source" in text


def test_room_microphones_take_no_rows_of_the_matrix(tmp_path):
    before, after, _ = make(3, 3, names=["vox", "bass", "OH"])
    room = [Recording.from_array(z.read(), RATE, z.names, ["vox", "bass", None]) for z in (before, after)]
    report.write(tmp_path / "r.html", *room, title="t")
    matrix = words(tmp_path / "r.html").split("class='heat")[1].split("</table>")[0]
    assert re.findall("<th scope='row' title='([^']*)'", matrix) == ["vox", "bass"]


def test_a_report_of_eight_microphones_goes_by_mail():
    assert report.largest(8) == 6_000_000
    assert report.largest(100) == report.LARGEST == 20_000_000
    assert report.largest(2) == 3_000_000
