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
# The type of what they give, where it is one whatever the arguments are and matters to the type check.
cdef dict RESULTS = {
    "size": "int", "int": "int", "uint": "uint", "double": "double", "string": "string", "bytes": "bytes",
    "type": "type", "timestamp": "google.protobuf.Timestamp", "duration": "google.protobuf.Duration",
    "lowercase": "string", "uppercase": "string", "b64decode": "string", "json_parse": "map",
}
cdef frozenset CONVERSIONS = frozenset(("int", "uint", "double"))


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
    if function >= F_YEAR:
        c.charge(CALENDAR_COST)
        return _calendar(function, name, args)
    if function == F_TIMESTAMP or function == F_DURATION or F_DATE <= function <= F_NOW_MINUS:
        c.charge(CALENDAR_COST)
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
    if not PyUnicode_CheckExact(a):
        raise _no_overload(name, args)
    c.charge(len(<str>a) >> 4)
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
