"""What the tests of the page share: a bled session, a client, patience."""

import io
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import soundfile as sf
from starlette.testclient import TestClient

from debleed.scenes.demo import SOURCES, play
from debleed.scenes.scene import draw_scene
from debleed.web.limits import Limits
from debleed.web.server import create_app

HOME = "http://127.0.0.1:8765"
RATE = 8000


def client(data: Path, **options) -> TestClient:
    return TestClient(create_app(data, limits=Limits(**{"spare": 0, **options})), base_url=HOME)


def wav(length: int = 4000, channels: int = 1, seed: int = 0, rate: int = RATE, samples=None, **form) -> bytes:
    if samples is None:
        samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (length, channels))
    place = io.BytesIO()
    sf.write(place, samples, rate, **{"format": "WAV", "subtype": "PCM_16", **form})
    return place.getvalue()


def bled_band(folder: Path, seconds: float = 10, rate: int = RATE) -> Path:
    """Write a band that bleeds without delays into a folder; one file is a stereo overhead, one an odd format."""
    scene = draw_scene("linear", SOURCES, rate, "page")
    mics = scene.render(play(seconds, rate)).mics
    folder.mkdir(parents=True)
    for name, row in zip(SOURCES, mics, strict=True):
        sf.write(folder / f"{name}.wav", row, rate, subtype="PCM_24")
    sf.write(folder / "OH.flac", 0.3 * mics[:2].T + 0.1 * mics[2:].T, rate, subtype="PCM_16")
    return folder


def put(web: TestClient, session: str, name: str, content: bytes):
    return web.put(f"/api/sessions/{session}/files", params={"name": name}, content=content)


def new(web: TestClient, name: str = "gig", files: dict[str, bytes] | None = None) -> str:
    key = web.post("/api/sessions", json={"name": name}).json()["id"]
    for file, content in (files or {}).items():
        answer = put(web, key, file, content)
        assert answer.status_code == 201, answer.text
    return key


def folder_of(web: TestClient, folder: Path) -> str:
    return new(web, folder.name, {path.name: path.read_bytes() for path in folder.iterdir()})


def wait(web: TestClient, address: str, done, seconds: float = 60) -> dict:
    until = time.monotonic() + seconds
    while not done(found := web.get(address).json()):
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def run(web: TestClient, session: str, method: str = "unprocessed", **wanted) -> dict:
    answer = web.post(f"/api/sessions/{session}/runs", json={"method": method, **wanted})
    assert answer.status_code == 201, answer.text
    return wait(web, f"/api/sessions/{session}/runs/{answer.json()['id']}", ended)


def ended(found: dict) -> bool:
    return found["status"] in ("done", "failed", "cancelled")


def take(web: TestClient, session: str, run: str, **wanted) -> dict:
    address = f"/api/sessions/{session}/runs/{run}"
    answer = web.post(f"{address}/take", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


def unpacked(web, key, run, **query):
    content = web.get(f"/api/sessions/{key}/runs/{run}/zip", params=query).content
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def commanded(*argv: str) -> int:
    """Run a command in a process of its own and return its exit code.

    Its results are the page's to the bit. In a process that has run thousands of tests, products of matrices have been
    seen to end in other last bits than in a new one.
    """
    code = "import sys; from debleed.cli import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, *argv], capture_output=True).returncode


def same_sound(one: bytes, other: bytes) -> bool:
    """Whether two files of 24 bits are the same but for the last of them."""
    samples, others = (sf.read(io.BytesIO(content), dtype="int32")[0] for content in (one, other))
    return samples.shape == others.shape and bool((np.abs(samples.astype(int) - others) <= 2**8).all())
