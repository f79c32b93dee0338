"""Folders of dry stems in the layout of MUSDB18-HQ: ``<split>/<track>/<stem>.wav``, with any number of stems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from debleed.io.audio import Take, audio_files, is_audio, refuse_twins
from debleed.io.audio_file import AudioFile
from debleed.io.documents import Place
from debleed.recording import InputError

SUM = "mixture"
"""Name of the file that is the sum of the stems."""

MUSDB_STEMS = ("bass", "drums", "other", "vocals")
MUSDB_TRACKS = {"test": 50, "train": 100}
MUSDB_RATE, MUSDB_CHANNELS = 44100, 2
MUSDB_SOURCE = (
    "MUSDB18-HQ is obtained from https://doi.org/10.5281/zenodo.3338373 (22 GB). It is for education and research, not "
    "for commercial use; the licence of each track is listed at https://sigsep.github.io/datasets/musdb.html."
)
"""Where to get it, for messages. Nothing here downloads it."""


@dataclass(frozen=True)
class Track:
    """The folder of stems of one song.

    Parameters
    ----------
    split, name
        Names of its folders, such as ``test`` and ``AM Contra - Heart Peripheral``.
    folder
        Where its files are.
    """

    split: str
    name: str
    folder: Path

    @property
    def id(self) -> str:
        """``<split>/<track>``, the same on every system."""
        return f"{self.split}/{self.name}"

    def names(self) -> list[str]:
        """List the names of the audio files other than the mixture, without opening them."""
        return [path.stem for path in self.folder.iterdir() if is_audio(path) and path.stem != SUM]

    def stems(self) -> dict[str, Path]:
        """Return the files of its stems by name, without the mixture.

        Raises
        ------
        InputError
            If there are none, or two of one name.
        """
        paths = audio_files(self.folder)
        refuse_twins(paths)
        files = {path.stem: path for path in paths if path.stem != SUM}
        if not files:
            raise InputError(f"there is no stem in '{self.folder}', only the mixture; add the stems")
        return files

    def take(self, stems: Sequence[str], rate: int | None) -> Take:
        """Open the named stems.

        Raises
        ------
        InputError
            For a missing or damaged file.
        """
        files = self.stems()
        if missing := [stem for stem in stems if stem not in files]:
            raise InputError(f"'{self.folder}' lacks {', '.join(missing)}; it has {', '.join(files)}")
        return Take.open([files[stem] for stem in stems], rate=rate)


def find_tracks(root: Place) -> list[Track]:
    """List the tracks of all splits, sorted by name.

    Raises
    ------
    InputError
        If the folder does not exist or contains no track.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"there is no folder '{root}'")
    splits = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    tracks = [
        Track(split.name, folder.name, folder)
        for split in splits
        for folder in sorted(split.iterdir())
        if folder.is_dir() and not folder.name.endswith(".part") and any(is_audio(path) for path in folder.iterdir())
    ]
    for track in tracks:
        try:
            track.id.encode("utf-8")
        except UnicodeEncodeError:
            raise InputError(f"the name of the track {track.id!r} is not valid UTF-8; rename its folder") from None
    if not tracks:
        raise InputError(
            f"there is no track in '{root}'; the stems of a track are expected as <split>/<track>/<stem>.wav, "
            "for example test/Song/vocals.wav"
        )
    return tracks


def common_stems(tracks: Sequence[Track]) -> tuple[str, ...]:
    """Return the stems that a track is expected to have: those that at least half of the tracks have, sorted.

    Raises
    ------
    InputError
        If the tracks have none in common.
    """
    counts = Counter(stem for track in tracks for stem in track.names())
    stems = tuple(sorted(stem for stem, count in counts.items() if 2 * count >= len(tracks)))
    if not stems:
        raise InputError(
            "the tracks have no stem names in common; bleed them one folder at a time with 'debleed simulate'"
        )
    return stems


def musdb_complaints(root: Place) -> list[str]:
    """Check a folder that should be MUSDB18-HQ; return one sentence for everything missing or damaged."""
    try:
        tracks = find_tracks(root)
    except InputError as refusal:
        return [str(refusal)]
    found = Counter(track.split for track in tracks)
    complaints = [
        f"{split}/ has {found[split]} tracks of {count}"
        for split, count in MUSDB_TRACKS.items()
        if found[split] < count
    ]
    complaints += [f"{split}/ is not a split of MUSDB18-HQ" for split in sorted(set(found) - set(MUSDB_TRACKS))]
    return complaints + [sentence for track in tracks for sentence in track_complaints(track)]


def track_complaints(track: Track) -> list[str]:
    """Check the files of one track of MUSDB18-HQ; return one sentence for everything wrong."""
    files = {path.stem: path for path in audio_files(track.folder)}
    complaints = [f"{track.id} lacks {stem}.wav" for stem in (SUM, *MUSDB_STEMS) if stem not in files]
    lengths = set()
    for stem in (SUM, *MUSDB_STEMS):
        if stem in files:
            try:
                file = AudioFile(files[stem])
            except InputError as refusal:
                complaints.append(str(refusal))
                continue
            lengths.add(file.frames)
            if (file.rate, file.channels) != (MUSDB_RATE, MUSDB_CHANNELS):
                complaints.append(
                    f"{track.id}/{files[stem].name} has {file.channels} channels at {file.rate} Hz, "
                    f"not {MUSDB_CHANNELS} at {MUSDB_RATE}"
                )
            file.close()
    if len(lengths) > 1:
        complaints.append(f"{track.id}: its files have {min(lengths)} to {max(lengths)} samples, not all the same")
    return complaints
