"""Recordings with bleed whose truth is known: scenes are drawn from a seed, described as JSON and rendered."""
