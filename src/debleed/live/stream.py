"""A stage applied to a stream of blocks."""

from __future__ import annotations

import numpy as np

from debleed.live.attenuating import Attenuating
from debleed.live.background import BackgroundKept
from debleed.live.convolution import Block, Delay
from debleed.live.fixed import Fixed
from debleed.live.own_sound import OwnSoundKept
from debleed.live.step import Step
from debleed.live.tracking import Following
from debleed.methods.demix.demixed import Demixed
from debleed.methods.demix.narrowband import Narrowband
from debleed.recording import InputError, Recording, Samples
from debleed.stage import Stage

SHORTEST, LONGEST = 64, 2048
"""Samples of a block that sound systems ask for."""

LOUDEST = 1e6
"""Samples beyond (120 dB over full scale) are no sound. They would stay in the filters' memory for ever, as a sample
that is no number would."""


class Stream:
    """Clean microphones in real time, with what a stage of ``demix`` has learnt.

    A stream remembers what it has heard: make one for each performance, and pass it every block in order. It expects
    all microphones on one clock, as one sound device gives them; nothing is put in step.

    Parameters
    ----------
    stage
        What was learnt, at the rate at which the stream runs.
    block
        Samples of a block, 64 to 2048, any number.
    lookahead
        Seconds that the filters may look ahead, which is latency. What reaches further is cut off. ``None`` is as far
        as they reach, and removes what :meth:`debleed.Stage.apply` removes.
    background
        Whether to give back what the filters carry of the background, if the stage has one.
    own_sound
        Whether to give back what the filters take of a microphone's own sound.
    tracking
        Whether to follow what moves.
    postfilter
        Whether to attenuate what is left.

    Raises
    ------
    InputError
        For stages of other methods, for those with a matrix per bin, and for a block or a lookahead that is none.
    """

    def __init__(
        self,
        stage: Stage,
        block: int,
        *,
        lookahead: float | None = 0.0,
        background: bool = True,
        own_sound: bool = True,
        tracking: bool = True,
        postfilter: bool = True,
    ) -> None:
        learned = streamable(stage)
        if not SHORTEST <= block <= LONGEST or block != int(block):
            raise InputError(f"a block must have {SHORTEST} to {LONGEST} samples, got {block}")
        if lookahead is not None and not 0 <= lookahead < np.inf:
            raise InputError(f"the lookahead must be 0 seconds or more, got {lookahead}")
        self.stage = stage
        self.block = int(block)
        most_ahead = None if lookahead is None else round(lookahead * stage.rate)
        filters, rate = learned.filters, stage.rate
        assert not isinstance(filters, Narrowband)  # streamable refuses them
        steps: list[Step] = []
        if not filters.is_identity:
            steps.append(Fixed(filters, most_ahead, self.block))
        if background and not learned.background.silent and not filters.is_identity:
            steps.append(BackgroundKept(learned.background, filters, most_ahead, rate, self.block))
        if own_sound and learned.own_sound.changed_mics.any():
            steps = [OwnSoundKept(learned.own_sound, steps, rate, self.block)]
        if tracking and learned.tracking.changed_mics.any():
            steps.append(Following(learned.tracking, learned.background, rate, self.block))
        if postfilter and learned.postfilter.leakage.any():
            steps.append(Attenuating(learned.postfilter, rate, self.block))
        self._steps = steps
        self._chosen = stage.with_source
        self._treated = [i for i in self._chosen if stage.names[i] not in stage.references]
        self._rows = [self._chosen.index(i) for i in self._treated]
        self._delay = Delay(len(stage.names), self.latency)

    @property
    def latency(self) -> int:
        """Samples by which the result is late, beyond the block itself, for all microphones alike."""
        return sum(step.latency for step in self._steps)

    def process(self, samples: Samples) -> Block:
        """Clean the next block.

        Parameters
        ----------
        samples
            ``(mics, block)``: the microphones of the stage, in its order; full scale is ±1. Samples that are no number
            count as silence.

        Returns
        -------
        ``(mics, block)`` as float32: what :meth:`debleed.Stage.apply` would return, ``latency`` samples late.

        Raises
        ------
        InputError
            For another number of microphones or samples.
        """
        wanted = len(self.stage.names), self.block
        if samples.shape != wanted:
            raise InputError(f"a block of this stream has the shape {wanted}, got {samples.shape}")
        block = np.asarray(samples, np.float32)
        if not np.abs(block).max() <= LOUDEST:
            block = np.where(np.abs(block) <= LOUDEST, block, np.float32(0))
        before = self._delay.process(block)
        sound = block[self._chosen]
        for step in self._steps:
            sound = step.process(sound)
        if not self._steps:
            return before
        out = before.copy()
        out[self._treated] = sound[self._rows]
        return self._with_copies(before, out)

    def _with_copies(self, before: Block, after: Block) -> Block:
        """Clean the copies like their originals."""
        soundcheck = self.stage.soundcheck
        if not soundcheck.copies:
            return after
        was, now = (Recording.from_array(rows, self.stage.rate, self.stage.names) for rows in (before, after))
        return soundcheck.completed(was, now).read().astype(np.float32)


def streamable(stage: Stage) -> Demixed:
    """Return what a stage has learnt if it can be applied to a stream.

    Raises
    ------
    InputError
        If it cannot.
    """
    if not isinstance(stage.learned, Demixed):
        raise InputError(f"a stage of '{stage.method}' cannot be applied live; learn one with 'demix'")
    if isinstance(stage.learned.filters, Narrowband):
        window = 2 * (len(stage.learned.filters.matrices) - 1) / stage.rate
        raise InputError(
            f"this stage has one matrix per bin, whose windows of {window:.1f} s are too late for live sound; learn it "
            "with --set narrowband=false"
        )
    return stage.learned
