import numpy as np
import pytest
import soundfile

from debleed.cli import run
from debleed.scenes.scene import KINDS, draw_scene, from_json
from responses import write_responses

RATE = 8000
SOURCES = ("singer", "bass", "drums", "keys")


@pytest.fixture
def stems():
    return np.random.default_rng(1).standard_normal((4, 2 * RATE)) * 0.05


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return write_responses(tmp_path_factory.mktemp("responses"))


@pytest.fixture
def folder(tmp_path, stems):
    for name, row in zip(SOURCES, stems, strict=True):
        soundfile.write(tmp_path / f"{name}.wav", np.stack([row, 0.5 * row], 1), RATE, subtype="PCM_24")
    return tmp_path


@pytest.mark.parametrize("bleed", KINDS)
def test_the_command_writes_what_the_description_says(folder, stems, bleed):
    out = folder / "out"
    asked = ["simulate", str(folder), "-o", str(out), "--bleed", bleed, "--seed", "5", "--noise-db", "-50"]
    assert run(asked) == 0
    assert sorted(p.name for p in out.iterdir()) == ["images", "mics", "scene.json"]
    scene = from_json((out / "scene.json").read_text())
    order = [SOURCES.index(name) for name in scene.sources]
    rendered = scene.render(0.75 * stems[order])
    for name, mic, image in zip(scene.sources, rendered.mics, rendered.own, strict=True):
        for kind, expected in (("mics", mic), ("images", image)):
            written, rate = soundfile.read(out / kind / f"{name}.wav")
            assert rate == RATE
            np.testing.assert_allclose(written, expected, atol=1e-6)
    assert run(asked) == 2
    assert run([*asked, "--force"]) == 0


def test_the_command_resamples_and_takes_a_room(folder):
    out = folder / "out"
    assert run(["simulate", str(folder), "-o", str(out), "--bleed", "room", "--room", "9,8,4", "--rate", "4000"]) == 0
    scene = from_json((out / "scene.json").read_text())
    assert (scene.rate, scene.room) == (4000, (9.0, 8.0, 4.0))
    assert soundfile.info(out / "mics" / "bass.wav").frames == 8000


def test_the_command_takes_all_that_a_scene_can_have(folder):
    out = folder / "out"
    asked = ["--layout", "drawn", "--distance", "0.4,0.8", "--microphone-pattern", "cardioid", "--noise-db", "-60"]
    asked += ["--source-pattern", "subcardioid", "--group", "rhythm=bass, drums", "--without-mic", "keys"]
    assert run(["simulate", str(folder), "-o", str(out), "--bleed", "room", "--seed", "5", *asked]) == 0
    written = (out / "scene.json").read_text()
    settings = {"layout": "drawn", "distance": (0.4, 0.8), "microphone_pattern": "cardioid", "noise_db": -60.0}
    settings |= {"source_pattern": "subcardioid", "groups": {"rhythm": ("bass", "drums")}, "without_mic": ["keys"]}
    assert written == draw_scene("room", sorted(SOURCES), RATE, "5", **settings).to_json() + "\n"
    assert sorted(path.stem for path in (out / "mics").iterdir()) == ["rhythm", "singer"]
    assert sorted(path.stem for path in (out / "images").iterdir()) == ["rhythm", "singer"]


def test_the_command_takes_mishaps(folder, capsys):
    out = folder / "out"
    asked = ["--mishap", "clock=145", "--mishap", "crowd", "--mishap", "dual", "--seed", "5"]
    assert run(["simulate", str(folder), "-o", str(out), "--bleed", "stage", *asked]) == 0
    expected = draw_scene("stage", sorted(SOURCES), RATE, "5", mishaps=["clock=145", "crowd", "dual"])
    assert (out / "scene.json").read_text() == expected.to_json() + "\n"
    for what in ("mics", "images"):
        assert sorted(path.stem for path in (out / what).iterdir()) == sorted(SOURCES)
        assert soundfile.info(out / what / "bass.wav").channels == 2
    assert run(["simulate", str(folder), "-o", str(out), "--bleed", "stage", "--mishap", "flood", "--force"]) == 2
    assert "there is no mishap 'flood'; the mishaps are pair, lavalier" in capsys.readouterr().err


def test_the_command_lets_people_move(folder):
    out = folder / "out"
    asked = ["simulate", str(folder), "-o", str(out), "--bleed", "stage", "--rt60", "0.25", "--mishap", "sway=2"]
    assert run(asked) == 0
    scene = from_json((out / "scene.json").read_text())
    (sway,) = scene.mishaps
    assert (sway.source, sway.pace) == ("singer", 2.0)
    assert sorted(path.stem for path in (out / "images").iterdir()) == sorted(SOURCES)


def test_the_command_takes_measured_responses(folder, measured):
    out = folder / "out"
    asked = ["simulate", str(folder), "-o", str(out), "--bleed", "convolutive", "--responses", str(measured)]
    assert run(asked) == 0
    assert "hall.wav" in (out / "scene.json").read_text()


REFUSED = """
--room 9,8 | --rt60 0.01 | --distance -1 | --distance wide | --distance 2,1 | --room 2,2,2 | --layout round
--microphone-pattern lobar | --group drums | --group x=bass, | --group x=flute | --group x=bass --group x=keys
--without-mic flute | --responses nowhere
"""


@pytest.mark.parametrize(
    "option", [part.split() for line in REFUSED.split("\n") for part in line.split("|") if part.strip()]
)
def test_the_command_refuses_and_writes_nothing(folder, option, capsys):
    assert run(["simulate", str(folder), "-o", str(folder / "out"), "--bleed", "room", *option]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line and not line.startswith(("Usage", "Try"))]
    assert len(said) == 1
    assert not (folder / "out").exists()
