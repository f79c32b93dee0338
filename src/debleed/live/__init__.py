"""Clean microphones while they play: block in, block out."""

from debleed.live.stream import Stream

__all__ = ["Stream"]
