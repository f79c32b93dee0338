import re
from html.parser import HTMLParser

import numpy as np
import pytest

from debleed import Recording
from debleed.recording import InputError
from debleed.report import page as report

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
    assert tags.count["audio"] == tags.count["img"] == 9
    assert tags.count["table"] == 2
    for tag, attributes in tags.attributes:
        assert "href" not in attributes
        assert attributes.get("src", "data:").startswith("data:"), tag
        if tag == "img":
            assert attributes["alt"]
        if tag in ("audio", "button", "input") and attributes.get("type") != "radio":
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
    assert "Median SDR" in words(tmp_path / "with.html")
    assert "Median SDR" not in words(tmp_path / "without.html")


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


def test_recordings_that_do_not_belong_together_are_refused(tmp_path):
    before, after, truth = make(2, 1)
    for wrong in (after.select([0]), make(2, 2)[0], make(2, 1, names=["a", "b"])[0]):
        with pytest.raises(InputError):
            report.write(tmp_path / "r.html", before, wrong, title="t")
    with pytest.raises(InputError):
        report.write(tmp_path / "r.html", before, after, title="t", truth=truth.select([1]))
    assert not list(tmp_path.iterdir())


def test_what_was_found_stands_under_the_name_of_the_microphone(tmp_path):
    before, after, _ = make(3, 3, names=["vox", "bass", "OH"])
    report.write(tmp_path / "r.html", before, after, title="t", findings={"bass": "a copy of <vox>", "flute": "?"})
    report.write(tmp_path / "none.html", before, after, title="t")
    parsed(tmp_path / "r.html")
    text = words(tmp_path / "r.html")
    assert "bass<p class='finding'>a copy of &lt;vox&gt;</p></th>" in text
    assert text.count("class='finding'") == 1
    assert "class='finding'" not in words(tmp_path / "none.html")
