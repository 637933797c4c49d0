# What is left of an expression once `event` is known (flow-control §2.9).
#
# A node is folded "loosely" where only its part in a match counts: there an error is as good as any falsy
# value, and one falsy value as good as another. Elsewhere the folded node has the very value of the first.


cdef str residue_of(Node root, Context c):
    cdef Node left
    cdef str text
    try:
        left = fold(root, c, True)
    except CompileError:
        raise EvaluationError(f"with the event's values it is deeper than {<int>DEPTH_LIMIT} levels") from None
    if type(left) is Failing:
        return "false"
    if type(left) is Constant:
        return "true" if (<Constant>left).value is True else "false"
    text = left.text()
    if len(text) > LENGTH_LIMIT and (len(text) > TEXT_LIMIT or unquoted_length(text) > LENGTH_LIMIT):
        raise EvaluationError(f"with the event's values it is longer than {<int>LENGTH_LIMIT} characters")
    return text


cdef bint is_closed(Node node) noexcept:
    """Whether the event alone decides it."""
    return not node.uses & (USES_LATER | USES_CLOCK) and node.lowest_local == NO_LOCAL


cdef Node fold(Node node, Context c, bint loose):
    cdef type kind = type(node)
    if kind is Constant or kind is Failing or kind is Local:
        return node
    if is_closed(node):
        try:
            value = node.evaluate(c)
            measure(value, c)
            return constant(value)
        except _BudgetError:
            raise
        except EvaluationError as error:
            return failing(error.message)
    if kind is Path or kind is FieldEquals:
        return node
    if kind is And:
        return _fold_and(<And>node, c, loose)
    if kind is Or:
        return _fold_or(<Or>node, c, loose)
    if kind is Ternary:
        return _fold_ternary(<Ternary>node, c, loose)
    if kind is Not:
        return _again(not_node(fold((<Not>node).operand, c, False)), c)
    if kind is Comparison:
        return _fold_comparison(<Comparison>node, c)
    if kind is In:
        return _fold_in(<In>node, c)
    return _again(_fold_parts(node, c), c)


cdef Node _again(Node node, Context c):
    """A rebuilt node, or its value if its parts have become constants."""
    return fold(node, c, False) if is_closed(node) else node


cdef bint _is_falsy(Node node) noexcept:
    return type(node) is Failing or (type(node) is Constant and not truthy((<Constant>node).value))


cdef Node _fold_and(And node, Context c, bint loose):
    cdef list kept = []
    cdef bint pure = True  # all before are true, false or failing
    cdef Node operand
    cdef Py_ssize_t last = len(node.operands) - 1
    cdef Py_ssize_t i
    for i in range(last + 1):
        operand = fold(<Node>node.operands[i], c, loose)
        if _is_falsy(operand):
            if loose:
                return constant(False)
            if type(operand) is Constant:
                if (<Constant>operand).value is False and pure:
                    return operand
                kept.append(operand)
                break
        elif type(operand) is Constant and (i < last or (kept and pure and (<Constant>operand).value is True)):
            continue
        pure = pure and operand.is_bool
        kept.append(operand)
    return all_of(kept)


cdef Node _fold_or(Or node, Context c, bint loose):
    cdef list kept = []
    cdef bint pure = True
    cdef Node operand
    cdef Py_ssize_t last = len(node.operands) - 1
    cdef Py_ssize_t i
    for i in range(last + 1):
        operand = fold(<Node>node.operands[i], c, loose)
        if _is_falsy(operand):
            if i < last or loose:
                continue
        elif type(operand) is Constant:
            if (<Constant>operand).value is True and pure:
                return operand
            kept.append(operand)
            break
        pure = pure and operand.is_bool
        kept.append(operand)
    return any_of(kept) if kept else constant(False)


cdef Node _fold_ternary(Ternary node, Context c, bint loose):
    cdef Node condition = fold(node.condition, c, True)
    if _is_falsy(condition):
        return fold(node.no, c, loose)
    if type(condition) is Constant:
        return fold(node.yes, c, loose)
    return ternary(condition, fold(node.yes, c, loose), fold(node.no, c, loose))


cdef Node _fold_comparison(Comparison node, Context c):
    cdef Node left = fold(node.left, c, False)
    cdef Node right = fold(node.right, c, False)
    if type(left) is Failing or type(right) is Failing:
        return failing("an operand failed")
    if node.op == EQ or node.op == NE:
        # The event's missing value is null on the left, and equal to nothing on the right (§2.9).
        if type(left) is Constant and (<Constant>left).value is _MISSING:
            left = constant(None)
        elif type(left) is Path and type(right) is Constant and (<Constant>right).value is _MISSING:
            return constant(node.op == NE)
    return _again(comparison(node.op, left, right), c)


cdef Node _fold_in(In node, Context c):
    cdef Node item = fold(node.item, c, False)
    cdef Node container = fold(node.container, c, False)
    if type(item) is Failing or type(container) is Failing:
        return failing("an operand failed")
    if type(container) is Constant and type(item) is Path:
        value = (<Constant>container).value
        if is_missing(value) or (PyList_CheckExact(value) and not <list>value):
            return constant(False)
    return _again(in_node(item, container), c)


cdef list _fold_all(list nodes, Context c):
    return [fold(<Node>node, c, False) for node in nodes]


cdef Node _fold_parts(Node node, Context c):
    cdef type kind = type(node)
    cdef Node condition
    if kind is Select:
        return field_of(fold((<Select>node).base, c, False), (<Select>node).field)
    if kind is Index:
        return element_of(fold((<Index>node).base, c, False), fold((<Index>node).key, c, False))
    if kind is Has:
        return has(fold((<Has>node).target, c, False))
    if kind is Negative:
        return negative(fold((<Negative>node).operand, c, False))
    if kind is Arithmetic:
        return arithmetic_node(_fold_all((<Arithmetic>node).operands, c), (<Arithmetic>node).ops)
    if kind is ListOf:
        return list_of(_fold_all((<ListOf>node).items, c))
    if kind is MapOf:
        return map_of(_fold_all((<MapOf>node).keys, c), _fold_all((<MapOf>node).values, c))
    if kind is Call:
        return call_node(
            (<Call>node).function, (<Call>node).name, (<Call>node).is_method, _fold_all((<Call>node).args, c)
        )
    condition = (<Macro>node).condition
    return macro(
        (<Macro>node).kind, (<Macro>node).name, fold((<Macro>node).range, c, False), (<Macro>node).slot,
        (<Macro>node).variable, fold(condition, c, False) if condition is not None else None,
        fold((<Macro>node).body, c, False),
    )
