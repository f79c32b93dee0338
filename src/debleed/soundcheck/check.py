"""Compare the tracks of a recording."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from debleed.methods.demix.broadband import window_length
from debleed.methods.demix.companions import coherent_share
from debleed.methods.demix.excerpt import sounding_excerpt, spectra
from debleed.naming.reading import read
from debleed.recording import Recording
from debleed.soundcheck.copies import find_copies
from debleed.soundcheck.findings import Soundcheck
from debleed.soundcheck.groups import find_boxes, find_groups, joined
from debleed.soundcheck.mixes import find_mixes

SECONDS = 120.0
"""Longest excerpt that is compared, in seconds."""

WINDOW = 0.09
"""Seconds of the STFT window in which levels and coherence are compared: long against the delays on a stage."""


def soundcheck(recording: Recording, settled: Collection[str] = ()) -> Soundcheck:
    """Compare the tracks of a recording.

    Parameters
    ----------
    recording
        All tracks; room microphones are ignored.
    settled
        Names of the microphones whose source the user has named: no two of them are grouped, and none is a mix.
    """
    with_source = [i for i, source in enumerate(recording.sources) if source is not None]
    if len(with_source) < 2 or not recording.length:
        return Soundcheck()
    tracks = recording.select(with_source)
    sounding, samples, _ = sounding_excerpt(tracks, SECONDS)
    if len(sounding) < 2:
        return Soundcheck()
    names = [tracks.names[i] for i in sounding]
    sources = [tracks.sources[i] for i in sounding]
    copies = find_copies(samples, recording.rate)
    rest = np.setdiff1d(np.arange(len(names)), [copy.track for copy in copies])
    mixes = {int(rest[k]) for k in find_mixes(samples[rest]) if names[rest[k]] not in settled}
    rest = np.setdiff1d(rest, list(mixes))
    # microphones hear the far end of a call, or a playback, as loud as it pleases: it is bleed all the same
    rest = np.array([i for i in rest if not (names[i] in tracks.references and read(names[i]).signal)], np.intp)
    heard = spectra(samples[rest], window_length(WINDOW, recording.rate))
    boxes = [k for k, i in enumerate(rest) if names[i] in tracks.references]
    found = [*find_groups(heard, recording.rate), *(find_boxes(coherent_share(heard), boxes) if boxes else [])]
    pairs = [(int(rest[i]), int(rest[j])) for i, j in found]
    free = [(i, j) for i, j in pairs if sources[i] != sources[j] and not (names[i] in settled and names[j] in settled)]
    return Soundcheck(
        {names[copy.track]: (names[copy.original], copy.gain) for copy in copies},
        tuple(names[m] for m in sorted(mixes)),
        tuple(tuple(names[k] for k in group) for group in joined(free, len(names))),
    )
