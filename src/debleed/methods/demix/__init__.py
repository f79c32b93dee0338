"""Blind demixing, the default method. Each module holds one step of it, or what several steps share."""
