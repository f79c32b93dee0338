"""Recordings with bleed whose truth is known: scenes are drawn, described as JSON and rendered."""
