import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from debleed import Recording
from debleed.cli import run
from debleed.evaluate import (
    Scores,
    bleed_matrix_db,
    blind_bleed_matrix,
    level_changes,
    predictable_share,
    score,
    sdr,
    spectra,
)
from debleed.recording import InputError
from debleed.stft import stft

RATE = 16000


def noise(mics: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((mics, length))


# ------------------------------------------------------------------------------------------------ against the truth


def test_half_the_gain_is_6_db() -> None:
    r = noise(2, 1000)
    assert sdr(r, 0.5 * r) == pytest.approx([6.0206, 6.0206], abs=1e-4)


def test_a_sample_of_delay_on_white_noise_is_minus_3_db() -> None:
    r = noise(1, 200_000)
    assert sdr(r, np.roll(r, 1, axis=1)) == pytest.approx([-3.01], abs=0.05)


def test_sdr_follows_no_level_and_no_order() -> None:
    r, e = noise(3, 5000), noise(3, 5000, seed=1)
    e = r + 0.1 * e
    assert sdr(1e-6 * r, 1e-6 * e) == pytest.approx(sdr(r, e))
    assert sdr(-r[::-1], -e[::-1]) == pytest.approx(sdr(r, e)[::-1])


def test_sdr_of_what_is_no_number() -> None:
    r = noise(4, 100)
    e = r.copy()
    r[1] = e[2] = 0
    r[3] = e[3] = 0
    found = sdr(r, e)
    assert found[0] == math.inf
    assert math.isnan(found[1])
    assert found[2] == pytest.approx(0)  # muted
    assert math.isnan(found[3])


def test_sdr_of_recordings_is_that_of_their_samples() -> None:
    r = noise(2, 3000)
    e = r + 0.3 * noise(2, 3000, seed=2)
    found = sdr(Recording.from_array(r, RATE), Recording.from_array(e, RATE))
    assert np.array_equal(found, sdr(r, e))


def test_sdr_refuses_other_shapes() -> None:
    with pytest.raises(InputError, match="differ"):
        sdr(noise(2, 10), noise(2, 11))


def test_medians_are_of_voices_not_of_medians() -> None:
    a = Scores(("x", "y"), (1.0, 2.0), (0.0, 0.0))
    b = Scores(("z",), (30.0,), (25.0,))
    both = a + b
    assert both.sdr_median == 2.0
    assert both.gain == (1.0, 2.0, 5.0)
    assert both.gain_median == 2.0
    with pytest.raises(ValueError, match="joined"):
        a + Scores(("w",), (1.0,))
    with pytest.raises(TypeError):
        sum([a, b])  # a mean that forgot where it starts
    with pytest.raises(TypeError):
        float(a)  # type: ignore[arg-type]


def test_medians_leave_out_the_undefined() -> None:
    scores = Scores(("a", "b", "c"), (math.nan, math.inf, 4.0), (math.nan, math.inf, 1.0))
    assert scores.sdr_median == math.inf
    assert scores.gain[1:] == (0.0, 3.0)
    assert math.isnan(Scores((), ()).sdr_median)
    assert Scores(("a", "b"), (math.inf, math.inf)).sdr_median == math.inf


def test_json_has_no_inf_and_no_nan() -> None:
    scores = Scores(("a", "b", "c"), (math.nan, math.inf, 4.0))
    text = json.dumps(scores.to_json(), allow_nan=False)
    voices = json.loads(text)["voices"]
    assert voices[0]["sdr"] is None
    assert "silent" in voices[0]["sdr_reason"]
    assert "perfect" in voices[1]["sdr_reason"]
    assert voices[2] == {"name": "c", "sdr": 4.0}


def test_score_refuses_recordings_that_do_not_belong_together() -> None:
    a = Recording.from_array(noise(2, 100), RATE)
    for other in (
        Recording.from_array(noise(2, 100), RATE, names=["x", "y"]),
        Recording.from_array(noise(2, 100), 8000),
        Recording.from_array(noise(2, 99), RATE),
    ):
        with pytest.raises(InputError, match="reference"):
            score(a, other)


# ------------------------------------------------------------------------------------------------ without the truth


def test_spectra_are_those_of_the_whole() -> None:
    x = noise(2, 300_001)
    blocks = np.concatenate(list(spectra(Recording.from_array(x, RATE))), axis=2)
    assert np.allclose(blocks, stft(x, 4096, 1024))


def test_predictable_share_of_unrelated_and_of_equal_noise() -> None:
    x = noise(2, 60 * RATE)
    frames = x.shape[1] / 1024
    assert predictable_share(Recording.from_array(x, RATE)) == pytest.approx(0, abs=4 / frames)
    same = np.stack([x[0], np.convolve(x[0], [0, -0.3, 0.1])[: x.shape[1]]])
    assert predictable_share(Recording.from_array(same, RATE)) == pytest.approx(1, abs=1e-3)


def test_predictable_share_of_a_known_mixture() -> None:
    s = noise(2, 60 * RATE)
    g = 0.5
    x = np.stack([s[0], s[1] + g * s[0]])
    known = g**2 / (1 + g**2)  # the coherence of both, in both directions
    recording = Recording.from_array(x, RATE)
    assert predictable_share(recording) == pytest.approx(known, abs=0.01)
    assert predictable_share(Recording.from_array(1e-6 * x, RATE)) == pytest.approx(predictable_share(recording))


def test_predictable_share_knows_voices_and_silence() -> None:
    x = noise(3, 20_000)
    assert math.isnan(predictable_share(Recording.from_array(x, RATE, voices=["a", "a", None])))
    x[1:] = 0
    assert math.isnan(predictable_share(Recording.from_array(x, RATE)))


def taking_turns(levels: np.ndarray, length: int = 8 * RATE) -> np.ndarray:
    """Images ``(mics, voices, samples)`` of noises that overlap a little in time."""
    voices = len(levels)
    t = np.arange(length) / length * voices
    loud = np.array([(np.abs((t - j - 0.5 + voices / 2) % voices - voices / 2) < 0.52) for j in range(voices)])
    return levels[:, :, None] * (loud * noise(voices, length))


def test_bleed_matrix_of_images() -> None:
    images = taking_turns(np.array([[1.0, 0.1], [0.5, 1.0]]))
    assert bleed_matrix_db(images) == pytest.approx(np.array([[0, -20], [-6.02, 0]]), abs=0.01)


def test_the_blind_bleed_matrix_comes_near_the_truth() -> None:
    levels = np.array([[1, 0.1, 0.2], [0.3, 1, 0.1], [0.05, 0.2, 1]])
    images = taking_turns(levels)
    found = blind_bleed_matrix(Recording.from_array(images.sum(axis=1), RATE))
    assert found == pytest.approx(bleed_matrix_db(images), abs=4)
    again = blind_bleed_matrix(Recording.from_array(1e-6 * images.sum(axis=1), RATE))
    assert again == pytest.approx(found)


def test_the_blind_bleed_matrix_leaves_out_pairs_of_one_voice() -> None:
    found = blind_bleed_matrix(Recording.from_array(noise(4, 20_000), RATE, voices=["a", "a", "b", None]))
    assert np.isnan(found[0, 1])
    assert np.isnan(found[3, :3]).all()
    assert np.isfinite(found[[0, 1, 2, 2], [2, 2, 0, 1]]).all()


def test_levels_are_compared_where_a_microphone_leads() -> None:
    images = taking_turns(np.array([[1.0, 0.3], [0.3, 1.0]]))
    before = images.sum(axis=1)
    after = np.stack([0.5 * images[0, 0], images[1, 1]])
    found = level_changes(Recording.from_array(before, RATE), Recording.from_array(after, RATE))
    assert found == pytest.approx([-6.02, 0], abs=0.5)
    unchanged = level_changes(Recording.from_array(before, RATE), Recording.from_array(before, RATE))
    assert unchanged == pytest.approx([0, 0])


# ------------------------------------------------------------------------------------------------ the command


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    images = 0.1 * taking_turns(np.array([[1.0, 0.3], [0.3, 1.0]]), 2 * RATE)
    truth, mics = images[[0, 1], [0, 1]], images.sum(axis=1)
    for folder, sound in {"truth": truth, "mics": mics, "clean": 0.5 * (truth + mics)}.items():
        (tmp_path / folder).mkdir()
        for name, row in zip(("vox", "bass"), sound, strict=True):
            kind = "flac" if folder == "clean" else "wav"
            soundfile.write(tmp_path / folder / f"{name}.{kind}", row, RATE, subtype="PCM_24")
    return tmp_path


def test_evaluate_pairs_by_name_and_writes_json(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folders / "scores.json"
    given = [str(folders / name) for name in ("truth", "clean")]
    assert run(["evaluate", *given, "--mics", str(folders / "mics"), "--json", str(out)]) == 0
    assert "vox" in capsys.readouterr().out
    figures = json.loads(out.read_text())
    assert [voice["name"] for voice in figures["voices"]] == ["bass", "vox"]
    assert all(voice["gain"] == pytest.approx(6.02, abs=0.01) for voice in figures["voices"])
    assert figures["median"]["gain"] == pytest.approx(6.02, abs=0.01)


def test_evaluate_blind(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folders / "blind.json"
    assert run(["evaluate", str(folders / "mics"), str(folders / "truth"), "--blind", "--json", str(out)]) == 0
    assert "predictable share" in capsys.readouterr().out
    figures = json.loads(out.read_text())
    assert figures["predictable_share"]["after"] < figures["predictable_share"]["before"]
    assert set(figures["level_change_db"]) == {"vox", "bass"}


def test_evaluate_refuses_what_does_not_match(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folders / "clean" / "vox.flac").unlink()
    assert run(["evaluate", str(folders / "truth"), str(folders / "clean")]) == 2
    assert "lacks vox" in capsys.readouterr().err
    soundfile.write(folders / "clean" / "vox.wav", np.zeros(100), RATE)
    soundfile.write(folders / "clean" / "bass.flac", np.zeros(100), RATE)
    assert run(["evaluate", str(folders / "truth"), str(folders / "clean")]) == 2
    assert "sample by sample" in capsys.readouterr().err
    assert run(["evaluate", str(folders / "truth"), str(folders / "nowhere")]) == 2
    assert run(["evaluate", str(folders / "truth"), str(folders / "truth"), "--blind", "--mics", str(folders)]) == 2
