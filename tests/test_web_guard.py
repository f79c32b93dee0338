"""Nobody but the page itself, and nothing but what it needs."""

import json
import re

import numpy as np
import pytest
from starlette.testclient import TestClient

from debleed.web import limits, sessions
from debleed.web.server import create_app
from page import HOME, client, new, put, wav

TOKEN = "correcthorsebatterystaple"


@pytest.fixture
def web(tmp_path):
    with client(tmp_path) as found:
        yield found


def sentence(answer, status):
    assert answer.status_code == status, answer.text
    said = answer.json()["error"]
    assert "Traceback" not in said
    assert "/tmp" not in said
    return said


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "10.0.0.1", "[::2]"]
)
@pytest.mark.parametrize("path", ["/", "/api/sessions", "/static/style.css"])
def test_a_foreign_host_is_refused(web, host, path):
    assert "Host" in sentence(web.get(path, headers={"host": host}), 421)


@pytest.mark.parametrize("host", ["localhost:8765", "LOCALHOST:1", "127.0.0.1", "[::1]:8765"])
def test_names_of_this_machine_are_known(web, host):
    assert web.get("/api/sessions", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:8765", "http://127.0.0.1:9999", HOME + "0"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/sessions"),
        ("POST", "/api/sessions"),
        ("POST", "/api/demo"),
        ("DELETE", "/api/sessions"),
        ("DELETE", "/api/sessions/0123456789abcdef"),
        ("PUT", "/api/sessions/0123456789abcdef/files?name=a.wav"),
        ("PATCH", "/api/sessions/0123456789abcdef"),
    ],
)
def test_a_foreign_origin_changes_nothing(web, tmp_path, origin, method, path):
    answer = web.request(method, path, headers={"origin": origin}, content=json.dumps({"name": "x"}))
    assert "another page" in sentence(answer, 403)
    assert not list((tmp_path / "sessions").iterdir())


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
@pytest.mark.parametrize("path", ["/", "/api/sessions"])
def test_requests_from_other_sites_are_refused_whatever_they_ask(web, site, path):
    assert "another page" in sentence(web.get(path, headers={"sec-fetch-site": site}), 403)


def test_the_page_itself_may(web):
    own = {"origin": HOME, "sec-fetch-site": "same-origin"}
    assert web.post("/api/sessions", json={"name": "x"}, headers=own).status_code == 201


@pytest.mark.parametrize("path", ["/", "/api/sessions", "/api/nowhere", "/static/../server.py"])
def test_every_answer_is_sealed(web, path):
    headers = web.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert not [name for name in headers if name.startswith("access-control")]


def test_a_long_head_is_refused(web):
    assert web.get("/api/sessions", headers={"cookie": "x" * 30_000}).status_code == 200
    assert "longer than 32.0 KiB" in sentence(web.get("/api/sessions", headers={"cookie": "x" * 70_000}), 431)
    assert "longer" in sentence(web.get("/api/sessions?" + "x" * 40_000), 431)


def test_preflights_are_not_answered(web):
    asked = {"origin": "http://evil.example", "access-control-request-method": "PUT"}
    assert web.options("/api/sessions", headers=asked).status_code >= 400


