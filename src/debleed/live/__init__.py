"""Clean microphones in real time: block in, block out."""

from debleed.live.stream import Stream

__all__ = ["Stream"]
