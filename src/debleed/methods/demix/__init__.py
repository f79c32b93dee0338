"""Blind demixing, the default method: each module is one of its stages or what several of them share."""
