"""Remove microphone bleed from multitrack recordings, using all microphones together.

A :class:`Recording` holds microphones that were recorded together. :func:`learn` estimates how they pick up each
other's sources and returns a :class:`Stage`, which cleans this recording and any other of the same microphones.
:func:`remove` does both in one call. :func:`clean_folder` cleans a folder of files, like the command line. An
:class:`InputError` says in one sentence why an input cannot be used.

Examples
--------
Two sources of changing level, each of which the other's microphone picks up too:

>>> import numpy as np
>>> from debleed import Recording, remove
>>> rng = np.random.default_rng(0)
>>> sources = rng.standard_normal((2, 80_000)) * np.repeat(rng.random((2, 40)), 2_000, axis=1)
>>> bleeding = np.array([[1.0, 0.5], [0.3, 1.0]]) @ sources
>>> clean = remove(Recording.from_array(bleeding, rate=8_000, names=["vox", "bass"]))
>>> clean.names, clean.length
(('vox', 'bass'), 80000)
>>> bool(np.abs(clean.read() - sources).max() < 0.05 * np.abs(bleeding - sources).max())
True
"""

from debleed.job import clean_folder
from debleed.recording import InputError, Recording
from debleed.remove import learn, remove
from debleed.stage import Stage

__version__ = "0.2.0"
__all__ = ["InputError", "Recording", "Stage", "__version__", "clean_folder", "learn", "remove"]
