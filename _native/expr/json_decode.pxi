# Decoding one value of raw JSON.

cdef enum:
    JSON_DEPTH = 500

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *text, char **tail, void *overflow) except? -1.0


cdef str decode_string(const char **at, const char *end):
    """Decodes the string at `at` (its opening quote) and moves behind it."""
    cdef const char *p = at[0] + 1
    cdef const char *start = p
    cdef bint escaped = False
    cdef unsigned char c
    while True:
        if p >= end:
            raise _malformed("a string does not end")
        c = <unsigned char>p[0]
        if c == b'"':
            break
        if c < 0x20:
            raise _malformed("a control character in a string")
        if c == b"\\":
            escaped = True
            p += 1
        p += 1
    at[0] = p + 1
    try:
        if not escaped:
            return PyUnicode_DecodeUTF8(start, p - start, NULL)
        return _unescape(start, p)
    except UnicodeDecodeError:
        raise _malformed("a string is not UTF-8") from None


cdef int _hex4(const char *p, const char *end) noexcept:
    cdef int value = 0
    cdef int i
    cdef char c
    if end - p < 4:
        return -1
    for i in range(4):
        c = p[i]
        value <<= 4
        if b"0" <= c <= b"9":
            value += c - c'0'
        elif b"a" <= c <= b"f":
            value += c - c'a' + 10
        elif b"A" <= c <= b"F":
            value += c - c'A' + 10
        else:
            return -1
    return value


cdef str _unescape(const char *p, const char *end):
    # What an escape stands for is never longer than the escape.
    cdef char *buffer = <char *>malloc(end - p + 1)
    cdef char *out = buffer
    cdef long code, low
    cdef char c
    if buffer == NULL:
        raise MemoryError
    try:
        while p < end:
            c = p[0]
            p += 1
            if c != b"\\":
                out[0] = c
                out += 1
                continue
            if p >= end:
                raise _malformed("an escape is cut off")
            c = p[0]
            p += 1
            if c == b"u":
                code = _hex4(p, end)
                if code < 0:
                    raise _malformed("an escape has no four hex digits")
                p += 4
                if 0xD800 <= code <= 0xDFFF:
                    low = -1
                    if code < 0xDC00 and end - p >= 6 and p[0] == b"\\" and p[1] == b"u":
                        low = _hex4(p + 2, end)
                    if 0xDC00 <= low <= 0xDFFF:
                        p += 6
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                    else:
                        code = 0xFFFD  # half a pair
                if code < 0x80:
                    out[0] = <char>code
                    out += 1
                elif code < 0x800:
                    out[0] = <char>(0xC0 | code >> 6)
                    out[1] = <char>(0x80 | code & 0x3F)
                    out += 2
                elif code < 0x10000:
                    out[0] = <char>(0xE0 | code >> 12)
                    out[1] = <char>(0x80 | code >> 6 & 0x3F)
                    out[2] = <char>(0x80 | code & 0x3F)
                    out += 3
                else:
                    out[0] = <char>(0xF0 | code >> 18)
                    out[1] = <char>(0x80 | code >> 12 & 0x3F)
                    out[2] = <char>(0x80 | code >> 6 & 0x3F)
                    out[3] = <char>(0x80 | code & 0x3F)
                    out += 4
                continue
            if c == b"n":
                c = b"\n"
            elif c == b"t":
                c = b"\t"
            elif c == b"r":
                c = b"\r"
            elif c == b"b":
                c = b"\b"
            elif c == b"f":
                c = b"\f"
            elif c != b'"' and c != b"\\" and c != b"/":
                raise _malformed("an unknown escape")
            out[0] = c
            out += 1
        return PyUnicode_DecodeUTF8(buffer, out - buffer, NULL)
    finally:
        free(buffer)


