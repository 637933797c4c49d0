# cython: freethreading_compatible = False
"""Queue order: which job is next, fairly, under limits. See `score.pyi`."""

include "heap.pxi"
include "ring.pxi"
include "gcra.pxi"
include "gates.pxi"
include "turns.pxi"
include "fair_queue.pxi"
include "places.pxi"
