"""What a network is trained on: the songs of a folder, or the generated corpus."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from debleed.io.documents import Place
from debleed.progress import Progress, quiet
from debleed.recording import InputError
from debleed.scenes.scene_sets import Sampled, Songs
from debleed.scenes.set_file import Book
from debleed.scenes.tracks import Track, common_stems, find_tracks
from debleed.training.generated.bands import Bands
from debleed.training.generated.kinds import kinds_of_bands
from debleed.training.generated.render import require_players
from debleed.training.generated.score import ROLES
from debleed.training.material import Song, load_songs

VALIDATING, TESTING = 2, 4
"""Bands of each kind for validation and for the table of kinds."""


@dataclass(frozen=True)
class Stock:
    """Songs for training.

    Parameters
    ----------
    sources
        Names of their stems.
    learn, validate
        Songs to learn from, and songs that choose the checkpoint.
    names
        What was learnt from, for the model card.
    kinds
        Kind → songs on which the result is measured, of kinds that are learnt from and of others.
    noise_db
        Range of the noise of the microphones relative to their level, in dB; ``None`` for none.
    """

    sources: tuple[str, ...]
    learn: Sequence[Song]
    validate: Sequence[Song]
    names: tuple[str, ...]
    kinds: Mapping[str, Sequence[Song]] = field(default_factory=dict)
    noise_db: tuple[float, float] | None = None


def stock_of_folder(
    corpus: Place, validation: Sequence[str], rate: int, cache: Path, progress: Progress = quiet
) -> Stock:
    """Load the songs of a folder: whole songs of the split ``train``.

    By default, every seventh track is for validation, if there are at least two. The split ``test`` is never used.

    Raises
    ------
    InputError
        If there are no training tracks, or a named track does not exist.
    """
    tracks = [track for track in find_tracks(Path(corpus)) if track.split == "train"]
    if not tracks:
        raise InputError(f"'{corpus}' has no split 'train', which training needs")
    names = [track.name for track in tracks]
    if strangers := sorted(set(validation) - set(names)):
        raise InputError(f"the track '{strangers[0]}' does not exist in the split 'train' of '{corpus}'")
    chosen = set(validation) or set(names[1::7])
    learn = [track for track in tracks if track.name not in chosen]
    if not learn:
        raise InputError("every track is for validation, so none is left for training; name fewer")
    validate, sources = [track for track in tracks if track.name in chosen], common_stems(tracks)
    songs = load_songs([*learn, *validate], sources, rate, cache, progress)
    return Stock(sources, songs[: len(learn)], songs[len(learn) :], tuple(track.id for track in learn))


GENERATED = "generated"
"""The name of the generated corpus."""


def generated_stock(
    book: Book | None,
    left_out: Sequence[str],
    bands: int,
    seed: str,
    rate: int,
    cache: Path,
    progress: Progress = quiet,
) -> Stock:
    """Put the generated corpus together; its bands are rendered when they are needed.

    Parameters
    ----------
    book
        The songs and drum kits to learn from as well, those that are there.
    left_out
        Kinds not to learn from: a genre, ``speech``, a drum kit or a song.
    bands
        Bands of each kind.
    seed, rate, cache
        Of the bands.

    Raises
    ------
    InputError
        If a program or the sound font is missing, a kind does not exist, or none is left.
    """
    require_players(speech=True)
    sources = {name: source for name, source in (book.sources if book else {}).items() if source.folder.is_dir()}
    kits = {name: source.kit for name, source in sources.items() if isinstance(source, Sampled)}
    recorded: dict[str, Song] = {}
    for source in sources.values():
        if isinstance(source, Songs):
            tracks = [Track("songs", name, source.folder / name) for name in source.starts]
            recorded |= dict(zip(source.starts, load_songs(tracks, ROLES, rate, cache, progress), strict=True))
    everything = kinds_of_bands(tuple(kits))
    if strangers := sorted(set(left_out) - {*everything, *recorded}):
        raise InputError(f"there is no kind '{strangers[0]}'; the kinds are {', '.join((*everything, *recorded))}")
    kinds = kinds_of_bands(tuple(kits), tuple(left_out))
    known = {name: song for name, song in recorded.items() if name not in left_out}
    if not kinds:
        raise InputError("every kind of band is left out, so none is left for training; name fewer")
    learn = Bands(kinds, bands, seed, rate, cache, kits, known)
    validate = Bands(kinds, VALIDATING, f"{seed}/validation", rate, cache, kits, {})
    test = dataclasses.replace(validate, each=min(bands, TESTING), seed=f"{seed}/test")
    tested: dict[str, Sequence[Song]] = {
        name: dataclasses.replace(test, kinds={name: kind}) for name, kind in everything.items()
    }
    tested |= {name: [song] for name, song in recorded.items()}
    return Stock(ROLES, learn, validate, (*kinds, *known), tested, NOISE_DB)


NOISE_DB = (-65.0, -35.0)
"""Noise of the microphones of the generated corpus, relative to their level."""
