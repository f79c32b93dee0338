"""Files and folders, and the recordings they hold: audio, sessions, saved stages, results that appear all at once."""
