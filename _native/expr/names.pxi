# What names and calls mean, and whether they are allowed.

cdef frozenset _TYPES = frozenset((
    "bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint",
))


@cython.final
cdef class Parser(Grammar):
    cdef frozenset names
    cdef list scopes  # the macro variables in sight, outermost first
    cdef set used

    def __init__(self, str source, frozenset names, bint check, bint restricted):
        self.lexer = Lexer(source)
        self.names = names
        self.check = check
        self.restricted = restricted
        self.scopes = []
        self.used = set()

    cdef Node named(self):
        cdef Py_ssize_t position = self.lexer.position
        cdef Py_ssize_t slot
        cdef str name = self.lexer.value
        if name in KEYWORDS and name != "in":
            self.lexer.advance()
            return constant(None if name == "null" else name == "true")
        if name in RESERVED:
            raise self.refuse(f"{name!r} is a reserved word")
        self.name()
        if self.take("("):
            return self.call(name, position)
        for slot in range(len(self.scopes) - 1, -1, -1):
            if self.scopes[slot] == name:
                return local(slot, name)
        if name in self.names:
            self.used.add(name)
            return path(EVENT if name == "event" else LATER if name == "async" else NOTHING, name)
        if name in _TYPES:
            self.forbid(f"the type {name}", position)
            return constant(Type(name))
        if name == "google":
            return self.well_known(position)
        if self.check:
            raise CompileError(f"undeclared name {name!r}", position)
        return path(NOTHING, name)

    cdef Node well_known(self, Py_ssize_t position):
        self.forbid("a type", position)
        for expected in (("protobuf",), ("Timestamp", "Duration")):
            self.expect(".")
            name = self.name()
            if name not in expected:
                raise CompileError("undeclared name 'google'", position)
        return constant(Type(f"google.protobuf.{name}"))

    cdef Node call(self, str name, Py_ssize_t position):
        cdef list args
        if name == "has":
            self.forbid("has()", position)
            return self.has(position)
        if name not in CONVERSIONS:
            self.forbid(f"{name}()", position)
        args = self.arguments()
        return self.resolve(FUNCTIONS, name, False, args, position)

    cdef Node has(self, Py_ssize_t position):
        cdef list args = self.arguments()
        cdef bint selects = False
        if len(args) == 1:
            selects = type(args[0]) is Select
            if type(args[0]) is Path:
                steps = (<Path>args[0]).steps
                selects = len(steps) > 0 and PyBytes_CheckExact(steps[len(steps) - 1])
        if not selects:
            raise CompileError("has() takes one field, such as has(event.data.x)", position)
        return has(<Node>args[0])

    cdef Node method(self, Node receiver, str name, Py_ssize_t position):
        self.forbid(f"{name}()", position)
        if name in MACROS:
            return self.macro(receiver, name, position)
        cdef list args = [receiver]
        args.extend(self.arguments())
        return self.resolve(METHODS, name, True, args, position)

    cdef Node resolve(self, dict known, str name, bint is_method, list args, Py_ssize_t position):
        cdef str problem
        entry = known.get(name)
        if entry is None:
            problem = f"undeclared function {name!r}"
        elif not entry[1] <= len(args) <= entry[2]:
            problem = f"{name}() does not take so many arguments"
        else:
            return call_node(<Function><int>entry[0], name, is_method, args)
        if self.check:
            raise CompileError(problem, position)
        return failing(problem)

    cdef Node macro(self, Node range, str name, Py_ssize_t position):
        cdef list args = []
        cdef str variable
        if self.lexer.kind != T_NAME or self.lexer.value in RESERVED:
            raise CompileError(f"{name}() takes a variable and an expression", position)
        variable = self.name()
        self.expect(",")
        self.scopes.append(variable)
        args = self.arguments()
        self.scopes.pop()
        if not (len(args) == 1 or (name == "map" and len(args) == 2)):
            raise CompileError(f"{name}() takes a variable and an expression", position)
        return macro(
            <MacroKind><int>MACROS[name], name, range, len(self.scopes), variable,
            <Node>args[0] if len(args) == 2 else None, <Node>args[len(args) - 1],
        )
