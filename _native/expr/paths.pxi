# Fields and elements.


cdef enum Root:
    EVENT = 0
    LATER = 1
    NOTHING = 2


@cython.final
cdef class Path(Node):
    """`event.a.b[0]`: fields and indexes known at compile time, read from raw JSON."""
    cdef Root root
    cdef str name
    cdef list steps  # bytes: a field, as UTF-8; int: a list index

    cdef int locate(self, Context c, const char **at, const char **end) except -1:
        cdef bytes raw
        cdef int found
        if self.root == EVENT:
            raw = c.event
        elif self.root == LATER:
            raw = c.later
        else:
            return ABSENT
        if raw is None:
            return ABSENT
        c.charge(1 + (PyBytes_GET_SIZE(raw) >> SCAN_SHIFT))
        return locate(raw, self.steps, at, end)

    cdef object evaluate(self, Context c):
        cdef const char *p = NULL
        cdef const char *end = NULL
        cdef const char *start
        cdef int found = self.locate(c, &p, &end)
        if found == PRESENT:
            if p < end and (p[0] == b"{" or p[0] == b"["):
                start = p
                value = decode_value(&p, end, 0)
                c.charge((p - start) >> 4)
                if not self.steps and PyDict_CheckExact(value) and "user" not in <dict>value:
                    (<dict>value)["user"] = {}
                return value
            return decode_value(&p, end, 0)
        if found == BEYOND:
            return _OUT_OF_RANGE
        if self.root != NOTHING and len(self.steps) == 1 and self.steps[0] == b"user":
            return {}  # always there (flow-control §2.5)
        return _MISSING

    cdef str text(self):
        return path_text(self.name, self.steps)


cdef str path_text(str name, list steps):
    cdef list parts = [name]
    for step in steps:
        if not PyBytes_CheckExact(step):
            parts.append(f"[{step}]")
            continue
        key = (<bytes>step).decode()
        parts.append(f".{key}" if is_selector(key) else f"[{quote_string(key)}]")
    return "".join(parts)


cdef bint is_selector(str name):
    return name.isascii() and name.isidentifier() and name not in KEYWORDS


cdef Path path(Root root, str name):
    cdef Path node = Path.__new__(Path)
    node.root = root
    node.name = name
    node.steps = []
    if root == EVENT:
        node.uses = USES_EVENT
    elif root == LATER:
        node.uses = USES_LATER
    return node


cdef Path step_into(Path base, object step):
    cdef Path node = path(base.root, base.name)
    if len(base.steps) >= DEPTH_LIMIT:
        raise CompileError(f"a path of more than {<int>DEPTH_LIMIT} steps")
    node.steps = base.steps + [step]
    return node


@cython.final
cdef class Select(Node):
    """`base.field` where the base is no path."""
    cdef Node base
    cdef str field

    cdef object evaluate(self, Context c):
        value = self.base.evaluate(c)
        if PyDict_CheckExact(value):
            return (<dict>value).get(self.field, _MISSING)
        return _OUT_OF_RANGE if value is _OUT_OF_RANGE else _MISSING

    cdef str text(self):
        return within(self.base, P_MEMBER) + "." + self.field


cdef Select select(Node base, str field):
    cdef Select node = Select.__new__(Select)
    node.base = base
    node.field = field
    node.adopt(base)
    return node


@cython.final
cdef class Index(Node):
    """`base[key]` where either is not known at compile time."""
    cdef Node base
    cdef Node key

    cdef object evaluate(self, Context c):
        value = self.base.evaluate(c)
        key = self.key.evaluate(c)
        if is_missing(value) or value is None:
            return _OUT_OF_RANGE if value is _OUT_OF_RANGE else _MISSING
        if is_missing(key):
            return _MISSING
        if PyDict_CheckExact(value):
            return member_of(<dict>value, key, c)
        if PyList_CheckExact(value):
            return _item(<list>value, key)
        return _MISSING  # a path through something that is no object

    cdef str text(self):
        return f"{within(self.base, P_MEMBER)}[{self.key.text()}]"


cdef object _item(list items, object key):
    if PyUnicode_CheckExact(key):
        return _MISSING
    if key is True or key is False or not is_number(key):
        raise EvaluationError(f"a list has no index of type {type_name(key)}")
    number = number_of(key)
    if PyFloat_CheckExact(number):
        if not _finite(<double>number) or number != int(number):
            raise EvaluationError("a list index is not a whole number")
        number = int(number)
    if 0 <= number < len(items):
        return items[<Py_ssize_t>number]
    return _OUT_OF_RANGE


cdef Index index_node(Node base, Node key):
    cdef Index node = Index.__new__(Index)
    node.base = base
    node.key = key
    node.adopt(base)
    node.adopt(key)
    return node


@cython.final
cdef class Has(Node):
    """`has(a.b)`: true or missing, so that neither `!has(x)` nor `has(x) == false` is true (§2.7)."""
    cdef Node target

    cdef object evaluate(self, Context c):
        cdef const char *p = NULL
        cdef const char *end = NULL
        cdef Path target
        if type(self.target) is Path:
            target = <Path>self.target
            if target.locate(c, &p, &end) == PRESENT:
                return True
            return _MISSING if is_missing(target.evaluate(c)) else True
        return _MISSING if is_missing(self.target.evaluate(c)) else True

    cdef str text(self):
        return f"has({self.target.text()})"


cdef Has has(Node target):
    cdef Has node = Has.__new__(Has)
    node.target = target
    node.adopt(target)
    return node


cdef Node field_of(Node base, str name):
    if type(base) is Path:
        return step_into(<Path>base, name.encode())
    return select(base, name)


cdef Node element_of(Node base, Node key):
    """A path goes on through keys that are known."""
    if type(base) is Path and type(key) is Constant:
        value = (<Constant>key).value
        if PyUnicode_CheckExact(value):
            return step_into(<Path>base, (<str>value).encode())
        if PyFloat_CheckExact(value) and 0 <= value <= 1e15 and value == int(value):
            value = int(value)
        if PyLong_CheckExact(value) and value >= 0:
            return step_into(<Path>base, value)
    return index_node(base, key)
