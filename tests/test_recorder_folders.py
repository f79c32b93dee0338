import logging

import pytest

from debleed import InputError
from debleed.io.recorder.folders import files_of
from recorders import band, put


def audio(folder, *names):
    for name in names:
        put(folder / name, band(1, 90))


def test_files_in_the_folder_itself_count_first(tmp_path):
    audio(tmp_path, "mix.wav", "Audio Files/kick.wav")
    assert files_of(tmp_path) == (tmp_path / "mix.wav",)


@pytest.mark.parametrize("place", ["Audio Files", "Media", "AHSQ/USBMTK/SQ-MT001", "X_LIVE/5F3A21B0"])
def test_the_only_folder_below_with_audio_is_found_and_named(tmp_path, caplog, place):
    audio(tmp_path, f"{place}/kick.wav", "Bounced Files/mix.wav", ".trash/old.wav", "Media/Renders/mix.wav")
    with caplog.at_level(logging.INFO):
        assert files_of(tmp_path) == (tmp_path / place / "kick.wav",)
    assert caplog.messages[0] == f"audio files in {tmp_path / place}"


def test_several_folders_with_audio_are_several_recordings(tmp_path):
    audio(tmp_path, *(f"SQ-MT{i:03d}/TRK01.WAV" for i in range(1, 10)))
    with pytest.raises(InputError, match=r"in several folders \(SQ-MT001, .*, SQ-MT006 and 3 more\); use one of them"):
        files_of(tmp_path)


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "gig").mkdir()
    (tmp_path / "gig/loop").symlink_to(tmp_path)
    audio(tmp_path, "elsewhere/a.wav")
    with pytest.raises(InputError, match="there is no audio file directly in"):
        files_of(tmp_path / "gig")


def test_nobody_looks_deeper_than_cards_are(tmp_path):
    audio(tmp_path, "1/2/3/4/5/a.wav")
    with pytest.raises(InputError, match="there is no audio file directly in"):
        files_of(tmp_path)
    assert files_of(tmp_path / "1") == (tmp_path / "1/2/3/4/5/a.wav",)


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(InputError, match="there is no file or folder"):
        files_of(tmp_path / "gig")
    with pytest.raises(InputError, match="there is no file or folder"):
        files_of(tmp_path / "gig", ["a/b.wav"])
