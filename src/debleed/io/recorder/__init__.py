"""The folders of recorders and consoles: files cut into parts, polyphonic files, takes, names in scene files."""
