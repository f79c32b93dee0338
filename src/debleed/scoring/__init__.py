"""Evaluation: scores against the truth, and blind measures for recordings without it."""
