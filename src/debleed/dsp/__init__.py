"""Signal processing that several methods share: the STFT, relative transfer functions, iterative projection."""
