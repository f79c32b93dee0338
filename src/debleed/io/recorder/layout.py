"""What a folder holds: the files that are one, the microphones in them, and their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from debleed.io.recorder.chains import Chain, Part, joints, said
from debleed.io.recorder.facts import Facts, facts_of
from debleed.io.recorder.folders import files_of
from debleed.io.recorder.scene_files import channel_names, file_names
from debleed.io.recorder.telling import told
from debleed.io.session import Session, left_out
from debleed.io.track_names import Names, names_of_channels, numbers_of_channels, of_file
from debleed.recording import InputError


@dataclass(frozen=True)
class Strand:
    """A file or chain, and the microphones in it.

    Parameters
    ----------
    chain
        The file, or the files that are one.
    names
        Name of each channel's microphone, ``None`` for channels that are left out; empty if the whole is one
        microphone or a stereo pair, which has the name of the chain.
    label
        The name that a console's session gives to the file.
    """

    chain: Chain
    names: Names = ()
    label: str | None = None

    @property
    def units(self) -> tuple[str, ...]:
        """Names of what can be a source."""
        return tuple(name for name in self.names if name is not None) if self.names else (self.chain.name,)


@dataclass(frozen=True)
class Layout:
    """What a folder holds.

    Parameters
    ----------
    folder
        The folder that holds all files, directly or below.
    strands
        Its files, joined and with their microphones.
    notes
        What is good to know: gaps, overlaps, files of which nobody can tell.
    """

    folder: Path
    strands: tuple[Strand, ...]
    notes: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether each file is one microphone or a stereo pair and has its own name, as most folders have it."""
        return all(
            not strand.names and not strand.label and len(strand.chain.parts) == 1 and not strand.chain.parts[0].start
            for strand in self.strands
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """All files, in the order of the strands."""
        return tuple(part.facts.path for strand in self.strands for part in strand.chain.parts)

    @property
    def units(self) -> tuple[str, ...]:
        """Names of what can be a source."""
        return tuple(unit for strand in self.strands for unit in strand.units)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Other names of the units: that of the first part, or the number of the channel."""
        found: list[str] = []
        alone = sum(bool(strand.names) for strand in self.strands) == 1
        for strand in self.strands:
            if not strand.names:
                found.append(strand.chain.first.path.name)
            for number, name in zip(_numbers(strand), strand.names, strict=True):
                if name is not None:
                    found.append(number if alone else f"{strand.chain.name} {number}")
        return tuple(found)

    @property
    def labels(self) -> tuple[str | None, ...]:
        """The name inside each file, or that in the console's session; channels are named by theirs already."""
        return tuple(
            label
            for strand in self.strands
            for label in ([None] * len(strand.units) if strand.names else [_label(strand)])
        )

    def moved(self, places: Mapping[Path, Path]) -> Layout:
        """Return the same layout with other files in the place of these."""

        def at(part: Part) -> Part:
            return replace(part, facts=replace(part.facts, path=places[part.facts.path]))

        strands = tuple(
            replace(strand, chain=replace(strand.chain, parts=tuple(map(at, strand.chain.parts))))
            for strand in self.strands
        )
        return replace(self, strands=strands)


def laid_out(folder: Path, session: Session) -> Layout:
    """Tell what a folder holds, as the session says or else from names, headers, time stamps and lengths.

    Raises
    ------
    InputError
        If there is nothing to read, if a name does not exist, or if nobody can tell what belongs together.
    """
    listed = [name for names in (session.parts or {}).values() for name in names]
    paths = files_of(folder, listed)
    kept = [path for path in paths if not {path.name, path.stem} & set(session.leave_out)]
    facts = [facts_of(path) for path in kept]
    places = list(dict.fromkeys((kept[0].parent, folder))) if kept else []
    tracks = channel_names(*places) if session.polyphonic or any(file.channels > 2 for file in facts) else {}
    found = arranged(facts, folder, session, tracks, file_names(places[0]) if places else {})
    known = {name for strand in found.strands for name in (*strand.units, *_numbers(strand))}
    if any(name not in known for name in session.leave_out):
        channels = sorted(known - {path.stem for path in paths} - {path.name for path in paths})
        left_out(session, [*paths, *map(Path, channels)])
    strands = [cut for strand in found.strands if (cut := _without(strand, session.leave_out))]
    if not strands:
        raise InputError(f"every audio file in '{folder}' is left out; keep at least two")
    top = kept[0].parent
    while not all(path.is_relative_to(top) for path in kept):
        top = top.parent
    return Layout(top, tuple(strands), found.notes)


def arranged(
    files: Sequence[Facts],
    folder: Path,
    session: Session,
    tracks: Mapping[int, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Layout:
    """Tell how files belong together, as the session says or else from what they say about themselves.

    Parameters
    ----------
    files
        What the files say about themselves, sorted by their paths.
    folder
        The folder that holds them.
    session
        The user's description; whatever it leaves out is kept.
    tracks, labels
        The names that a console's scene gives to tracks, by their numbers, and its session to files, by their stems.

    Raises
    ------
    InputError
        If a name does not exist, or if nobody can tell what belongs together.
    """
    if session.parts is None:
        chains, notes = told(files)
    else:
        chains, notes = said(files, folder, session.parts), ()
    strands = _named(chains, session.polyphonic, tracks or {}, labels or {})
    return Layout(folder, tuple(strands), (*notes, *joints(chains)))


def _named(
    chains: Sequence[Chain],
    polyphonic: Collection[str] | None,
    tracks: Mapping[int, str],
    labels: Mapping[str, str],
) -> list[Strand]:
    """Name the microphones of chains; each name is unique, whatever the case of its letters."""
    split = [_split(chain, polyphonic) for chain in chains]
    if polyphonic:
        known = {name for chain in chains for name in _names_of(chain)}
        if unknown := [name for name in polyphonic if name not in known]:
            raise InputError(
                f"polyphonic lists '{unknown[0]}', but there is no such file; the files are "
                f"{', '.join(chain.first.path.name for chain in chains)}"
            )
    strands = []
    for chain, many in zip(chains, split, strict=True):
        names: Names = ()
        if many:
            scene = tuple(tracks.get(k + 1) for k in range(chain.first.channels))
            names = _distinct(chain.first.names if any(chain.first.names) else scene)
        stem = chain.first.path.stem
        strands.append(Strand(chain, names, None if many else labels.get(stem)))
    often = Counter(unit.casefold() for strand in strands for unit in strand.units)
    return [_unique(strand, often) for strand in strands]


def _distinct(tracks: Names) -> tuple[str, ...]:
    """Name channels by their tracks, or by their numbers where names differ in nothing but the case of letters."""
    often = Counter(name.casefold() for name in tracks if name)
    return names_of_channels(tuple(name if name and often[name.casefold()] == 1 else None for name in tracks))


def _unique(strand: Strand, often: Mapping[str, int]) -> Strand:
    """Name the microphones of a strand after their file too where other strands have the same names."""
    if strand.names:
        names = tuple(f"{strand.chain.name} {n}" if n and often[n.casefold()] > 1 else n for n in strand.names)
        return replace(strand, names=names)
    if often[strand.chain.name.casefold()] > 1:
        return replace(strand, chain=replace(strand.chain, name=strand.chain.first.path.stem))
    return strand


def _split(chain: Chain, polyphonic: Collection[str] | None) -> bool:
    """Whether each channel is a microphone: of more than two, of two named tracks that are no pair, or as said."""
    if chain.first.channels > 2:
        return True
    if polyphonic is not None:
        return chain.first.channels == 2 and not _names_of(chain).isdisjoint(polyphonic)
    return chain.first.channels == 2 and all(chain.first.names) and of_file(chain.first.names) is None


def _names_of(chain: Chain) -> set[str]:
    files = [part.facts.path for part in chain.parts]
    return {chain.name, *(path.name for path in files), *(path.stem for path in files)}


def _label(strand: Strand) -> str | None:
    return of_file(strand.chain.first.names) or strand.label


def _numbers(strand: Strand) -> tuple[str, ...]:
    return numbers_of_channels(len(strand.names))


def _without(strand: Strand, names: Collection[str]) -> Strand | None:
    """Return a strand without the microphones that are left out, ``None`` if none remains."""
    if not strand.names:
        return None if strand.chain.name in names else strand
    pairs = zip(strand.names, _numbers(strand), strict=True)
    kept = tuple(None if name in names or number in names else name for name, number in pairs)
    return replace(strand, names=kept) if any(kept) else None
