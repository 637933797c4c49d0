# Functions and methods (flow-control §2.5), called with arguments that are there.

cdef enum Function:
    F_SIZE
    F_INT
    F_UINT
    F_DOUBLE
    F_STRING
    F_BYTES
    F_BOOL
    F_DYN
    F_TYPE
    F_TIMESTAMP
    F_DURATION
    F_MATCHES
    F_CONTAINS
    F_STARTS_WITH
    F_ENDS_WITH
    F_LOWERCASE
    F_UPPERCASE
    F_B64DECODE
    F_JSON_PARSE
    F_DATE
    F_NOW
    F_NOW_PLUS
    F_NOW_MINUS
    F_YEAR
    F_MONTH
    F_DATE_OF_MONTH
    F_DAY_OF_MONTH
    F_DAY_OF_WEEK
    F_DAY_OF_YEAR
    F_HOURS
    F_MINUTES
    F_SECONDS
    F_MILLISECONDS

# name: (function, fewest arguments, most arguments); a method's receiver counts as an argument
cdef dict FUNCTIONS = {
    "size": (F_SIZE, 1, 1),
    "int": (F_INT, 1, 1),
    "uint": (F_UINT, 1, 1),
    "double": (F_DOUBLE, 1, 1),
    "string": (F_STRING, 1, 1),
    "bytes": (F_BYTES, 1, 1),
    "bool": (F_BOOL, 1, 1),
    "dyn": (F_DYN, 1, 1),
    "type": (F_TYPE, 1, 1),
    "timestamp": (F_TIMESTAMP, 1, 1),
    "duration": (F_DURATION, 1, 1),
    "matches": (F_MATCHES, 2, 2),
    "lowercase": (F_LOWERCASE, 1, 1),
    "uppercase": (F_UPPERCASE, 1, 1),
    "b64decode": (F_B64DECODE, 1, 1),
    "json_parse": (F_JSON_PARSE, 1, 1),
    "date": (F_DATE, 1, 1),
    "now": (F_NOW, 0, 0),
    "now_plus": (F_NOW_PLUS, 1, 1),
    "now_minus": (F_NOW_MINUS, 1, 1),
}
cdef dict METHODS = {
    "size": (F_SIZE, 1, 1),
    "matches": (F_MATCHES, 2, 2),
    "contains": (F_CONTAINS, 2, 2),
    "startsWith": (F_STARTS_WITH, 2, 2),
    "endsWith": (F_ENDS_WITH, 2, 2),
    "getFullYear": (F_YEAR, 1, 2),
    "getMonth": (F_MONTH, 1, 2),
    "getDate": (F_DATE_OF_MONTH, 1, 2),
    "getDayOfMonth": (F_DAY_OF_MONTH, 1, 2),
    "getDayOfWeek": (F_DAY_OF_WEEK, 1, 2),
    "getDayOfYear": (F_DAY_OF_YEAR, 1, 2),
    "getHours": (F_HOURS, 1, 2),
    "getMinutes": (F_MINUTES, 1, 2),
    "getSeconds": (F_SECONDS, 1, 2),
    "getMilliseconds": (F_MILLISECONDS, 1, 2),
}
cdef frozenset CONVERSIONS = frozenset(("int", "uint", "double"))

cdef enum:
    MAX_PATTERN = 1024
    MAX_PATTERNS = 256
    PATTERN_COST = 2_000

cdef object _re2 = None
cdef object _re2_options = None
cdef dict _patterns = {}


