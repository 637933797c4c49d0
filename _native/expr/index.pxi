# The equalities under which a residue's waits are found (flow-control §7.3).

cdef enum:
    MAX_KEYS = 32

cdef tuple _NO_KEY = (None,)


cdef tuple keys_of(Node root):
    cdef tuple keys = _keys(root)
    return keys if len(keys) <= MAX_KEYS else _NO_KEY


cdef tuple _keys(Node node):
    """Keys of which a later event has at least one whenever the node is truthy."""
    cdef type kind = type(node)
    cdef tuple best, found
    if kind is Constant:
        return _NO_KEY if truthy((<Constant>node).value) else ()
    if kind is Failing:
        return ()
    if kind is Or:
        best = ()
        for operand in (<Or>node).operands:
            best = _union(best, _keys(<Node>operand))
            if len(best) > MAX_KEYS:
                return _NO_KEY
        return best
    if kind is And:
        best = _NO_KEY
        for operand in (<And>node).operands:
            found = _keys(<Node>operand)
            if _is_better(found, best):
                best = found
        return best
    if kind is Ternary:
        best = _keys((<Ternary>node).condition)
        found = _keys((<Ternary>node).yes)
        return _union(found if _is_better(found, best) else best, _keys((<Ternary>node).no))
    if kind is FieldEquals:
        if (<FieldEquals>node).negated:
            return _NO_KEY
        return _equality((<FieldEquals>node).left, [(<FieldEquals>node).right.value])
    if kind is Comparison and (<Comparison>node).op == EQ:
        if type((<Comparison>node).right) is Constant:
            return _equality((<Comparison>node).left, [(<Constant>(<Comparison>node).right).value])
    if kind is In and type((<In>node).container) is Constant:
        value = (<Constant>(<In>node).container).value
        if PyList_CheckExact(value):
            return _equality((<In>node).item, <list>value)
    return _NO_KEY


cdef bint _is_better(tuple a, tuple b):
    if (None in a) != (None in b):
        return None in b
    return len(a) < len(b)


cdef tuple _union(tuple a, tuple b):
    # A list: 1.0 and True are different keys, though equal to a set.
    return a + tuple([key for key in b if not _has_key(a, key)])


cdef bint _has_key(tuple keys, object key):
    for other in keys:
        if other == key and (key is None or type(other[1]) is type(key[1])):
            return True
    return False


cdef tuple _equality(Node left, list values):
    """Keys for a field that has one of the values; no event's field is a value that JSON has no type for."""
    cdef list path = []
    cdef tuple keys = ()
    cdef object number
    if type(left) is not Path or (<Path>left).root != LATER or not (<Path>left).steps or len(values) > MAX_KEYS:
        return _NO_KEY
    for step in (<Path>left).steps:
        if not PyBytes_CheckExact(step):
            return _NO_KEY
        path.append((<bytes>step).decode())
    for value in values:
        if is_number(value):
            value = float(number_of(value))
        elif not (value is None or value is True or value is False or PyUnicode_CheckExact(value)):
            return _NO_KEY
        keys = _union(keys, ((tuple(path), value),))
    return keys
