"""What to do next: advice after a run, from what the sentences say."""

from __future__ import annotations

from collections.abc import Mapping

from debleed.methods.demix.safeguards import LEFT_ALONE, LOUDER_AFTER, NEVER_PAUSES, OWN_SOUND, SHARED_SOUND

MOST_NAMES = 6
"""Number of microphones that an advice names."""

ADVICE = {
    "may be worse than before": "Compare {names} with the original first, and keep what sounds better.",
    "the paths of its bleed changed": "Listen to {names} around the times given above: something moved there, and "
    "more bleed may remain for a few seconds.",
    LEFT_ALONE[
        NEVER_PAUSES
    ]: "{names}: if the source rests somewhere while the others play, learn from that stretch (debleed learn "
    "--region), and clean the recording with debleed apply.",
    LEFT_ALONE[
        OWN_SOUND
    ]: "{names}: if another microphone is on the same source, list both under one source in session.toml.",
    LEFT_ALONE[
        SHARED_SOUND
    ]: "{names}: leave out tracks that are not microphones, such as the return of an effect, and "
    "list microphones of one source together in session.toml.",
    LEFT_ALONE[
        LOUDER_AFTER
    ]: "{names}: how the bleed gets there could not be modelled, since somebody moved or a drum resonates; keep the "
    "original, or use a gate.",
}
"""What a sentence says → what to do about it."""

ALWAYS = (
    "Listen to “Removed”, one microphone at a time. You should not hear the microphone's own source in it; a trace "
    "is normal, words or notes are not.",
    "Where something is missing or the result sounds too dry, remove less: --reduction NAME=12 lowers the bleed by "
    "12 dB instead of removing it. Or put the original file back: every file has kept its name, length and position.",
)


def next_steps(sentences: Mapping[str, str]) -> list[str]:
    """Return what to do next, most important first.

    Parameters
    ----------
    sentences
        Those of :func:`debleed.report.sentences.sentences`, by name.

    Examples
    --------
    >>> next_steps({"bass": "may be worse than before, so compare it with the original."})[0]
    'Compare bass with the original first, and keep what sounds better.'
    """
    found = []
    for said, advice in ADVICE.items():
        names = [name for name, sentence in sentences.items() if said in sentence]
        if names:
            more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            found.append(advice.format(names=", ".join(names[:MOST_NAMES]) + more))
    return [*found, *ALWAYS]
