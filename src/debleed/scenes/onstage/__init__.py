"""Scenes on stages as they are: cardioid microphones in a room, and the mishaps that a simulated room leaves out."""
