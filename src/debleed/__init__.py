"""Remove microphone bleed from multitrack recordings, from all microphones at once."""

from debleed.recording import Recording

__version__ = "0.1.0"
__all__ = ["Recording", "__version__"]
