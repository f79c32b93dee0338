"""Projects with random damage are read or refused with a sentence, whatever it is."""

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daw_projects import BITWIG, NAMES, PLAIN, TRACK, band, daw_xml, gig, zipped
from debleed.daw.take import open_project
from debleed.io.session import Session
from debleed.recording import InputError

WORDS = [
    "",
    "0",
    "-1",
    "1e308",
    "nan",
    "1" * 400,
    "beats",
    "seconds",
    "true",
    "../..",
    "\\",
    '"',
    "\0",
    "é\u2028",
    "x" * 5000,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("gig")
    gig(place)
    band(place)
    return place


def read_or_refused(path: Path) -> None:
    try:
        with closing(open_project(path, Session())) as take:
            take.recording().read(0, min(100, take.length))
            for file in take.files:
                file.read(0, 10, "float32")
    except InputError as refusal:
        assert "Traceback" not in str(refusal)  # noqa: PT017


damage = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from(WORDS)), min_size=1, max_size=4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(damage)
def test_reaper(folder: Path, changes: list[tuple[float, str]]) -> None:
    text = (folder / "gig.rpp").read_text("utf-8")
    words = text.split(" ")
    for at, word in changes:
        words[int(at * len(words))] = word
    path = folder / "damaged.rpp"
    path.write_text(" ".join(words), "utf-8")
    read_or_refused(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.sampled_from([BITWIG, PLAIN]), damage)
def test_dawproject(folder: Path, shape: str, changes: list[tuple[float, str]]) -> None:
    about = [{"k": k, "name": n, "beat": 2.5, "beats": 5, "skip": 2.5, "seconds": 1} for k, n in enumerate(NAMES)]
    lanes, tracks = ("".join(form.format(**one) for one in about) for form in (shape, TRACK))
    parts = daw_xml(lanes, tracks).split('"')
    for at, word in changes:
        parts[int(at * (len(parts) // 2)) * 2 + 1] = word.replace('"', "&quot;").replace("\0", "&#0;")
    path = zipped(folder / "damaged.dawproject", {"project.xml": '"'.join(parts).encode()}, folder)
    read_or_refused(path)
