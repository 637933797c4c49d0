# Walking raw JSON to a path, without decoding what lies on the way.

cdef enum Found:
    ABSENT = 0
    PRESENT = 1
    BEYOND = 2  # a list index past the end


cdef inline const char *skip_space(const char *p, const char *end) noexcept nogil:
    while p < end and (p[0] == b" " or p[0] == b"\n" or p[0] == b"\r" or p[0] == b"\t"):
        p += 1
    return p


cdef inline const char *skip_string(const char *p, const char *end) noexcept nogil:
    """From behind the opening quote to behind the closing one, or NULL."""
    cdef const char *start = p
    cdef const char *before
    while p < end:
        p = <const char *>memchr(p, c'"', end - p)
        if p == NULL:
            return NULL
        before = p
        while before > start and (before - 1)[0] == c"\\":
            before -= 1
        p += 1
        if (p - before) & 1:  # an even number of backslashes: none of them is the quote's
            return p
        start = p
    return NULL


cdef const char *skip_value(const char *p, const char *end) noexcept nogil:
    """From a value's first byte to behind its last, or NULL. Only its brackets and strings are looked at."""
    cdef int depth = 0
    cdef char c
    if p >= end:
        return NULL
    c = p[0]
    if c == b'"':
        return skip_string(p + 1, end)
    if c != b"{" and c != b"[":
        while p < end:
            c = p[0]
            if c == b"," or c == b"}" or c == b"]" or c == b" " or c == b"\n" or c == b"\r" or c == b"\t":
                break
            p += 1
        return p
    while p < end:
        c = p[0]
        p += 1
        if c == b'"':
            p = skip_string(p, end)
            if p == NULL:
                return NULL
        elif c == b"{" or c == b"[":
            depth += 1
        elif c == b"}" or c == b"]":
            depth -= 1
            if depth == 0:
                return p
    return NULL


cdef bint _same_key(const char *p, const char *close, bytes key) except -1:
    """Whether the raw key between p and its closing quote is `key`."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(key)
    if close - p == size:
        return memcmp(p, PyBytes_AS_STRING(key), size) == 0
    if close - p > size and memchr(p, b"\\", close - p) != NULL:
        p -= 1
        return decode_string(&p, close + 1).encode() == key
    return False


cdef int _member(const char **at, const char *end, bytes key) except -1:
    """Moves from an object's `{` to the value of its last member named `key`."""
    cdef const char *p = skip_space(at[0] + 1, end)
    cdef const char *name
    cdef const char *close
    cdef const char *value = NULL
    cdef bint same
    if p < end and p[0] == b"}":
        return ABSENT
    while True:
        if p >= end or p[0] != b'"':
            raise _malformed("an object key is expected")
        name = p + 1
        close = skip_string(name, end)
        if close == NULL:
            raise _malformed("a key does not end")
        same = _same_key(name, close - 1, key)
        p = skip_space(close, end)
        if p >= end or p[0] != b":":
            raise _malformed("a colon is expected")
        p = skip_space(p + 1, end)
        if same:
            value = p
        p = skip_value(p, end)
        if p == NULL:
            raise _malformed("it is cut off")
        p = skip_space(p, end)
        if p < end and p[0] == b",":
            p = skip_space(p + 1, end)
            continue
        if p < end and p[0] == b"}":
            break
        raise _malformed("a comma or a closing brace is expected")
    if value == NULL:
        return ABSENT
    at[0] = value
    return PRESENT


cdef int _element(const char **at, const char *end, Py_ssize_t index) except -1:
    """Moves from a list's `[` to its element."""
    cdef const char *p = skip_space(at[0] + 1, end)
    if p < end and p[0] == b"]":
        return BEYOND
    while True:
        if index == 0:
            at[0] = p
            return PRESENT
        p = skip_value(p, end)
        if p == NULL:
            raise _malformed("it is cut off")
        p = skip_space(p, end)
        if p < end and p[0] == b",":
            p = skip_space(p + 1, end)
            index -= 1
            continue
        if p < end and p[0] == b"]":
            return BEYOND
        raise _malformed("a comma or a closing bracket is expected")


cdef int locate(bytes raw, list steps, const char **at, const char **end) except -1:
    """Sets `at` to the first byte of the value at `steps` (UTF-8 keys and list indexes)."""
    cdef const char *p = PyBytes_AS_STRING(raw)
    cdef int found
    end[0] = p + PyBytes_GET_SIZE(raw)
    p = skip_space(p, end[0])
    if p >= end[0]:
        raise _malformed("it is empty")
    for step in steps:
        if PyBytes_CheckExact(step):
            if p >= end[0]:
                raise _malformed("a value is expected")
            if p[0] != b"{":
                _require_value(p, end[0])
                return ABSENT
            found = _member(&p, end[0], <bytes>step)
        else:
            if p >= end[0]:
                raise _malformed("a value is expected")
            if p[0] != b"[":
                _require_value(p, end[0])
                return ABSENT
            if step < 0 or step > PyBytes_GET_SIZE(raw):
                return BEYOND
            found = _element(&p, end[0], step)
        if found != PRESENT:
            return found
    at[0] = p
    return PRESENT


cdef int _require_value(const char *p, const char *end) except -1:
    """Tells a path through a scalar, which is missing, from text that is no JSON at all."""
    cdef char c = p[0]
    if c == b'"' or c == b"[" or c == b"{":
        return 0
    decode_value(&p, end, 0)
    return 0


def lookup(bytes event not None, tuple path not None):
    cdef const char *p = NULL
    cdef const char *end = NULL
    cdef list steps = []
    for key in path:
        if not isinstance(key, str):
            raise TypeError("a path is made of strings")
        try:
            steps.append((<str>key).encode())
        except UnicodeEncodeError:
            return _MISSING  # no JSON text has such a key
    try:
        if locate(event, steps, &p, &end) != PRESENT or p >= end or p[0] == b"{" or p[0] == b"[":
            return _MISSING
        return decode_value(&p, end, 0)
    except EvaluationError:
        return _MISSING
