# The compiled expression as its users see it.


@cython.final
cdef class Program:
    cdef readonly str source
    cdef Node root
    cdef frozenset used

    def __init__(self):
        raise TypeError("compile() makes programs")

    def __repr__(self):
        return f"<Program {self.source!r}>"

    def evaluate(self, bytes event not None, bytes later not None=b"", *, now_ms=0):
        cdef Context c = make_context(event, later if later else None, now_ms)
        value = self.root.evaluate(c)
        measure(value, c)
        return export(value)

    def matches(self, bytes event not None, bytes later not None=b"", *, now_ms=0):
        try:
            return self.root.evaluate(make_context(event, later if later else None, now_ms)) is True
        except EvaluationError:
            return False

    def interpolate(self, bytes event not None, *, now_ms=0):
        return residue_of(self.root, make_context(event, None, now_ms))

    def index_keys(self):
        return keys_of(self.root)

    def names(self):
        return self.used


def compile(
    str source not None,
    *,
    frozenset names not None=frozenset({"event"}),
    str policy="full",
    bint check=True,
):
    cdef Parser parser
    cdef Program program
    if policy not in ("full", "restricted"):
        raise ValueError(f"no policy {policy!r}")
    if len(source) > LENGTH_LIMIT:
        if len(source) > TEXT_LIMIT or unquoted_length(source) > LENGTH_LIMIT:
            raise CompileError(f"the expression is longer than {<int>LENGTH_LIMIT} characters", LENGTH_LIMIT)
    try:
        source.encode()
    except UnicodeEncodeError as error:
        raise CompileError("half of a surrogate pair", error.start) from None
    parser = Parser(source, names, check, policy == "restricted")
    program = Program.__new__(Program)
    program.source = source
    program.root = parser.parse()
    program.used = frozenset(parser.used)
    return program
