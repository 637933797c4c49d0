# Equality and order (flow-control §2.7, §2.8).

cdef enum Op:
    EQ = 0
    NE = 1
    LT = 2
    LE = 3
    GT = 4
    GE = 5


cdef bint equals(object a, object b, Context c) except -1:
    """Equality of two values that are there; numbers compare across their types, others never do."""
    if PyUnicode_CheckExact(a):
        if not PyUnicode_CheckExact(b):
            return False
        if len(<str>a) > 256:
            c.charge(len(<str>a) >> SCAN_SHIFT)
        return <str>a == <str>b
    if a is None or b is None:
        return a is b
    if a is True or a is False or b is True or b is False:
        return a is b
    if is_number(a):
        return is_number(b) and number_of(a) == number_of(b)
    if PyList_CheckExact(a):
        return PyList_CheckExact(b) and _equal_lists(<list>a, <list>b, c)
    if PyDict_CheckExact(a):
        return PyDict_CheckExact(b) and _equal_maps(<dict>a, <dict>b, c)
    if PyBytes_CheckExact(a):
        return PyBytes_CheckExact(b) and a == b
    if type(a) is Timestamp:
        return type(b) is Timestamp and (<Timestamp>a).ns == (<Timestamp>b).ns
    if type(a) is Duration:
        return type(b) is Duration and (<Duration>a).ns == (<Duration>b).ns
    if type(a) is Type:
        return type(b) is Type and (<Type>a).name == (<Type>b).name
    return False


cdef bint _equal_lists(list a, list b, Context c) except -1:
    cdef Py_ssize_t i
    if len(a) != len(b):
        return False
    c.charge(len(a))
    for i in range(len(a)):
        if not equals(a[i], b[i], c):
            return False
    return True


cdef bint _equal_maps(dict a, dict b, Context c) except -1:
    if len(a) != len(b):
        return False
    c.charge(len(a))
    for key, value in a.items():
        other = member_of(b, key, c)
        if other is _MISSING or not equals(value, other, c):
            return False
    return True


cdef object member_of(dict members, object key, Context c):
    """The value of a map's key or MISSING; a number finds a key of another number type."""
    if PyUnicode_CheckExact(key):
        return members.get(key, _MISSING)
    if PyList_CheckExact(key) or PyDict_CheckExact(key):
        return _MISSING
    c.charge(len(members))
    for name, value in members.items():
        if equals(name, key, c):
            return value
    return _MISSING


cdef object _zero_like(object value):
    if is_number(value):
        return 0
    if PyUnicode_CheckExact(value):
        return ""
    if value is True or value is False:
        return False
    if PyBytes_CheckExact(value):
        return b""
    return None


cdef bint compare(Op op, object a, object b, Context c) except -1:
    if a is _OUT_OF_RANGE or b is _OUT_OF_RANGE:
        return False
    if a is _MISSING:
        if op == EQ:
            return b is None
        if op == NE:
            return b is not None
        return op == LT or op == LE
    if b is _MISSING:
        if op == EQ:
            return a is None
        if op == NE:
            return a is not None
        return op == GT or op == GE
    if op == EQ:
        return equals(a, b, c)
    if op == NE:
        return not equals(a, b, c)
    if a is None:
        if b is None:
            return op == LE or op == GE
        a = _zero_like(b)
    elif b is None:
        b = _zero_like(a)
    if (a is True or a is False) and (b is True or b is False):
        pass
    elif a is True or a is False or b is True or b is False:
        raise _no_order(a, b)
    elif is_number(a) and is_number(b):
        a = number_of(a)
        b = number_of(b)
    elif type(a) is Timestamp and type(b) is Timestamp:
        a = (<Timestamp>a).ns
        b = (<Timestamp>b).ns
    elif type(a) is Duration and type(b) is Duration:
        a = (<Duration>a).ns
        b = (<Duration>b).ns
    elif not (
        (PyUnicode_CheckExact(a) and PyUnicode_CheckExact(b))
        or (PyBytes_CheckExact(a) and PyBytes_CheckExact(b))
    ):
        raise _no_order(a, b)
    if op == LT:
        return a < b
    if op == LE:
        return a <= b
    if op == GT:
        return a > b
    return a >= b


cdef object _no_order(object a, object b):
    return EvaluationError(f"no order between {type_name(a)} and {type_name(b)}")
