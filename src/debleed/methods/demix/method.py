"""Blind demixing: broadband filters, narrowband matrices where those are too short, tracking and a postfilter."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from debleed.methods import Arrays, Side
from debleed.methods.arrays import checked
from debleed.methods.demix.background import Background
from debleed.methods.demix.bleed import Bleed
from debleed.methods.demix.broadband import FIRST_WINDOW, LONGEST_WINDOW
from debleed.methods.demix.demixed import Demixed
from debleed.methods.demix.excerpt import sounding_excerpt
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.gain_changes import GainChanges
from debleed.methods.demix.narrowband import Narrowband
from debleed.methods.demix.own_sound import OwnSound
from debleed.methods.demix.postfilter import Postfilter
from debleed.methods.demix.safeguards import CLEANED, LEFT_ALONE
from debleed.methods.demix.steps import STEPS, State, almost_silent
from debleed.methods.demix.tracking import Tracking
from debleed.progress import Progress, quiet, within
from debleed.recording import InputError, Recording

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Demix:
    """Blind demixing filters over all microphones; tracking and a postfilter remove the bleed that they leave.

    :mod:`debleed.methods.demix.broadband` describes how the filters are estimated,
    :mod:`debleed.methods.demix.narrowband` treats microphones that are far from their sources,
    :mod:`debleed.methods.demix.tracking` follows what moves, and :mod:`debleed.methods.demix.postfilter` is the
    postfilter. The fields are the settings that an ablation changes;
    constants that were derived or measured are defined in the modules that use them.
    """

    seconds: float = field(default=120.0, metadata={"help": "longest excerpt to learn from, in seconds"})
    gain_calibration: bool = field(default=True, metadata={"help": "compensate microphone gains that clearly differ"})
    narrowband: bool = field(
        default=True, metadata={"help": "use one matrix per bin where microphones are far from their sources"}
    )
    tracking: bool = field(default=True, metadata={"help": "follow what moves, and remove what fixed filters leave"})
    postfilter: bool = field(
        default=True,
        metadata={"help": "attenuate the bleed that the filters leave, and give back own sound that they take"},
    )
    in_step: bool = field(
        default=True, metadata={"help": "compensate files that begin late, clocks that differ and delays that jump"}
    )
    first_window: float = field(default=FIRST_WINDOW, metadata={"help": "length of the first STFT window, in seconds"})
    longest_window: float = field(default=LONGEST_WINDOW, metadata={"help": "length of the longest window, in seconds"})

    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        for name in ("seconds", "first_window", "longest_window"):
            if not 0 < getattr(self, name) < np.inf:
                raise InputError(f"{name} must be a number above 0, got {getattr(self, name)}")

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Demixed:  # noqa: B008
        """Learn everything from an excerpt of at most ``seconds``, which bounds the memory."""
        sounding, samples, level = sounding_excerpt(recording, self.seconds)
        # quietest first: the result depends on the order a little, so it may not be that of the files
        order = np.argsort(np.mean(np.square(samples), axis=1), kind="stable")
        sounding, samples = sounding[order], samples[order]
        allowed = recording.can_bleed()[np.ix_(sounding, sounding)]
        if not allowed.any():
            return Demixed.none(len(recording))
        state = State.begun(samples, recording.rate, allowed, recording.select(sounding.tolist()).sources)
        done, total = 0.0, sum(share for _, share in STEPS)
        for step, share in STEPS:
            progress("demix", done / total)
            state = step(state, self, within(progress, done / total, (done + share) / total))
            done += share
        progress("demix", 1.0)
        if silent := [recording.names[i] for i in sounding[almost_silent(state.samples, state.sources)]]:
            log.warning(
                "hardly anything but bleed in %s, so the bleed of its source cannot be estimated; do not apply this "
                "stage to a recording in which it plays, but learn from that recording again",
                ", ".join(silent),
            )
        learned = replace(state.learned, verdicts=np.where(state.allowed.any(axis=1), state.verdicts, CLEANED))
        return learned.rescaled(level * state.gains).placed(sounding, len(recording))

    def restore(self, arrays: Arrays, mics: int) -> Demixed:
        """Rebuild what was learnt from ``mics`` microphones out of :meth:`Demixed.arrays`.

        Raises
        ------
        InputError
            If arrays are missing or invalid.
        """
        kind = Narrowband if "matrices" in arrays else Filters
        verdicts = checked(arrays, "verdicts", np.int64, (mics,))
        if not set(verdicts.tolist()) <= set(range(len(LEFT_ALONE))):
            raise InputError("it leaves microphones alone for a reason that this version does not know")
        learned = (
            kind.restored(arrays, mics),
            Background.restored(arrays, mics),
            OwnSound.restored(arrays, mics),
            GainChanges.restored(arrays, mics),
            Tracking.restored(arrays, mics),
            Postfilter.restored(arrays, mics),
            Bleed.restored(arrays, mics),
        )
        return Demixed(*learned, verdicts)
