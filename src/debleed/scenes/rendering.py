"""Render scenes from dry stems to recordings and files: microphones, images and the description of the scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from debleed.io.audio import Take
from debleed.io.audio_file import at_rate
from debleed.io.staging import Staging
from debleed.io.writing import write_mics
from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording, Samples
from debleed.scenes.base import Scene


def mono_stems(take: Take) -> Samples:
    """Read whole files as stems of shape ``(stems, samples)``, float32, each the mean of its channels.

    Raises
    ------
    InputError
        If a sample is not finite.
    """
    stems = np.empty((len(take.files), take.length), np.float32)
    for row, file in zip(stems, take.files, strict=True):
        row[:] = at_rate(file, take.rate, np.float32)(0, take.length).mean(axis=0)
        bad = np.flatnonzero(~np.isfinite(row))
        if len(bad):
            raise InputError(
                f"'{file.path}' contains a sample that is NaN or infinite at {bad[0] / take.rate:.2f} s; "
                "export it again"
            )
    return stems


def render_own(scene: Scene, stems: Samples, progress: Progress = quiet) -> tuple[Recording, Recording]:
    """Render the microphones and the image of its own source in each, one microphone at a time to save memory.

    Parameters
    ----------
    scene
        The scene.
    stems
        ``(stems, samples)`` at the scene's rate.
    progress
        Receives the progress.

    Returns
    -------
    The recording as a folder of files would give it, each file a source of its own (:func:`known` says more), and the
    truth of those of its tracks that have one.
    """
    channels = scene.channels
    mics, own = np.empty((2, len(channels), *stems.shape[1:]), stems.dtype)
    for done, piece in enumerate(scene.pieces(stems), start=1):
        mics[done - 1], own[done - 1] = piece.mics[0], piece.own[0]
        progress("bleed", done / len(channels))
    names, files = [channel.name for channel in channels], [channel.file for channel in channels]
    scored = [i for i, channel in enumerate(channels) if channel.scored]
    truth = Recording.from_array(own, scene.rate, names, files).select(scored)
    return Recording.from_array(mics, scene.rate, names, files), truth


def known(scene: Scene, recording: Recording) -> Recording:
    """Add to the recording of a scene what a sound engineer knows: the source of each track, and the references."""
    channels = {channel.name: channel for channel in scene.channels}
    mine = [channels[name] for name in recording.names]
    return replace(
        recording,
        sources=tuple(channel.source for channel in mine),
        references=frozenset(channel.name for channel in mine if channel.reference),
    )


def stage_item(staging: Staging, scene: Scene, mics: Recording, own: Recording) -> None:
    """Write ``mics/<file>.wav``, ``images/<file>.wav`` and ``scene.json``; they appear when staging commits."""
    write_mics(staging.folder("mics"), mics)
    write_mics(staging.folder("images"), own)
    (staging.folder() / "scene.json").write_text(scene.to_json() + "\n", encoding="utf-8")
