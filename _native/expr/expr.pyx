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

MAX_LENGTH = 16 * 1024
MAX_DEPTH = 100

include "errors.pxi"
include "values.pxi"
include "time.pxi"
include "json.pxi"
include "context.pxi"
include "compare.pxi"
include "functions.pxi"
include "literals.pxi"
include "nodes.pxi"
include "macros.pxi"
include "lex.pxi"
include "parse.pxi"
include "interpolate.pxi"
include "index.pxi"
include "program.pxi"
