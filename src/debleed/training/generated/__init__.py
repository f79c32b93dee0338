"""The generated corpus: bands of many kinds that play random scores, rendered when an example needs them.

:mod:`.kinds` says what kinds of bands there are, :mod:`.score` draws what a band plays, :mod:`.midi` writes it for
:mod:`.render`, which has it played by FluidSynth and spoken by Flite, and :mod:`.bands` makes songs of it.
"""
