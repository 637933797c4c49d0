# Values that JSON and Python have no type for, and how values are written as text.

cdef enum:
    INT64_DIGITS = 18  # as many decimal digits always fit a signed 64-bit integer

cdef object INT_MIN = -(1 << 63)
cdef object INT_MAX = (1 << 63) - 1
cdef object UINT_MAX = (1 << 64) - 1


@cython.final
cdef class _Missing:
    cdef str text

    def __init__(self, str text):
        self.text = text

    def __bool__(self):
        return False

    def __repr__(self):
        return self.text

    def __reduce__(self):
        return "MISSING"

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


cdef _Missing _MISSING = _Missing("missing")
# A list index past the end: as missing, but false in every comparison (flow-control §2.8).
cdef _Missing _OUT_OF_RANGE = _Missing("out of range")
MISSING = _MISSING


@cython.final
cdef class UInt:
    cdef object value

    def __cinit__(self, value):
        self.value = value


@cython.final
cdef class Timestamp:
    cdef object ns  # since 1970, UTC

    def __cinit__(self, ns):
        self.ns = ns


@cython.final
cdef class Duration:
    cdef object ns

    def __cinit__(self, ns):
        self.ns = ns


@cython.final
cdef class Type:
    cdef str name

    def __cinit__(self, str name):
        self.name = name


cdef inline bint is_missing(object value) noexcept:
    return value is _MISSING or value is _OUT_OF_RANGE


cdef inline bint is_number(object value) noexcept:
    return PyFloat_CheckExact(value) or PyLong_CheckExact(value) or type(value) is UInt


cdef inline object number_of(object value):
    if type(value) is UInt:
        return (<UInt>value).value
    return value


cdef str type_name(object value):
    if value is None:
        return "null_type"
    if value is True or value is False:
        return "bool"
    if PyFloat_CheckExact(value):
        return "double"
    if PyLong_CheckExact(value):
        return "int"
    if PyUnicode_CheckExact(value):
        return "string"
    if PyBytes_CheckExact(value):
        return "bytes"
    if PyList_CheckExact(value):
        return "list"
    if PyDict_CheckExact(value):
        return "map"
    if type(value) is UInt:
        return "uint"
    if type(value) is Timestamp:
        return "google.protobuf.Timestamp"
    if type(value) is Duration:
        return "google.protobuf.Duration"
    return "type"


cdef bint truthy(object value) noexcept:
    """JavaScript's idea, as far as the dialect goes: empty lists and maps are true (flow-control §2.8)."""
    if value is True:
        return True
    if value is False or value is None or is_missing(value):
        return False
    if PyUnicode_CheckExact(value):
        return len(<str>value) != 0
    if PyFloat_CheckExact(value):
        return <double>value != 0.0
    if PyLong_CheckExact(value):
        return value != 0
    if type(value) is UInt:
        return (<UInt>value).value != 0
    return True


cdef str float_text(double value):
    """As Go's shortest `%g`: 9.1, 1.234567e+06."""
    cdef str text, digits, whole, fraction, exponent
    cdef Py_ssize_t point, power
    if value != value:
        return "NaN"
    if value - value != 0.0:
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    cdef str sign = ""
    if text.startswith("-"):
        sign = "-"
        text = text[1:]
    text, _, exponent = text.partition("e")
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    point = len(whole) + (int(exponent) if exponent else 0)
    text = digits.lstrip("0")
    point -= len(digits) - len(text)
    digits = text.rstrip("0")
    if not digits:
        return sign + "0"
    power = point - 1
    if power < -4 or power >= 6:
        text = digits[:1] + ("." + digits[1:] if len(digits) > 1 else "")
        return f"{sign}{text}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if point <= 0:
        return sign + "0." + "0" * (-point) + digits
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return sign + digits[:point] + "." + digits[point:]


cdef str text_of(object value):
    """What `string(value)` and `+` over different types give; raises for lists, maps and types."""
    if PyUnicode_CheckExact(value):
        return <str>value
    if PyFloat_CheckExact(value):
        return float_text(<double>value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if PyLong_CheckExact(value):
        return str(value)
    if type(value) is UInt:
        return str((<UInt>value).value)
    if type(value) is Timestamp:
        return timestamp_text((<Timestamp>value).ns)
    if type(value) is Duration:
        return duration_text((<Duration>value).ns)
    if PyBytes_CheckExact(value):
        try:
            return (<bytes>value).decode()
        except UnicodeDecodeError:
            raise EvaluationError("these bytes are not UTF-8 text") from None
    raise EvaluationError(f"a {type_name(value)} has no text form")


cdef object export(object value):
    """A result in Python's own types."""
    if type(value) is UInt:
        return (<UInt>value).value
    if type(value) is Timestamp or type(value) is Duration:
        return text_of(value)
    if type(value) is Type:
        return (<Type>value).name
    if is_missing(value):
        return False
    if PyList_CheckExact(value):
        return [export(item) for item in <list>value]
    if PyDict_CheckExact(value):
        return {export(key): export(item) for key, item in (<dict>value).items()}
    return value
