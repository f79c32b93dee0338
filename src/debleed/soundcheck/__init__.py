"""The soundcheck: what the sound says about the tracks of a recording before anything is learnt from them.

Copies, mixes, references and microphones of one source are recognised here, because no method can tell them from bleed.
"""
