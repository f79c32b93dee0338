import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from debleed.recording import InputError
from debleed.scenes.acoustics import SPEED_OF_SOUND, impulse, reverberation_time
from debleed.scenes.convolutive import SPREAD_DB, tail_db
from debleed.scenes.scene import draw_scene, from_json
from responses import write_responses

RATE = 8000
SOURCES = ("singer", "bass", "drums", "keys")
ROOMS = Path(__file__).resolve().parents[2] / "shared" / "data" / "rooms"


@pytest.fixture
def stems():
    return np.random.default_rng(1).standard_normal((4, 2 * RATE)) * 0.05


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return write_responses(tmp_path_factory.mktemp("responses"))


def test_drawn_places_of_convolutive_bleed_are_those_of_the_delays():
    scene = draw_scene("convolutive", SOURCES, RATE, 5, layout="drawn", distance=0.6)
    delays, gains = np.array(scene.delays), np.array(scene.gains)
    np.testing.assert_allclose(np.diag(delays), 0.6 / SPEED_OF_SOUND, atol=3e-6)
    spread = 20 * np.log10(gains * delays / np.diag(delays))
    assert np.all(np.abs(spread) < 2.1)  # the direct sound falls with the distance, ±2 dB


def test_measured_responses_have_the_delays_gains_and_tail_of_the_scene(measured):
    scene = draw_scene("convolutive", SOURCES, RATE, 2, responses=measured)
    assert {name for row in scene.measured for name, _ in row} == {"hall.wav", "cellar.wav"}
    assert dict(scene.checksums)["hall.wav"] == hashlib.sha256((measured / "hall.wav").read_bytes()).hexdigest()
    assert scene.rt60 is None
    for rate in (RATE, 2 * RATE, 11025):
        for i, row in enumerate(dataclasses.replace(scene, rate=rate).responses()):
            described = zip(row, scene.gains[i], scene.delays[i], scene.measured[i], strict=True)
            for response, gain, delay, choice in described:
                # the phase of a tone tells the arrival to a fraction of a sample; the tail comes 10 ms later
                time, last = np.arange(len(response)) / rate, round((delay + 0.006) * rate)
                direct = np.sum((response * np.exp(2j * np.pi * 1000 * (time - delay)))[:last])
                assert direct == pytest.approx(gain, rel=0.02)
                assert reverberation_time(response[last:], rate) == pytest.approx(0.15, rel=0.2)
                if rate == 2 * RATE:  # the highest rate of the files, and the energy of a tail grows with the band
                    power = np.sum(response[last:] ** 2) * (1 if "cellar" in str(choice) else 2)
                    assert 10 * np.log10(power) == pytest.approx(scene.tail_db, abs=0.5)


def test_measured_responses_are_refused_where_they_are_not_what_was_drawn(measured, stems, tmp_path):
    scene = draw_scene("convolutive", SOURCES, RATE, 2, responses=measured)
    with pytest.raises(InputError, match="say in which folder"):
        from_json(scene.to_json()).render(stems)
    with pytest.raises(InputError, match="which is not in"):
        from_json(scene.to_json(), folder=tmp_path).render(stems)
    for name in ("hall", "cellar"):
        soundfile.write(tmp_path / f"{name}.wav", np.ones(100) * 0.1, RATE)
    with pytest.raises(InputError, match="another file"):
        from_json(scene.to_json(), folder=tmp_path).render(stems)
    soundfile.write(tmp_path / "hall.wav", np.zeros(100), RATE)
    with pytest.raises(InputError, match="no impulse response"):
        draw_scene("convolutive", SOURCES, RATE, 2, responses=tmp_path)


def test_responses_without_reverberation_keep_what_little_follows(tmp_path, stems):
    soundfile.write(tmp_path / "dead.wav", [0.0, 0.5, 0.0], RATE)
    scene = draw_scene("convolutive", SOURCES, RATE, 2, responses=tmp_path)
    assert scene.tail_db is None
    np.testing.assert_allclose([[np.sum(path) for path in row] for row in scene.responses()], scene.gains, rtol=0.02)


@pytest.mark.skipif(not ROOMS.is_dir(), reason="needs the measured rooms in ../shared, which are not there")
def test_rooms_that_were_really_measured(stems):
    scene = draw_scene("convolutive", SOURCES, RATE, 2, responses=ROOMS)
    assert scene.render(stems).mics.any()
    for i, row in enumerate(scene.responses()):
        for response, delay in zip(row, scene.delays[i], strict=True):
            start = int((delay - 0.003) * RATE)
            assert np.sum(response[: max(start, 0)] ** 2) < 1e-3 * np.sum(response**2)


def test_gains_and_delays_follow_from_the_distances():
    scene = draw_scene("convolutive", SOURCES, RATE, 5, distance=(0.3, 1.2))
    delays, gains = np.array(scene.delays), np.array(scene.gains)
    own = np.diag(delays) * SPEED_OF_SOUND
    assert np.all((own > 0.299) & (own < 1.201))
    assert np.all(delays >= np.diag(delays)[:, None])
    assert np.max(np.abs(20 * np.log10(gains * delays / np.diag(delays)))) < SPREAD_DB + 0.1


def test_reverberation_is_as_loud_as_direct_sound_at_the_critical_distance():
    room, rt60 = (10.0, 8.0, 5.0), 0.4
    critical = 0.057 * np.sqrt(400 / rt60)
    assert tail_db(room, critical, rt60) == 0
    assert tail_db(room, critical / 10, rt60) == -20
    assert tail_db(room, critical, 4 * rt60) == pytest.approx(6.02)
    assert tail_db(room, critical, 0) is None


def test_generated_tails_have_the_level_and_reverberation_time_of_the_scene():
    scene = draw_scene("convolutive", SOURCES, RATE, 5, rt60=0.5, distance=1.0)
    for row, gains, delays in zip(scene.responses(), scene.gains, scene.delays, strict=True):
        for response, gain, delay in zip(row, gains, delays, strict=True):
            tail = response - gain * impulse(np.arange(len(response)) / RATE - delay, RATE)
            assert 10 * np.log10(np.sum(tail**2)) == pytest.approx(scene.tail_db, abs=1e-6)
            assert reverberation_time(tail, RATE) == pytest.approx(0.5, rel=0.1)


def test_generated_responses_need_a_level_and_a_reverberation_time():
    described = json.loads(draw_scene("convolutive", SOURCES, RATE, 5).to_json())
    for key in ("tail_db", "rt60"):
        with pytest.raises(InputError, match="needs its tail_db and its rt60"):
            from_json(json.dumps({name: value for name, value in described.items() if name != key}))
