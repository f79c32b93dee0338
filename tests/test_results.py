import pytest

from debleed.io.audio import AudioFile
from debleed.io.results import refuse_existing, warn_of_twins
from debleed.recording import InputError
from takes import noise, put


@pytest.fixture
def file(tmp_path):
    return AudioFile(put(tmp_path / "in" / "a.flac", noise(100)))


def test_results_and_what_replaces_them_are_found(file, tmp_path):
    out = tmp_path / "out"
    refuse_existing([file], out, False)
    for name in ("a.flac", "a.wav"):
        there = put(out / name, noise(9))
        with pytest.raises(InputError, match=f"{name}' exists already"):
            refuse_existing([file], out, False)
        refuse_existing([file], out, True)
        there.unlink()


def test_an_input_is_not_a_result_even_by_force(file, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.flac").hardlink_to(file.path)
    with pytest.raises(InputError, match="one of the files that are read"):
        refuse_existing([file], tmp_path / "out", True, [file.path])


def test_twins_stay_and_are_named(file, tmp_path, caplog):
    written, twin = (put(tmp_path / "out" / name, noise(9)) for name in ("a.flac", "a.wav"))
    warn_of_twins([file], [written])
    assert twin.exists()
    assert "a.wav' is not of this run" in caplog.text
