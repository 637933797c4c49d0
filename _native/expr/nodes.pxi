# The compiled form: a tree of immutable nodes that evaluate and print themselves.

cdef enum Uses:
    USES_EVENT = 1
    USES_LATER = 2  # `async`
    USES_CLOCK = 4

cdef enum:
    NO_LOCAL = 1 << 20

cdef enum Precedence:
    P_TERNARY = 1
    P_OR = 2
    P_AND = 3
    P_RELATION = 4
    P_SUM = 5
    P_PRODUCT = 6
    P_UNARY = 7
    P_MEMBER = 8


cdef class Node:
    cdef int uses
    cdef int lowest_local  # the outermost macro variable it reads, or NO_LOCAL
    cdef int height
    cdef Py_ssize_t weight  # how many nodes an evaluation may visit
    cdef bint is_bool  # its value is true, false or an error

    def __cinit__(self):
        self.lowest_local = NO_LOCAL
        self.height = 1
        self.weight = 1

    cdef object evaluate(self, Context c):
        raise NotImplementedError

    cdef Precedence precedence(self):
        return P_MEMBER

    cdef str text(self):
        raise NotImplementedError

    cdef int adopt(self, Node child) except -1:
        self.uses |= child.uses
        if child.lowest_local < self.lowest_local:
            self.lowest_local = child.lowest_local
        if child.height >= self.height:
            self.height = child.height + 1
            if self.height > DEPTH_LIMIT:
                raise CompileError(f"the expression is nested deeper than {<int>DEPTH_LIMIT} levels")
        self.weight += child.weight
        return 0


cdef str within(Node node, Precedence least):
    """A node's text as an operand that must bind at least so tightly."""
    return node.text() if node.precedence() >= least else "(" + node.text() + ")"


@cython.final
cdef class Constant(Node):
    cdef object value

    cdef object evaluate(self, Context c):
        return self.value

    cdef Precedence precedence(self):
        if is_number(self.value) and number_of(self.value) < 0:
            return P_UNARY
        if PyFloat_CheckExact(self.value) and literal(self.value).startswith("-"):
            return P_UNARY
        return P_MEMBER

    cdef str text(self):
        return literal(self.value)


cdef Constant constant(object value):
    cdef Constant node = Constant.__new__(Constant)
    node.value = value
    node.is_bool = value is True or value is False
    node.height = 1 if PyUnicode_CheckExact(value) or PyLong_CheckExact(value) else 2
    if PyList_CheckExact(value) or PyDict_CheckExact(value):
        node.height = 1 + _nesting(value, DEPTH_LIMIT)
        if node.height > DEPTH_LIMIT:
            raise CompileError(f"a value is nested deeper than {<int>DEPTH_LIMIT} levels")
    return node


cdef int _nesting(object value, int limit):
    """How deep its literal is, or more than `limit`."""
    cdef int deepest = 0
    if limit < 0:
        return 1
    if PyList_CheckExact(value):
        for item in <list>value:
            deepest = max(deepest, 1 + _nesting(item, limit - 1))
    elif PyDict_CheckExact(value):
        for item in (<dict>value).values():
            deepest = max(deepest, 1 + _nesting(item, limit - 1))
    else:
        return 1  # such as `double("NaN")`, one node more than it looks
    return deepest


@cython.final
cdef class Local(Node):
    """A macro's variable."""
    cdef int slot
    cdef str name

    cdef object evaluate(self, Context c):
        return c.locals[self.slot]

    cdef str text(self):
        return self.name


cdef Local local(int slot, str name):
    cdef Local node = Local.__new__(Local)
    node.slot = slot
    node.name = name
    node.lowest_local = slot
    return node


@cython.final
cdef class Failing(Node):
    """What can only fail: a call that an unchecked compilation lets through, or one that has failed."""
    cdef str message

    cdef object evaluate(self, Context c):
        raise EvaluationError(self.message)

    cdef Precedence precedence(self):
        return P_UNARY

    cdef str text(self):
        return "!null"


cdef Failing failing(str message):
    cdef Failing node = Failing.__new__(Failing)
    node.message = message
    node.height = 2
    return node
