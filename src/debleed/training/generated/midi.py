"""Standard MIDI Files with one track and one player, for a synthesizer.

Standard MIDI Files 1.0, RP-001 of the MIDI Manufacturers Association: chunks of type, length and content; events after
their delta time, a number of seven bits a byte.
"""

from __future__ import annotations

from debleed.training.generated.score import Part

TICKS = 1000
"""Ticks per quarter note; at 60 quarter notes per minute, a tick is a millisecond."""

DRUMS = 9
"""The channel of the drums, from 0."""


def variable_length(number: int) -> bytes:
    """Write a number in groups of seven bits, all but the last with the high bit set.

    Examples
    --------
    >>> variable_length(64).hex(), variable_length(128).hex(), variable_length(0x0FFFFFFF).hex()
    ('40', '8100', 'ffffff7f')
    """
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(0x80 | number & 0x7F)
    return bytes(reversed(groups))


def midi_file(part: Part, channel: int = 0) -> bytes:
    """Write a part as a Standard MIDI File of format 0.

    Parameters
    ----------
    part
        The notes, in seconds.
    channel
        From 0; :data:`DRUMS` for a drum kit.
    """
    events = [(0, b"\xff\x51\x03" + (1_000_000).to_bytes(3, "big"))]  # microseconds per quarter note
    events.append((0, bytes((0xC0 | channel, part.instrument.program))))
    notes = []
    for note in part.notes:
        start = round(note.start * TICKS)
        notes.append((start + max(1, round(note.length * TICKS)), bytes((0x80 | channel, note.pitch, 0))))
        notes.append((start, bytes((0x90 | channel, note.pitch, note.velocity))))
    events += sorted(notes)  # at the same tick, a note ends (0x80) before another begins (0x90)
    track, before = b"", 0
    for at, event in events:
        track += variable_length(at - before) + event
        before = at
    track += b"\x00\xff\x2f\x00"
    head = (0).to_bytes(2, "big") + (1).to_bytes(2, "big") + TICKS.to_bytes(2, "big")
    return b"MThd" + len(head).to_bytes(4, "big") + head + b"MTrk" + len(track).to_bytes(4, "big") + track
