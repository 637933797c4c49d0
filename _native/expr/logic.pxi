# Truth: operands that are not boolean count as JavaScript would have it (flow-control §2.8).


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
