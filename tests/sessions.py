"""Helpers for tests of sessions: write a session file, and assign units as the job does."""

from debleed import assignment
from debleed.assignment import sources_of


def assign(*given):
    microphones = assignment.assign(*given)
    assignment.announce(microphones)
    return sources_of(microphones)


def written(tmp_path, text):
    path = tmp_path / "session.toml"
    path.write_text(text, "utf-8")
    return path
