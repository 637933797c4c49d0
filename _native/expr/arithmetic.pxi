# Sums, products and signs (flow-control §2.8).


@cython.final
cdef class Negative(Node):
    cdef Node operand

    cdef object evaluate(self, Context c):
        value = self.operand.evaluate(c)
        if PyFloat_CheckExact(value):
            return -<double>value
        if is_missing(value):
            return False
        if PyLong_CheckExact(value):
            return in_int64(-value)
        raise EvaluationError(f"- is not for a {type_name(value)}")

    cdef Precedence precedence(self):
        return P_UNARY

    cdef str text(self):
        return "-" + within(self.operand, P_MEMBER)


cdef Negative negative(Node operand):
    cdef Negative node = Negative.__new__(Negative)
    node.operand = operand
    node.adopt(operand)
    return node


@cython.final
cdef class Arithmetic(Node):
    """A chain of `+ -` or of `* / %`, from left to right."""
    cdef list operands
    cdef str ops  # one character for each operand but the first

    cdef object evaluate(self, Context c):
        cdef Py_ssize_t i
        cdef Py_UCS4 op
        value = (<Node>self.operands[0]).evaluate(c)
        for i in range(len(self.ops)):
            op = self.ops[i]
            value = arithmetic(op, value, (<Node>self.operands[i + 1]).evaluate(c), c)
        return value

    cdef Precedence precedence(self):
        return P_SUM if self.ops[0] in u"+-" else P_PRODUCT

    cdef str text(self):
        cdef Precedence own = self.precedence()
        cdef Precedence inner = P_PRODUCT if own == P_SUM else P_UNARY
        cdef list parts = [within(<Node>self.operands[0], inner)]
        cdef Py_ssize_t i
        for i in range(len(self.ops)):
            parts.append(f" {self.ops[i]} {within(<Node>self.operands[i + 1], inner)}")
        return "".join(parts)


cdef Arithmetic arithmetic_node(list operands, str ops):
    cdef Arithmetic node = Arithmetic.__new__(Arithmetic)
    node.operands = operands
    node.ops = ops
    for operand in operands:
        node.adopt(<Node>operand)
    return node


cdef object arithmetic(Py_UCS4 op, object a, object b, Context c):
    cdef bint whole
    if is_missing(a) or is_missing(b):
        if op != u"+" or (is_missing(a) and is_missing(b)):
            return False
        return b if is_missing(a) else a
    if PyFloat_CheckExact(a) and PyFloat_CheckExact(b):
        if op == u"+":
            return <double>a + <double>b
        if op == u"-":
            return <double>a - <double>b
        if op == u"*":
            return <double>a * <double>b
        if op == u"/":
            return <double>a / <double>b  # by zero: an infinity, as IEEE 754 has it
        raise _no_operator(op, a, b)
    whole = a is not True and a is not False and b is not True and b is not False
    if whole and PyLong_CheckExact(a) and PyLong_CheckExact(b):
        return in_int64(_integers(op, a, b))
    if type(a) is UInt and type(b) is UInt:
        return in_uint64(_integers(op, (<UInt>a).value, (<UInt>b).value))
    if type(a) is Timestamp or type(a) is Duration:
        result = _time_arithmetic(op, a, b)
        if result is not None:
            return result
    if op != u"+":
        raise _no_operator(op, a, b)
    if type(a) is Duration and type(b) is Timestamp:
        return make_timestamp((<Duration>a).ns + (<Timestamp>b).ns)
    if PyList_CheckExact(a) and PyList_CheckExact(b):
        c.charge((len(<list>a) + len(<list>b)) >> 2)
        return <list>a + <list>b
    c.charge((_length(a) + _length(b)) >> COPY_SHIFT)
    if PyUnicode_CheckExact(a) and PyUnicode_CheckExact(b):
        return <str>a + <str>b
    if PyBytes_CheckExact(a) and PyBytes_CheckExact(b):
        return <bytes>a + <bytes>b
    if type(a) is type(b):
        raise _no_operator(op, a, b)
    c.charge(CALL_COST)
    return text_of(a) + text_of(b)


cdef object _no_operator(Py_UCS4 op, object a, object b):
    return EvaluationError(f"{chr(op)} is not for {type_name(a)} and {type_name(b)}")


cdef object _integers(Py_UCS4 op, object a, object b):
    if op == u"+":
        return a + b
    if op == u"-":
        return a - b
    if op == u"*":
        return a * b
    if b == 0:
        raise EvaluationError("division by zero")
    # Towards zero, and the remainder takes the dividend's sign.
    quotient = abs(a) // abs(b)
    if (a < 0) != (b < 0):
        quotient = -quotient
    return quotient if op == u"/" else a - quotient * b


cdef object _time_arithmetic(Py_UCS4 op, object a, object b):
    if op != u"+" and op != u"-":
        return None
    if type(a) is Timestamp:
        if type(b) is Duration:
            ns = (<Duration>b).ns
            return make_timestamp((<Timestamp>a).ns + (ns if op == u"+" else -ns))
        if type(b) is Timestamp and op == u"-":
            return make_duration((<Timestamp>a).ns - (<Timestamp>b).ns)
        return None
    if type(b) is Duration:
        ns = (<Duration>b).ns
        return make_duration((<Duration>a).ns + (ns if op == u"+" else -ns))
    return None
