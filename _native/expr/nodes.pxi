# The compiled form: a tree of immutable nodes that evaluate and print themselves.

cdef enum Uses:
    USES_EVENT = 1
    USES_LATER = 2  # `async`
    USES_CLOCK = 4
    USES_UNKNOWN = 8  # names and functions that are not there

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
    cdef int weight  # how many nodes an evaluation may visit
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
            if self.height > MAX_DEPTH:
                raise CompileError(f"the expression is nested deeper than {MAX_DEPTH} levels")
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
    return node


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
    cdef bint by_field  # the last step is `.field`

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
cdef class Unknown(Node):
    """A name or call that only an unchecked compilation lets through; always an error."""
    cdef str source
    cdef str message

    cdef object evaluate(self, Context c):
        raise EvaluationError(self.message)

    cdef str text(self):
        return self.source


cdef Unknown unknown(str source, str message):
    cdef Unknown node = Unknown.__new__(Unknown)
    node.source = source
    node.message = message
    node.uses = USES_UNKNOWN
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
        if PyUnicode_CheckExact(key):
            return _MISSING  # a path through something that is no object
        raise EvaluationError(f"a {type_name(value)} has no index")

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


@cython.final
cdef class Not(Node):
    cdef Node operand

    cdef object evaluate(self, Context c):
        value = self.operand.evaluate(c)
        if value is False:
            return True
        if value is True or is_missing(value):
            return False
        raise EvaluationError(f"! is not for a {type_name(value)}")

    cdef Precedence precedence(self):
        return P_UNARY

    cdef str text(self):
        return "!" + within(self.operand, P_UNARY)


cdef Not not_node(Node operand):
    cdef Not node = Not.__new__(Not)
    node.operand = operand
    node.is_bool = True
    node.adopt(operand)
    return node


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
cdef class And(Node):
    """The first falsy operand, or the last one. An error counts as falsy, but a falsy value as the stronger."""
    cdef list operands

    cdef object evaluate(self, Context c):
        cdef object failed = None
        cdef object value = None
        cdef Node operand
        for node in self.operands:
            operand = <Node>node
            try:
                value = operand.evaluate(c)
            except _BudgetError:
                raise
            except EvaluationError as error:
                if failed is None:
                    failed = error
                continue
            if value is False or (value is not True and not truthy(value)):
                return value
        if failed is not None:
            raise failed
        return value

    cdef Precedence precedence(self):
        return P_AND

    cdef str text(self):
        return " && ".join([within(<Node>node, P_RELATION) for node in self.operands])


@cython.final
cdef class Or(Node):
    """The first truthy operand, or the last one. An error counts as falsy."""
    cdef list operands

    cdef object evaluate(self, Context c):
        cdef object failed = None
        cdef object value = None
        cdef Node operand
        for node in self.operands:
            operand = <Node>node
            try:
                value = operand.evaluate(c)
            except _BudgetError:
                raise
            except EvaluationError as error:
                failed = error
                continue
            failed = None
            if value is True or (value is not False and truthy(value)):
                return value
        if failed is not None:
            raise failed
        return value

    cdef Precedence precedence(self):
        return P_OR

    cdef str text(self):
        return " || ".join([within(<Node>node, P_AND) for node in self.operands])


cdef Node all_of(list operands):
    cdef And node
    if len(operands) == 1:
        return <Node>operands[0]
    node = And.__new__(And)
    node.operands = operands
    node.is_bool = True
    for operand in operands:
        node.adopt(<Node>operand)
        node.is_bool = node.is_bool and (<Node>operand).is_bool
    return node


cdef Node any_of(list operands):
    cdef Or node
    if len(operands) == 1:
        return <Node>operands[0]
    node = Or.__new__(Or)
    node.operands = operands
    node.is_bool = True
    for operand in operands:
        node.adopt(<Node>operand)
        node.is_bool = node.is_bool and (<Node>operand).is_bool
    return node


cdef object truth_of(Node node, Context c):
    """Whether a node's value is truthy; an error is not."""
    try:
        return truthy(node.evaluate(c))
    except _BudgetError:
        raise
    except EvaluationError:
        return False


@cython.final
cdef class Ternary(Node):
    cdef Node condition
    cdef Node yes
    cdef Node no

    cdef object evaluate(self, Context c):
        return self.yes.evaluate(c) if truth_of(self.condition, c) else self.no.evaluate(c)

    cdef Precedence precedence(self):
        return P_TERNARY

    cdef str text(self):
        return f"{within(self.condition, P_OR)} ? {within(self.yes, P_OR)} : {within(self.no, P_TERNARY)}"


cdef Ternary ternary(Node condition, Node yes, Node no):
    cdef Ternary node = Ternary.__new__(Ternary)
    node.condition = condition
    node.yes = yes
    node.no = no
    node.adopt(condition)
    node.adopt(yes)
    node.adopt(no)
    node.is_bool = yes.is_bool and no.is_bool
    return node


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
    cdef bint swapped  # only for `text`

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
        if end - p > size + 1 and p[size + 1] == b'"' and memcmp(p + 1, PyBytes_AS_STRING(self.wanted), size) == 0:
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
        c.charge(1)
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
