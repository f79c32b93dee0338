"""Whatever is asked of the page, the answer is what was asked for or one sentence, and the sessions stay whole."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from debleed.web.limits import Limits
from debleed.web.server import create_app
from headers import SOUND, aiff, chunk, form, riff
from page import HOME, new, put, run, wav

KEYS = (
    "name",
    "unit",
    "source",
    "reference",
    "left_out",
    "toml",
    "text",
    "files",
    "size",
    "method",
    "settings",
    "start",
)
KEYS += ("stop", "region", "reduction", "session", "removed", "report", "seconds", "keep", "sources", "stage", "of")
UNITS = ("vox", "bass", "vox.wav", "demix", "unprocessed", "x" * 300, "../x", "a\0b", "\ud83d", "[sources]\nvox = 1")

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(UNITS) | st.text(max_size=6)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS + UNITS), inner, max_size=3),
    max_leaves=6,
)
bodies = st.dictionaries(st.sampled_from(KEYS), values, max_size=4) | values
numbers = st.sampled_from(["0", "1", "-1", "99", "9" * 15, "9" * 40, "0x1", "", "one", "١"])


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A session with two files and a run; failures of the server are answers, not exceptions of the client."""
    limits = Limits(spare=0, sessions=10_000, runs=10_000, waiting=10_000)
    app = create_app(tmp_path_factory.mktemp("data"), limits=limits)
    with TestClient(app, base_url=HOME, raise_server_exceptions=False) as web:
        key = new(web, files={"vox.wav": wav(800, seed=1), "bass.wav": wav(800, seed=2)})
        yield web, key, run(web, key)["id"]


def right(answer):
    """Refuse failures of the server, and answers that are no answers."""
    assert answer.status_code < 500, (answer.request, answer.text)
    if answer.status_code >= 400:
        assert answer.json()["error"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_any_json_is_answered(page, data):
    web, key, found = page
    place = f"/api/sessions/{key}"
    method, path = data.draw(
        st.sampled_from(
            [
                ("POST", "/api/sessions"),
                ("PATCH", place),
                ("PUT", f"{place}/toml"),
                ("POST", f"{place}/files"),
                ("POST", f"{place}/runs"),
                ("PATCH", f"{place}/runs/{found}"),
                ("POST", f"{place}/runs/{found}/take"),
            ]
        )
    )
    raw = st.binary(max_size=40) | bodies.map(json.dumps).map(str.encode) | st.just(b"[" * 50_000)
    right(web.request(method, path, content=data.draw(raw)))
    right(web.get(place))
    assert [entry["id"] for entry in web.get("/api/sessions").json()].count(key) == 1


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_numbers_in_addresses_are_answered(page, data):
    web, key, found = page
    names = ("zoom", "mic", "first", "last", "start", "count", "tile", "layer", "layers")
    layers = st.sampled_from(["before", "after", "removed", "x", "before,after,removed", "before" + ",before" * 999])
    asked = {name: data.draw(layers if name.startswith("layer") else numbers) for name in names}
    for path in (
        f"/files/{data.draw(numbers)}/peaks",
        "/window",
        *(f"/runs/{found}/{w}" for w in ("peaks", "window", "picture")),
    ):
        right(web.get(f"/api/sessions/{key}{path}", params=asked))
    right(web.get(f"/api/sessions/{key}/runs/{data.draw(numbers)}"))
    right(web.get(f"/api/sessions/{key}/runs/{found}/files/clean/{data.draw(numbers)}"))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes_are_taken_or_refused(page, data):
    web, _, _ = page
    name, content = data.draw(
        st.sampled_from(
            [
                ("a.wav", riff(form(), chunk(b"data", SOUND))),
                ("a.aif", aiff()),
                ("a.flac", wav(4000, format="FLAC")),
                ("a.ogg", wav(4000, format="OGG", subtype="VORBIS")),
                ("a.w64", wav(4000, format="W64")),
            ]
        )
    )
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, 200))
        changed[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
    key = new(web, "fuzz")
    right(put(web, key, name, bytes(changed[: data.draw(st.sampled_from([None, 0, 20, 44, 3000]))])))
    right(web.delete(f"/api/sessions/{key}"))
