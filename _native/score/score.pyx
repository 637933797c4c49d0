# cython: freethreading_compatible = False
"""Queue order: which job is next, fairly, under limits. See `score.pyi`."""

include "heap.pxi"
include "fair_queue.pxi"
include "gcra.pxi"