class TestToken:
    @pytest.fixture
    def web(self, tmp_path):
        app = create_app(tmp_path, host="192.0.2.7", token=TOKEN)
        with TestClient(app, base_url="http://192.0.2.7:8765", follow_redirects=False) as found:
            yield found

    @pytest.mark.parametrize(
        "path", ["/", "/api/sessions", "/static/style.css", "/?token=wrong", "/?token=", "/api/sessions?token=" + TOKEN]
    )
    def test_nothing_without_it(self, web, path):
        assert "token" in sentence(web.get(path), 401)

    def test_it_moves_into_a_cookie(self, web):
        answer = web.get(f"/?token={TOKEN}")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/"
        kept = answer.headers["set-cookie"].lower()
        assert "httponly" in kept
        assert "samesite=strict" in kept
        assert web.get("/api/sessions").status_code == 200

    def test_programs_send_it_along(self, web):
        assert web.get("/api/sessions", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert web.get("/api/sessions", headers={"authorization": f"Bearer {TOKEN[:-1]}"}).status_code == 401
        assert web.get("/api/sessions", headers={"cookie": "debleed-token=ü".encode()}).status_code == 401

    def test_names_still_cannot_be_rebound(self, web):
        headers = {"authorization": f"Bearer {TOKEN}", "host": "evil.example"}
        assert sentence(web.get("/api/sessions", headers=headers), 421)


OUTSIDE = [
    "../x.wav",
    "..\\x.wav",
    "/etc/passwd.wav",
    "a/b.wav",
    ".hidden.wav",
    "..",
    "",
    " ",
    "a\0.wav",
    "a\n.wav",
    "a\u202e.wav",
    " a.wav",
    "x" * 300 + ".wav",
    "\ud800.wav",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_never_leave_the_folder(web, tmp_path, name):
    key = new(web)
    try:
        answer = put(web, key, name, wav())
    except UnicodeEncodeError:
        pytest.skip("cannot even be sent")
    sentence(answer, 400)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["session.json"]


@pytest.mark.parametrize("name", ["x.html", "x.wav.exe", "x", "x.raw", "session.toml"])
def test_only_audio_files_are_taken(web, name):
    assert "audio" in sentence(put(web, new(web), name, wav()), 415)


def test_what_a_client_calls_a_file_is_no_path_on_the_disk(web, tmp_path):
    put(web, new(web), "voix d'été; rm -rf ~ $(x) %2e.wav", wav())
    assert {path.name for path in (tmp_path / "sessions").rglob("*.wav")} == {"000.wav"}


ESCAPES = [
    "..",
    "%2e%2e",
    "..%2f..",
    "0123456789abcdef%2f..%2f..",
    "0123456789ABCDEF",
    "0123456789abcde",
    "0123456789abcdef0",
]


@pytest.mark.parametrize("key", ESCAPES)
@pytest.mark.parametrize("rest", ["", "/window?start=0&count=1", "/runs/0123456789abcdef", "/runs/../zip"])
def test_sessions_go_by_the_server_s_own_names(web, key, rest):
    answer = web.get(f"/api/sessions/{key}{rest}")
    assert answer.status_code == 404
    assert not list(web.app.state.service.store.folder.glob("*.json"))


@pytest.mark.parametrize("name", ["..%2fserver.py", "../server.py", "%2e%2e%2fserver.py", "server.py", "nowhere.js"])
def test_the_page_s_parts_are_a_fixed_list(web, name):
    sentence(web.get(f"/static/{name}"), 404)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "start=-1&count=1",
        "start=0&count=0",
        "start=0&count=99999999999",
        "start=x&count=1",
        "start=0&count=1&layers=after",
        "start=0&count=1&layers=../x",
        "start=٣&count=1",
    ],
)
def test_odd_stretches_are_refused(web, query):
    key = new(web, files={"a.wav": wav(), "b.wav": wav(seed=1)})
    assert web.get(f"/api/sessions/{key}/window?{query}").status_code in (400, 404)


def test_bodies_that_are_no_request(web):
    deep, half, nan = b"[" * 200_000, b'{"name": " \\ud800"}', b'{"name": "a", "x": NaN}'
    for content in (b"{", b"[]", b"1", b"\xff", deep, half, nan, b" " * (limits.LARGEST_BODY + 1)):
        answer = web.post("/api/sessions", content=content)
        assert answer.status_code in (400, 413)
        sentence(answer, answer.status_code)
    sentence(web.post("/api/sessions", json={"name": 7}), 400)


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"name": "a.wav"},
        {"name": "a.wav", "size": -1},
        {"name": "a.wav", "size": True},
        {"name": "../a.wav", "size": 1},
        {"size": 1},
        {"name": "a.wav", "size": 1e9},
    ],
)
def test_odd_announcements_are_refused(web, wanted):
    sentence(web.post(f"/api/sessions/{new(web)}/files", json=wanted), 400)


