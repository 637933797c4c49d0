# Functions of texts.

cdef enum:
    MAX_PATTERN = 1024
    MAX_PATTERNS = 256
    PATTERN_COST = 2_000

cdef object _re2 = None
cdef object _re2_options = None
cdef dict _patterns = {}


# Character by character, as in the reference: no final sigma, no "ß" to "SS".


cdef str _lowercase(str text):
    if text.isascii():
        return text.lower()
    return "".join([c.lower()[:1] for c in list(text)])


cdef str _uppercase(str text):
    if text.isascii():
        return text.upper()
    return "".join([_upper(c) for c in list(text)])


cdef str _upper(str c):
    for upper in (c.upper(), c.title()):
        if len(upper) == 1:
            return upper
    return c


cdef str _b64decode(str text):
    from binascii import a2b_base64

    try:
        return a2b_base64(text.encode("ascii"), strict_mode=True).decode()
    except ValueError:
        return ""


cdef object _json_parse(str text):
    try:
        value = decode_text(text.encode())
    except EvaluationError:
        return {}
    return value if PyDict_CheckExact(value) else {}


cdef bint _matches(str text, str pattern, Context c) except -1:
    """RE2's partial match: linear time whatever the pattern."""
    global _re2, _re2_options
    cdef object compiled = _patterns.get(pattern)
    if compiled is None:
        if len(pattern) > MAX_PATTERN:
            raise EvaluationError(f"a pattern of more than {MAX_PATTERN} characters")
        c.charge(PATTERN_COST)
        if _re2 is None:
            import re2

            _re2 = re2
            _re2_options = re2.Options()
            _re2_options.log_errors = False
            _re2_options.max_mem = 1 << 20
        try:
            compiled = _re2.compile(pattern, _re2_options)
        except _re2.error as error:
            raise EvaluationError(f"invalid pattern: {_reason(error)}") from None
        if len(_patterns) >= MAX_PATTERNS:
            _patterns.clear()
        _patterns[pattern] = compiled
    c.charge(1 + (len(text) >> 3))
    return compiled.search(text) is not None


cdef str _reason(object error):
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
