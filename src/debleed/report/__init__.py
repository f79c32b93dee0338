"""The HTML report of a run, and the pictures and excerpts in it."""