cdef object call(Function function, str name, list args, Context c):
    """Raises EvaluationError for values that the function is not for."""
    cdef object a = args[0] if args else None
    cdef object b = args[1] if len(args) > 1 else None
    if function == F_SIZE:
        return _size(a)
    if F_STARTS_WITH <= function <= F_ENDS_WITH or function == F_CONTAINS:
        if not PyUnicode_CheckExact(a) or not PyUnicode_CheckExact(b):
            raise _no_overload(name, args)
        c.charge((len(<str>a) + len(<str>b)) >> SCAN_SHIFT)
        if function == F_STARTS_WITH:
            return (<str>a).startswith(<str>b)
        if function == F_ENDS_WITH:
            return (<str>a).endswith(<str>b)
        return <str>b in <str>a
    if function == F_MATCHES:
        if not PyUnicode_CheckExact(a) or not PyUnicode_CheckExact(b):
            raise _no_overload(name, args)
        return _matches(<str>a, <str>b, c)
    if function == F_INT:
        return _to_int(a)
    if function == F_UINT:
        return _to_uint(a)
    if function == F_DOUBLE:
        return _to_double(a)
    if function == F_STRING:
        if a is None:
            raise _no_overload(name, args)
        c.charge(_length(a) >> COPY_SHIFT)
        return text_of(a)
    if function == F_BYTES:
        if PyBytes_CheckExact(a):
            return a
        if not PyUnicode_CheckExact(a):
            raise _no_overload(name, args)
        c.charge(_length(a) >> COPY_SHIFT)
        return (<str>a).encode()
    if function == F_BOOL:
        return _to_bool(a)
    if function == F_DYN:
        return a
    if function == F_TYPE:
        return Type(type_name(a))
    if function == F_TIMESTAMP:
        return _to_timestamp(a)
    if function == F_DURATION:
        return _to_duration(a)
    if function == F_NOW:
        return make_timestamp(c.now_ms * MS)
    if function == F_NOW_PLUS or function == F_NOW_MINUS:
        if not PyUnicode_CheckExact(a):
            raise _no_overload(name, args)
        span = read_duration(<str>a, EXTENDED_UNITS)
        return make_timestamp(c.now_ms * MS + (span if function == F_NOW_PLUS else -span))
    if function == F_DATE:
        return _date(a)
    if function >= F_YEAR:
        return _calendar(function, name, args)
    if not PyUnicode_CheckExact(a):
        raise _no_overload(name, args)
    c.charge(len(<str>a) >> COPY_SHIFT)
    if function == F_LOWERCASE:
        return _lowercase(<str>a)
    if function == F_UPPERCASE:
        return _uppercase(<str>a)
    if function == F_B64DECODE:
        return _b64decode(<str>a)
    return _json_parse(<str>a)


cdef object _no_overload(str name, list args):
    return EvaluationError(f"{name}() is not for ({', '.join([type_name(arg) for arg in args])})")


cdef Py_ssize_t _length(object value):
    if PyUnicode_CheckExact(value):
        return len(<str>value)
    if PyBytes_CheckExact(value):
        return len(<bytes>value)
    return 0


cdef object _size(object value):
    if value is None:
        return _MISSING  # comparisons with it are false (flow-control §2.7)
    if PyUnicode_CheckExact(value):
        return len(<str>value)
    if PyList_CheckExact(value):
        return len(<list>value)
    if PyDict_CheckExact(value):
        return len(<dict>value)
    if PyBytes_CheckExact(value):
        return len(<bytes>value)
    raise _no_overload("size", [value])


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
        if not _finite(<double>value):
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


cdef object _date(object value):
    if PyUnicode_CheckExact(value):
        ns = read_date(<str>value)
        if ns is None:
            raise EvaluationError("date() does not know this layout")
        return Timestamp(ns)  # a Stamp has the year 0, which `timestamp` refuses
    if not PyLong_CheckExact(value):
        raise _no_overload("date", [value])
    if value < 946_684_800:
        raise EvaluationError("date() of an integer before the year 2000")
    if value < 9_999_999_999:
        return make_timestamp(value * NS)
    if value < 9_999_999_999_999:
        return make_timestamp(value * MS)
    return make_timestamp(value)


cdef object _calendar(Function function, str name, list args):
    value = args[0]
    if type(value) is Duration:
        ns = (<Duration>value).ns
        if len(args) > 1 or function < F_HOURS:
            raise _no_overload(name, args)
        unit = (3600 * NS, 60 * NS, NS, MS)[<int>function - <int>F_HOURS]
        return ns // unit if ns >= 0 else -(-ns // unit)
    if type(value) is not Timestamp:
        raise _no_overload(name, args)
    ns = (<Timestamp>value).ns
    if len(args) > 1:
        if not PyUnicode_CheckExact(args[1]):
            raise _no_overload(name, args)
        ns += zone_shift(ns, <str>args[1])
    days, rest = divmod(ns, DAY_NS)
    if function == F_HOURS:
        return rest // (3600 * NS)
    if function == F_MINUTES:
        return rest // (60 * NS) % 60
    if function == F_SECONDS:
        return rest // NS % 60
    if function == F_MILLISECONDS:
        return rest % NS // MS
    if function == F_DAY_OF_WEEK:
        return (days + 4) % 7
    year, month, day = date_of_days(days)
    if function == F_YEAR:
        return year
    if function == F_MONTH:
        return month - 1
    if function == F_DATE_OF_MONTH:
        return day
    if function == F_DAY_OF_MONTH:
        return day - 1
    return days - days_of_date(year, 1, 1)


cdef str _lowercase(str text):
    if text.isascii():
        return text.lower()
    return "".join([chr(Py_UNICODE_TOLOWER(c)) for c in text])


cdef str _uppercase(str text):
    # One character for one, as the reference does it: no "ß" to "SS".
    if text.isascii():
        return text.upper()
    return "".join([chr(Py_UNICODE_TOUPPER(c)) for c in text])


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