cdef double decode_number(const char **at, const char *end) except? -1.0:
    cdef const char *p = at[0]
    cdef const char *start = p
    cdef const char *digits
    cdef double value = 0.0
    cdef bint plain = True
    cdef char *tail = NULL
    if p < end and p[0] == b"-":
        p += 1
    digits = p
    while p < end and b"0" <= p[0] <= b"9":
        if p - digits < INT64_DIGITS:
            value = value * 10.0 + (p[0] - c'0')
        p += 1
    if p == digits or (digits[0] == b"0" and p - digits > 1):
        raise _malformed("a value is expected")
    if p - digits > 15:
        plain = False
    if p < end and p[0] == b".":
        plain = False
        p += 1
        digits = p
        while p < end and b"0" <= p[0] <= b"9":
            p += 1
        if p == digits:
            raise _malformed("a number has no digits behind its point")
    if p < end and (p[0] == b"e" or p[0] == b"E"):
        plain = False
        p += 1
        if p < end and (p[0] == b"+" or p[0] == b"-"):
            p += 1
        digits = p
        while p < end and b"0" <= p[0] <= b"9":
            p += 1
        if p == digits:
            raise _malformed("a number has no exponent")
    at[0] = p
    if plain:
        return -value if start[0] == b"-" else value
    value = PyOS_string_to_double(start, &tail, NULL)  # bytes objects end in a NUL
    if tail != p or value - value != 0.0:
        raise _malformed("a number is out of range")
    return value


cdef object decode_value(const char **at, const char *end, int depth):
    """Decodes the value at `at` and moves behind it."""
    cdef const char *p = at[0]
    cdef char c
    cdef list items
    cdef dict members
    cdef str name
    if depth > JSON_DEPTH:
        raise EvaluationError(f"the event is nested deeper than {JSON_DEPTH} levels")
    if p >= end:
        raise _malformed("a value is expected")
    c = p[0]
    if c == b'"':
        return decode_string(at, end)
    if c == b"{":
        members = {}
        p = skip_space(p + 1, end)
        if p < end and p[0] == b"}":
            at[0] = p + 1
            return members
        while True:
            if p >= end or p[0] != b'"':
                raise _malformed("an object key is expected")
            name = decode_string(&p, end)
            p = skip_space(p, end)
            if p >= end or p[0] != b":":
                raise _malformed("a colon is expected")
            p = skip_space(p + 1, end)
            members[name] = decode_value(&p, end, depth + 1)
            p = skip_space(p, end)
            if p < end and p[0] == b",":
                p = skip_space(p + 1, end)
                continue
            if p < end and p[0] == b"}":
                at[0] = p + 1
                return members
            raise _malformed("a comma or a closing brace is expected")
    if c == b"[":
        items = []
        p = skip_space(p + 1, end)
        if p < end and p[0] == b"]":
            at[0] = p + 1
            return items
        while True:
            items.append(decode_value(&p, end, depth + 1))
            p = skip_space(p, end)
            if p < end and p[0] == b",":
                p = skip_space(p + 1, end)
                continue
            if p < end and p[0] == b"]":
                at[0] = p + 1
                return items
            raise _malformed("a comma or a closing bracket is expected")
    if c == b"t" and end - p >= 4 and memcmp(p, b"true", 4) == 0:
        at[0] = p + 4
        return True
    if c == b"f" and end - p >= 5 and memcmp(p, b"false", 5) == 0:
        at[0] = p + 5
        return False
    if c == b"n" and end - p >= 4 and memcmp(p, b"null", 4) == 0:
        at[0] = p + 4
        return None
    return decode_number(at, end)


cdef object decode_text(bytes raw):
    """A whole JSON text."""
    cdef const char *p = PyBytes_AS_STRING(raw)
    cdef const char *end = p + PyBytes_GET_SIZE(raw)
    p = skip_space(p, end)
    value = decode_value(&p, end, 0)
    if skip_space(p, end) != end:
        raise _malformed("something follows its end")
    return value
