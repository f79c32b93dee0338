import numpy as np
import pytest

from debleed import Recording
from debleed.web.limits import LONGEST_WINDOW, Refusal
from debleed.web.sound import TILE, Heard, OpenRecordings, one, tile, window

RATE = 1000
SOUND = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 21 * RATE))


@pytest.fixture
def heard():
    before = Recording.from_array(SOUND, RATE)
    return Heard(None, before, Recording.from_array(0.25 * SOUND, RATE))


def test_layers_add_up(heard):
    content = window(heard, ["before", "after", "removed"], 10, 50)
    before, after, removed = np.frombuffer(content, "<f4").reshape(3, 2, 50)
    assert np.allclose(before, SOUND[:, 10:60])
    assert np.allclose(before, after + removed, atol=1e-7)


def test_silence_stands_outside(heard):
    assert not np.frombuffer(window(heard, ["removed"], 30 * RATE, 50), "<f4").any()


@pytest.mark.parametrize(("start", "count"), [(-1, 5), (0, 0), (0, -1), (0, LONGEST_WINDOW)])
def test_windows_that_are_none_or_too_long_are_refused(heard, start, count):
    with pytest.raises(Refusal):
        window(heard, ["before"], start, count)


def test_what_was_not_run_has_one_layer(heard):
    plain = Heard(None, heard.before, None)
    assert window(plain, ["before"], 0, 5)
    for layer in ("after", "removed", "other"):
        with pytest.raises(Refusal, match="no layer") as refusal:
            window(plain, [layer], 0, 5)
        assert refusal.value.status == 404


def test_one_microphone_is_read_in_pieces(heard, monkeypatch):
    monkeypatch.setattr("debleed.web.sound.LONGEST_WINDOW", 4 * 2 * 1000)
    assert np.allclose(one(heard, "after", 1, 5, 4321), 0.25 * SOUND[1, 5:4321])


def test_pictures_are_drawn_once(heard, tmp_path):
    (tmp_path / "figures.json").write_text('{"brightest": [0.0, 0.0]}')
    first = tile(heard, tmp_path, "after", 1, 0)
    assert first.startswith(b"\x89PNG")
    (tmp_path / "figures.json").unlink()
    assert tile(heard, tmp_path, "after", 1, 0) == first
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["after-1-0.png"]
    for wrong in (("other", 0, 0), ("after", 2, 0), ("after", -1, 0), ("after", 0, 21 // TILE + 1), ("after", 0, -1)):
        with pytest.raises(Refusal, match="no such picture"):
            tile(heard, tmp_path, *wrong)


def test_recordings_are_kept_open_and_forgotten(tmp_path, monkeypatch):
    opened = []

    def begin(place):
        opened.append(place)
        return Heard(None, Recording.from_array(SOUND, RATE), None)

    monkeypatch.setattr("debleed.web.sound.open_run", begin)
    places = [tmp_path / str(k) for k in range(6)]
    for place in places:
        place.mkdir()
        (place / "figures.json").touch()
    recordings = OpenRecordings()
    assert recordings.run(places[0]) is recordings.run(places[0])
    assert len(opened) == 1
    for place in places[1:]:
        recordings.run(place)
    recordings.run(places[5])
    assert len(opened) == 6
    recordings.run(places[0])  # the one that was not asked for longest had to go
    assert len(opened) == 7
    recordings.forget(tmp_path)
    recordings.run(places[5])
    assert len(opened) == 8
    with pytest.raises(Refusal, match="no result"):
        recordings.run(tmp_path)
