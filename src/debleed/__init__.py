"""Remove microphone bleed from multitrack recordings, from all microphones at once.

A :class:`Recording` holds microphones that were recorded together. :func:`learn` finds out how they hear each other and
returns a :class:`Stage`, which cleans this recording and any other of the same microphones; :func:`remove` does both.
:func:`clean_folder` does the whole job from a folder of files to a folder of files, as the command line does.
An :class:`InputError` says in a sentence what cannot be used.

Examples
--------
Two sources that come and go, each of which the other's microphone hears as well:

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
