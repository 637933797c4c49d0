# Comparisons and membership.


cdef tuple OP_TEXTS = ("==", "!=", "<", "<=", ">", ">=")


@cython.final
cdef class Comparison(Node):
    cdef Op op
    cdef Node left
    cdef Node right

    cdef object evaluate(self, Context c):
        return True if compare(self.op, self.left.evaluate(c), self.right.evaluate(c), c) else False

    cdef Precedence precedence(self):
        return P_RELATION

    cdef str text(self):
        return f"{within(self.left, P_RELATION)} {OP_TEXTS[self.op]} {within(self.right, P_SUM)}"


@cython.final
cdef class FieldEquals(Node):
    """`path == "text"` and `path != "text"`: compares raw bytes wherever JSON has no escape."""
    cdef Path left
    cdef Constant right
    cdef bytes wanted  # UTF-8, with nothing in it that JSON would escape
    cdef bint negated

    cdef object evaluate(self, Context c):
        cdef const char *p = NULL
        cdef const char *end = NULL
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self.wanted)
        cdef int found = self.left.locate(c, &p, &end)
        if found == BEYOND:
            return False
        if found == ABSENT or p >= end or p[0] != b'"':
            if found == PRESENT:
                _require_value(p, end)
            return self.negated
        if end - p > size + 1 and p[size + 1] == b'"':
            if memcmp(p + 1, PyBytes_AS_STRING(self.wanted), size) == 0:
                return not self.negated
        return (decode_string(&p, end) == self.right.value) != self.negated

    cdef Precedence precedence(self):
        return P_RELATION

    cdef str text(self):
        cdef str op = "!=" if self.negated else "=="
        return f"{self.left.text()} {op} {self.right.text()}"


cdef bint _is_plain(str text):
    """Whether JSON texts may hold it unescaped."""
    cdef Py_UCS4 c
    for c in text:
        if c < 0x20 or c == u'"' or c == u"\\":
            return False
    return True


cdef Node comparison(Op op, Node left, Node right):
    cdef Comparison node
    cdef FieldEquals field
    cdef Node other
    if op == EQ or op == NE:
        if type(left) is Constant and type(right) is Path:
            # A constant reads the same on either side of an equality.
            other = left
            left = right
            right = other
        if (
            type(left) is Path and type(right) is Constant
            and PyUnicode_CheckExact((<Constant>right).value) and _is_plain((<Constant>right).value)
        ):
            field = FieldEquals.__new__(FieldEquals)
            field.left = <Path>left
            field.right = <Constant>right
            field.wanted = (<str>(<Constant>right).value).encode()
            field.negated = op == NE
            field.is_bool = True
            field.adopt(left)
            return field
    node = Comparison.__new__(Comparison)
    node.op = op
    node.left = left
    node.right = right
    node.is_bool = True
    node.adopt(left)
    node.adopt(right)
    return node


@cython.final
cdef class In(Node):
    cdef Node item
    cdef Node container

    cdef object evaluate(self, Context c):
        item = self.item.evaluate(c)
        container = self.container.evaluate(c)
        if is_missing(item) or is_missing(container):
            return False
        if PyList_CheckExact(container):
            c.charge(len(<list>container))
            for value in <list>container:
                if equals(item, value, c):
                    return True
            return False
        if PyDict_CheckExact(container):
            return member_of(<dict>container, item, c) is not _MISSING
        raise EvaluationError(f"`in` is not for a {type_name(container)}")

    cdef Precedence precedence(self):
        return P_RELATION

    cdef str text(self):
        return f"{within(self.item, P_RELATION)} in {within(self.container, P_SUM)}"


cdef In in_node(Node item, Node container):
    cdef In node = In.__new__(In)
    node.item = item
    node.container = container
    node.is_bool = True
    node.adopt(item)
    node.adopt(container)
    return node
