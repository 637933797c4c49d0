# Calls, and lists and maps made of other nodes.


@cython.final
cdef class ListOf(Node):
    """A list literal. A missing element is null."""
    cdef list items

    cdef object evaluate(self, Context c):
        cdef list values = []
        for node in self.items:
            value = (<Node>node).evaluate(c)
            values.append(None if is_missing(value) else value)
        return values

    cdef str text(self):
        return "[" + ", ".join([(<Node>node).text() for node in self.items]) + "]"


cdef ListOf list_of(list items):
    cdef ListOf node = ListOf.__new__(ListOf)
    node.items = items
    for item in items:
        node.adopt(<Node>item)
    return node


@cython.final
cdef class MapOf(Node):
    """A map literal. A missing value is null."""
    cdef list keys
    cdef list values

    cdef object evaluate(self, Context c):
        cdef dict members = {}
        cdef Py_ssize_t i
        for i in range(len(self.keys)):
            key = (<Node>self.keys[i]).evaluate(c)
            value = (<Node>self.values[i]).evaluate(c)
            if PyFloat_CheckExact(key) or not (
                PyUnicode_CheckExact(key) or is_number(key) or key is True or key is False
            ):
                raise EvaluationError(f"a {type_name(key)} is no map key")
            if member_of(members, key, c) is not _MISSING or (key in members):
                raise EvaluationError("a map key is repeated")
            members[key] = None if is_missing(value) else value
        return members

    cdef str text(self):
        cdef Py_ssize_t i
        cdef list parts = []
        for i in range(len(self.keys)):
            parts.append(f"{(<Node>self.keys[i]).text()}: {(<Node>self.values[i]).text()}")
        return "{" + ", ".join(parts) + "}"


cdef MapOf map_of(list keys, list values):
    cdef MapOf node = MapOf.__new__(MapOf)
    node.keys = keys
    node.values = values
    for child in keys:
        node.adopt(<Node>child)
    for child in values:
        node.adopt(<Node>child)
    return node


@cython.final
cdef class Call(Node):
    """A function or method; the receiver is the first argument. On something missing it is false (§2.7)."""
    cdef Function function
    cdef str name
    cdef bint is_method
    cdef list args

    cdef object evaluate(self, Context c):
        cdef list values = []
        for node in self.args:
            value = (<Node>node).evaluate(c)
            if is_missing(value):
                if self.function == F_SIZE:
                    return 0
                if self.function == F_DATE:
                    raise EvaluationError("date() of something missing")
                return False
            values.append(value)
        c.charge(CALL_COST)
        return call(self.function, self.name, values, c)

    cdef str text(self):
        cdef list texts = [(<Node>node).text() for node in self.args]
        if self.is_method:
            return f"{within(<Node>self.args[0], P_MEMBER)}.{self.name}({', '.join(texts[1:])})"
        return f"{self.name}({', '.join(texts)})"


cdef Call call_node(Function function, str name, bint is_method, list args):
    cdef Call node = Call.__new__(Call)
    node.function = function
    node.name = name
    node.is_method = is_method
    node.args = args
    if function == F_NOW or function == F_NOW_PLUS or function == F_NOW_MINUS:
        node.uses = USES_CLOCK
    node.is_bool = function in (F_MATCHES, F_CONTAINS, F_STARTS_WITH, F_ENDS_WITH, F_BOOL)
    for arg in args:
        node.adopt(<Node>arg)
    return node
