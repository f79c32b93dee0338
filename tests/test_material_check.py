import shutil
from pathlib import Path

import pytest
import soundfile

from debleed.recording import InputError
from debleed.scenes.material_check import examine, read_sums, sums_of
from debleed.scenes.set_file import read_sets
from sets import sets_file


def test_tells_ours_from_others_and_from_nothing(tmp_path: Path) -> None:
    book, sums = read_sets(sets_file(tmp_path)), tmp_path / "sets.sha256"
    sums.write_text(sums_of(book))
    songs, kit = examine(book, sums)
    assert (songs.files, songs.other, songs.missing) == (6, (), ())
    assert (kit.files, kit.other, kit.missing) == (18, (), ())

    bass = tmp_path / "material" / "songs" / "A" / "bass.flac"
    samples, rate = soundfile.read(bass)
    soundfile.write(bass, samples[::-1], rate)
    (tmp_path / "material" / "songs" / "B" / "drums.flac").unlink()
    shutil.rmtree(tmp_path / "material" / "kit" / "snare")
    songs, kit = examine(book, sums)
    assert songs.other == (bass,)
    assert songs.missing == (tmp_path / "material" / "songs" / "B" / "drums.flac",)
    assert kit.missing == (tmp_path / "material" / "kit" / "snare",)


def test_without_checksums_every_file_is_another_one(tmp_path: Path) -> None:
    songs, _ = examine(read_sets(sets_file(tmp_path)), tmp_path / "none.sha256")
    assert len(songs.other) == songs.files == 6


def test_damaged_checksums_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.sha256").write_text("nonsense\n")
    with pytest.raises(InputError, match="a line that is not a checksum"):
        read_sums(tmp_path / "x.sha256")
