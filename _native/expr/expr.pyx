# cython: freethreading_compatible = False
"""The expression dialect of triggers, flow-control keys and waits (flow-control §2.5-2.9).

Topics are included in the order they depend on each other; the contract is in `expr.pyi`.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.float cimport PyFloat_CheckExact
from cpython.list cimport PyList_CheckExact
from cpython.dict cimport PyDict_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.unicode cimport PyUnicode_CheckExact, PyUnicode_DecodeUTF8
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcmp

cdef enum:
    LENGTH_LIMIT = 16 * 1024
    TEXT_LIMIT = 1 << 20  # string literals included
    DEPTH_LIMIT = 100
    PARSE_LIMIT = 2 * DEPTH_LIMIT + 8  # each node may stand in parentheses of its own

MAX_LENGTH = LENGTH_LIMIT
MAX_DEPTH = DEPTH_LIMIT

include "errors.pxi"
include "values.pxi"
include "time.pxi"
include "json_walk.pxi"
include "json_decode.pxi"
include "context.pxi"
include "compare.pxi"
include "functions.pxi"
include "conversions.pxi"
include "texts.pxi"
include "calendar.pxi"
include "literals.pxi"
include "nodes.pxi"
include "paths.pxi"
include "logic.pxi"
include "relations.pxi"
include "arithmetic.pxi"
include "calls.pxi"
include "macros.pxi"
include "lex.pxi"
include "parse.pxi"
include "names.pxi"
include "interpolate.pxi"
include "index.pxi"
include "program.pxi"