class TestLimits:
    def test_a_file_too_large_is_refused_before_it_comes(self, tmp_path):
        with client(tmp_path, file=1000) as web:
            assert "1000 bytes" in sentence(put(web, new(web), "a.wav", wav()), 413)

    def test_and_while_it_comes_where_nothing_was_declared(self, tmp_path):
        def endless():
            yield wav()
            for _ in range(50):
                yield bytes(2**17)

        with client(tmp_path, file=10_000) as web:
            key = new(web)
            answer = web.put(f"/api/sessions/{key}/files?name=a.wav", content=endless())
            assert "'a.wav' is larger" in sentence(answer, 413)
            assert not list((tmp_path / "sessions" / key / "incoming").iterdir())

    def test_a_session_too_large(self, tmp_path):
        with client(tmp_path, session=10_000) as web:
            key = new(web, files={"a.wav": wav()})
            assert "session" in sentence(put(web, key, "b.wav", wav()), 413)

    def test_silence_that_unpacks_to_too_much(self, tmp_path):
        packed = wav(samples=np.zeros(100_000), format="FLAC")
        with client(tmp_path, sound=200_000) as web:
            assert len(packed) < 50_000
            assert "samples" in sentence(put(web, new(web), "a.flac", packed), 413)

    def test_silence_that_unpacks_to_thousands_of_times_its_size(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sessions, "GIB", 300_000)
        monkeypatch.setattr(sessions, "PACKED", 100)
        silence = wav(samples=np.zeros(100_000), format="OGG", subtype="VORBIS")
        assert len(silence) < 4000
        with client(tmp_path) as web:
            key = new(web)
            said = sentence(put(web, key, "a.ogg", silence), 413)
            assert "would become 390.6 KiB of samples, which is nothing but silence" in said
            assert put(web, key, "a.ogg", wav(100_000, format="OGG", subtype="VORBIS")).status_code == 201
            assert put(web, key, "b.wav", wav(100_000)).status_code == 201

    def test_too_many_files_sessions_and_runs(self, tmp_path):
        with client(tmp_path, files=2, sessions=1, runs=0) as web:
            key = new(web, files={"a.wav": wav(), "b.wav": wav(seed=1)})
            assert "2 files" in sentence(put(web, key, "c.wav", wav()), 409)
            assert "1 sessions" in sentence(web.post("/api/sessions", json={"name": "x"}), 409)
            assert "0 runs" in sentence(web.post(f"/api/sessions/{key}/runs", json={"method": "demix"}), 409)

    def test_a_disk_about_to_be_full(self, tmp_path, monkeypatch):
        with client(tmp_path) as web:
            key = new(web, files={"a.wav": wav(), "b.wav": wav(seed=1)})
            usage = type("Usage", (), {"free": 100})
            monkeypatch.setattr(limits.shutil, "disk_usage", lambda _: usage)
            assert "100 bytes left" in sentence(put(web, key, "c.wav", wav()), 507)
            assert "disk" in sentence(web.post(f"/api/sessions/{key}/runs", json={"method": "unprocessed"}), 507)
            assert "disk" in sentence(web.post("/api/demo"), 507)


def cut(content):
    return content[: len(content) // 2]


BAD = {
    "text": (b"la la la\n" * 99, "cannot be read as audio"),
    "nothing": (b"", "cannot be read as audio"),
    "truncated": (cut(wav()), "truncated"),
    "cut FLAC": (cut(wav(length=99_999, format="FLAC")), "damaged|ends|cannot"),
    "no samples": (wav(length=0), "no samples"),
    "NaN": (wav(samples=np.full(99, np.nan), subtype="FLOAT"), "NaN"),
    "too loud to square": (wav(samples=np.full(99, 1e200), subtype="DOUBLE"), "full scale"),
    "too slow": (wav(rate=1), "1 Hz"),
    "too fast": (wav(rate=2_000_000_000), "2000000000 Hz"),
    "too many channels": (wav(channels=80), "80 channels"),
    "a page": (b"<html><script>alert(1)</script>", "cannot be read as audio"),
}


@pytest.mark.parametrize("case", BAD)
def test_files_are_believed_when_they_are_decoded(web, tmp_path, case):
    content, said = BAD[case]
    key = new(web)
    told = sentence(put(web, key, "vox.wav", content), 415)
    assert re.search(said, told)
    assert "vox" in told
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["session.json"]
