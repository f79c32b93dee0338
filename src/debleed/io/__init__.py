"""Input and output: audio files, sessions, saved stages, and results that appear all at once."""
