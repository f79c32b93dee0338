"""Into the DAW: the filters of a stage for real-time convolvers, and projects of REAPER and DAWproject."""
