# From tokens to nodes, by recursive descent.

cdef dict _RELATIONS = {"==": EQ, "!=": NE, "<": LT, "<=": LE, ">": GT, ">=": GE}


cdef class Grammar:
    cdef Lexer lexer
    cdef bint check  # whether unknown names and functions are refused, and types of operands looked at
    cdef bint restricted
    cdef int depth

    cdef Node named(self):
        """What starts with a name."""
        raise NotImplementedError

    cdef Node method(self, Node receiver, str name, Py_ssize_t position):
        """A call on a receiver, from behind its opening parenthesis."""
        raise NotImplementedError

    cdef Node parse(self):
        cdef Node root
        if self.lexer.kind == T_END:
            raise self.refuse("the expression is empty")
        try:
            root = self.expression()
        except CompileError as error:
            if error.position < 0:
                error.position = self.lexer.position
            raise
        if self.lexer.kind != T_END:
            raise self.unexpected()
        return root

    cdef object refuse(self, str message):
        return CompileError(message, self.lexer.position)

    cdef object unexpected(self):
        cdef Py_ssize_t start = self.lexer.position
        if self.lexer.kind == T_END:
            return self.refuse("unexpected end of the expression")
        return self.refuse(f"unexpected {self.lexer.source[start : min(self.lexer.at, start + 40)]!r}")

    cdef int forbid(self, str what, Py_ssize_t position) except -1:
        if self.restricted:
            raise PolicyError(f"{what} is not allowed here", position)
        return 0

    cdef bint at(self, str mark):
        return self.lexer.kind == T_MARK and self.lexer.value == mark

    cdef bint take(self, str mark) except -1:
        if self.lexer.kind != T_MARK or self.lexer.value != mark:
            return False
        self.lexer.advance()
        return True

    cdef int expect(self, str mark) except -1:
        if not self.take(mark):
            if self.lexer.kind == T_END:
                raise self.refuse(f"{mark!r} is missing at the end of the expression")
            raise self.unexpected()
        return 0

    cdef str name(self):
        if self.lexer.kind != T_NAME or self.lexer.value in KEYWORDS:
            raise self.unexpected()
        cdef str name = self.lexer.value
        self.lexer.advance()
        return name

    cdef Node expression(self):
        cdef Node condition, yes
        cdef Py_ssize_t position = self.lexer.position
        self.depth += 1
        if self.depth > PARSE_LIMIT:
            raise self.refuse(f"the expression is nested deeper than {<int>DEPTH_LIMIT} levels")
        condition = self.alternatives()
        if self.take("?"):
            self.want_bool(condition, "?:", position)
            yes = self.alternatives()
            self.expect(":")
            condition = ternary(condition, yes, self.expression())
        self.depth -= 1
        return condition

    cdef Node alternatives(self):
        cdef Py_ssize_t position = self.lexer.position
        cdef list operands = [self.conjunction()]
        while self.take("||"):
            self.want_bool(<Node>operands[0], "||", position)
            position = self.lexer.position
            operands.append(self.conjunction())
            self.want_bool(<Node>operands[len(operands) - 1], "||", position)
        return any_of(operands)

    cdef Node conjunction(self):
        cdef Py_ssize_t position = self.lexer.position
        cdef list operands = [self.relation()]
        while self.take("&&"):
            self.want_bool(<Node>operands[0], "&&", position)
            position = self.lexer.position
            operands.append(self.relation())
            self.want_bool(<Node>operands[len(operands) - 1], "&&", position)
        return all_of(operands)

    cdef int want_bool(self, Node operand, str op, Py_ssize_t position) except -1:
        """What the reference's type check refuses at registration (flow-control §2.8)."""
        cdef str kind = static_type(operand) if self.check else None
        if kind is not None and kind != "bool":
            raise CompileError(f"{op} is not for a {kind}", position)
        return 0

    cdef Node relation(self):
        cdef Node left = self.sum()
        while True:
            if self.lexer.kind == T_MARK and self.lexer.value in _RELATIONS:
                op = _RELATIONS[self.lexer.value]
                self.lexer.advance()
                left = comparison(<Op><int>op, left, self.sum())
            elif self.lexer.kind == T_NAME and self.lexer.value == "in":
                self.lexer.advance()
                left = in_node(left, self.sum())
            else:
                return left

    cdef Node sum(self):
        cdef list operands = [self.product()]
        cdef str ops = ""
        while self.at("+") or self.at("-"):
            ops += self.operator()
            operands.append(self.product())
        return arithmetic_node(operands, ops) if ops else <Node>operands[0]

    cdef Node product(self):
        cdef list operands = [self.unary()]
        cdef str ops = ""
        while self.at("*") or self.at("/") or self.at("%"):
            ops += self.operator()
            operands.append(self.unary())
        return arithmetic_node(operands, ops) if ops else <Node>operands[0]

    cdef str operator(self):
        cdef str op = self.lexer.value
        self.forbid(f"the operator {op}", self.lexer.position)
        self.lexer.advance()
        return op

    cdef Node unary(self):
        cdef Py_ssize_t count = 0
        cdef Py_ssize_t position = self.lexer.position
        cdef Node operand
        if self.at("!"):
            while self.take("!"):
                count += 1
            operand = self.member()
            self.want_bool(operand, "!", position)
            for _ in range(count):
                operand = not_node(operand)
            return operand
        while self.take("-"):
            count += 1
        if count and (self.lexer.kind == T_INT or self.lexer.kind == T_DOUBLE):
            self.lexer.value = -self.lexer.value
            count -= 1
        if count:
            self.forbid("the operator -", position)
        operand = self.member()
        for _ in range(count):
            operand = negative(operand)
        return operand

    cdef Node member(self):
        cdef Node node = self.primary()
        cdef str name
        cdef Py_ssize_t position
        cdef Node key
        while True:
            if self.take("."):
                position = self.lexer.position
                name = self.name()
                if self.take("("):
                    node = self.method(node, name, position)
                else:
                    node = field_of(node, name)
            elif self.take("["):
                key = self.expression()
                self.expect("]")
                node = element_of(node, key)
            else:
                return node

    cdef Node primary(self):
        cdef Token kind = self.lexer.kind
        cdef object value = self.lexer.value
        cdef Node node
        if kind == T_NAME:
            return self.named()
        if kind == T_STRING or kind == T_BYTES or kind == T_DOUBLE:
            self.lexer.advance()
            return constant(value)
        if kind == T_INT or kind == T_UINT:
            try:
                value = in_int64(value) if kind == T_INT else in_uint64(value)
            except EvaluationError:
                raise self.refuse("an integer is out of range") from None
            self.lexer.advance()
            return constant(value)
        if self.take("("):
            node = self.expression()
            self.expect(")")
            return node
        if self.take("["):
            return self.list_literal()
        if self.take("{"):
            return self.map_literal()
        raise self.unexpected()

    cdef Node list_literal(self):
        cdef list items = []
        cdef Node item
        cdef bint fixed = True
        while not self.at("]"):
            item = self.expression()
            fixed = fixed and type(item) is Constant
            items.append(item)
            if not self.take(","):
                break
        self.expect("]")
        if fixed:
            return constant([(<Constant>item).value for item in items])
        return list_of(items)

    cdef Node map_literal(self):
        cdef list keys = []
        cdef list values = []
        while not self.at("}"):
            keys.append(self.expression())
            self.expect(":")
            values.append(self.expression())
            if not self.take(","):
                break
        self.expect("}")
        return map_of(keys, values)

    cdef list arguments(self):
        """What stands between the parentheses, and behind them."""
        cdef list args = []
        if not self.at(")"):
            args.append(self.expression())
            while self.take(","):
                args.append(self.expression())
        self.expect(")")
        return args


cdef str static_type(Node node):
    """A value's type where the source tells it; None where only evaluation can."""
    if node.is_bool:
        return "bool"
    if type(node) is Constant:
        return type_name((<Constant>node).value)
    if type(node) is ListOf:
        return "list"
    if type(node) is MapOf:
        return "map"
    if type(node) is Call:
        return RESULTS.get((<Call>node).name)
    return None
