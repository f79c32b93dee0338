"""Reading the names of tracks: what engineers write on consoles and in programs, in English and its abbreviations."""
