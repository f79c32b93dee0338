"""How good a result is: scores against the truth, and figures for recordings without it."""
