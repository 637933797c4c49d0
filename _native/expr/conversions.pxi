# From one type to another.


cdef object in_int64(object value):
    if not INT_MIN <= value <= INT_MAX:
        raise EvaluationError("integer overflow")
    return value


cdef object in_uint64(object value):
    if not 0 <= value <= UINT_MAX:
        raise EvaluationError("unsigned integer overflow")
    return UInt(value)


cdef bint _finite(double value) noexcept:
    return value - value == 0.0


cdef object _parse_integer(str text):
    cdef str digits = text[1:] if text[:1] == "-" or text[:1] == "+" else text
    if not digits or len(digits) > 32 or not digits.isascii() or not digits.isdigit():
        raise EvaluationError("a text that is no integer")
    return int(text)


cdef object _to_int(object value):
    if value is True or value is False or value is None:
        raise _no_overload("int", [value])
    if PyFloat_CheckExact(value):
        if not _finite(<double>value):
            raise EvaluationError("integer overflow")
        return in_int64(int(value))
    if PyLong_CheckExact(value):
        return value
    if type(value) is UInt:
        return in_int64((<UInt>value).value)
    if PyUnicode_CheckExact(value):
        return in_int64(_parse_integer(<str>value))
    if type(value) is Timestamp:
        return (<Timestamp>value).ns // NS
    if type(value) is Duration:
        return (<Duration>value).ns
    raise _no_overload("int", [value])


cdef object _to_uint(object value):
    if value is True or value is False or value is None:
        raise _no_overload("uint", [value])
    if PyFloat_CheckExact(value):
        if not _finite(<double>value) or <double>value < 0.0:
            raise EvaluationError("unsigned integer overflow")
        return in_uint64(int(value))
    if PyLong_CheckExact(value):
        return in_uint64(value)
    if type(value) is UInt:
        return value
    if PyUnicode_CheckExact(value):
        return in_uint64(_parse_integer(<str>value))
    raise _no_overload("uint", [value])


cdef object _to_double(object value):
    if value is True or value is False or value is None:
        raise _no_overload("double", [value])
    if PyFloat_CheckExact(value):
        return value
    if PyLong_CheckExact(value) or type(value) is UInt:
        return float(number_of(value))
    if PyUnicode_CheckExact(value):
        if len(<str>value) > 64 or "_" in <str>value or (<str>value).strip() != <str>value:
            raise EvaluationError("a text that is no number")
        try:
            return float(<str>value)
        except ValueError:
            raise EvaluationError("a text that is no number") from None
    raise _no_overload("double", [value])


cdef object _to_bool(object value):
    if value is True or value is False:
        return value
    if PyUnicode_CheckExact(value):
        if value in ("1", "t", "T", "true", "TRUE", "True"):
            return True
        if value in ("0", "f", "F", "false", "FALSE", "False"):
            return False
        raise EvaluationError("a text that is no boolean")
    raise _no_overload("bool", [value])


cdef object _to_timestamp(object value):
    if type(value) is Timestamp:
        return value
    if PyUnicode_CheckExact(value):
        ns = read_iso(<str>value, True)
        if ns is None:
            raise EvaluationError("a text that is no RFC 3339 time")
        return make_timestamp(ns)
    if PyLong_CheckExact(value):
        return make_timestamp(value * NS)
    raise _no_overload("timestamp", [value])


cdef object _to_duration(object value):
    if type(value) is Duration:
        return value
    if PyUnicode_CheckExact(value):
        return Duration(read_duration(<str>value, UNITS))
    if PyLong_CheckExact(value):
        return Duration(value)
    raise _no_overload("duration", [value])
