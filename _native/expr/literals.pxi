# Values as source text.


cdef str quote_string(str text):
    cdef list parts = ['"']
    cdef Py_UCS4 c
    for c in text:
        if c == u'"':
            parts.append('\\"')
        elif c == u"\\":
            parts.append("\\\\")
        elif c == u"\n":
            parts.append("\\n")
        elif c == u"\r":
            parts.append("\\r")
        elif c == u"\t":
            parts.append("\\t")
        elif c < 0x20 or c == 0x7F or c == 0x2028 or c == 0x2029:
            parts.append(f"\\u{<int>c:04x}")
        else:
            parts.append(chr(c))
    parts.append('"')
    return "".join(parts)


cdef str quote_bytes(bytes data):
    return 'b"' + "".join([f"\\x{byte:02x}" for byte in data]) + '"'


cdef str literal(object value):
    """Source text that evaluates to the value."""
    cdef str text
    if PyUnicode_CheckExact(value):
        return quote_string(<str>value)
    if PyFloat_CheckExact(value):
        text = float_text(<double>value)
        if not _finite(<double>value):
            return f'double("{text}")'
        return text if "." in text or "e" in text else text + ".0"
    if value is _MISSING:
        return "{}.missing"
    if value is _OUT_OF_RANGE:
        return "[][0]"
    if PyBytes_CheckExact(value):
        return quote_bytes(<bytes>value)
    if type(value) is UInt:
        return text_of(value) + "u"
    if type(value) is Timestamp:
        function = "date" if (<Timestamp>value).ns < MIN_NS else "timestamp"
        return f'{function}("{text_of(value)}")'
    if type(value) is Duration:
        return f'duration("{text_of(value)}")'
    if type(value) is Type:
        return (<Type>value).name
    if PyList_CheckExact(value):
        return "[" + ", ".join([literal(item) for item in <list>value]) + "]"
    if PyDict_CheckExact(value):
        members = [f"{literal(key)}: {literal(item)}" for key, item in (<dict>value).items()]
        return "{" + ", ".join(members) + "}"
    return text_of(value)
