# From source text to tokens.

cdef enum Token:
    T_END
    T_NAME
    T_INT
    T_UINT
    T_DOUBLE
    T_STRING
    T_BYTES
    T_MARK  # an operator or a bracket: its text is the value

cdef frozenset KEYWORDS = frozenset(("true", "false", "null", "in"))
cdef frozenset RESERVED = frozenset((
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
    "namespace", "return", "var", "void", "while",
))
cdef frozenset _PAIRS = frozenset(("==", "!=", "<=", ">=", "&&", "||"))
cdef dict _ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "?": "?", '"': '"', "'": "'", "`": "`",
}
cdef dict _HEX_ESCAPES = {"x": 2, "X": 2, "u": 4, "U": 8}


cdef inline bint _is_name_start(Py_UCS4 c) noexcept:
    return u"a" <= c <= u"z" or u"A" <= c <= u"Z" or c == u"_"


cdef inline bint _is_digit(Py_UCS4 c) noexcept:
    return u"0" <= c <= u"9"


cdef inline bint _is_hex(Py_UCS4 c) noexcept:
    return u"0" <= c <= u"9" or u"a" <= c <= u"f" or u"A" <= c <= u"F"


@cython.final
cdef class Lexer:
    """One token ahead of the parser; `position` is where that token starts."""
    cdef str source
    cdef Py_ssize_t size
    cdef Py_ssize_t at
    cdef Py_ssize_t quoted  # characters within string literals, so far
    cdef Token kind
    cdef Py_ssize_t position
    cdef object value

    def __init__(self, str source):
        self.source = source
        self.size = len(source)
        self.advance()

    cdef Py_UCS4 peek(self, Py_ssize_t offset) noexcept:
        return self.source[self.at + offset] if self.at + offset < self.size else 0

    cdef object refuse(self, str message):
        return CompileError(message, self.position)

    cdef int advance(self) except -1:
        cdef Py_UCS4 c
        cdef str pair
        self.skip_blanks()
        self.position = self.at
        if self.at >= self.size:
            self.kind = T_END
            self.value = None
            return 0
        c = self.peek(0)
        if _is_name_start(c):
            return self.name_or_string()
        if _is_digit(c) or (c == u"." and _is_digit(self.peek(1))):
            return self.number()
        if c == u'"' or c == u"'":
            return self.string(False, False)
        self.kind = T_MARK
        pair = self.source[self.at : self.at + 2]
        if pair in _PAIRS:
            self.value = pair
            self.at += 2
            return 0
        if c in u"()[]{}.,?:+-*/%!<>":
            self.value = pair[:1]
            self.at += 1
            return 0
        raise self.refuse(f"unexpected character {pair[:1]!r}")

    cdef int skip_blanks(self) except -1:
        cdef Py_UCS4 c
        while self.at < self.size:
            c = self.peek(0)
            if c == u" " or c == u"\n" or c == u"\r" or c == u"\t" or c == u"\f":
                self.at += 1
            elif c == u"/" and self.peek(1) == u"/":
                while self.at < self.size and self.peek(0) != u"\n":
                    self.at += 1
            else:
                break
        return 0

    cdef int name_or_string(self) except -1:
        cdef Py_ssize_t start = self.at
        cdef Py_UCS4 c
        cdef str prefix
        while _is_name_start(self.peek(0)) or _is_digit(self.peek(0)):
            self.at += 1
        c = self.peek(0)
        if (c == u'"' or c == u"'") and self.at - start <= 2:
            prefix = self.source[start : self.at].lower()
            if prefix in ("r", "b", "rb", "br"):
                return self.string("r" in prefix, "b" in prefix)
        self.kind = T_NAME
        self.value = self.source[start : self.at]
        return 0

    cdef int number(self) except -1:
        cdef Py_ssize_t start = self.at
        cdef bint hexadecimal = False
        self.kind = T_INT
        if self.peek(0) == u"0" and (self.peek(1) == u"x" or self.peek(1) == u"X") and _is_hex(self.peek(2)):
            hexadecimal = True
            self.at += 2
            while _is_hex(self.peek(0)):
                self.at += 1
        else:
            self.digits()
            if self.peek(0) == u"." and _is_digit(self.peek(1)):
                self.kind = T_DOUBLE
                self.at += 1
                self.digits()
            if self.peek(0) == u"e" or self.peek(0) == u"E":
                if _is_digit(self.peek(1)) or (
                    (self.peek(1) == u"+" or self.peek(1) == u"-") and _is_digit(self.peek(2))
                ):
                    self.kind = T_DOUBLE
                    self.at += 2
                    self.digits()
        text = self.source[start : self.at]
        if self.kind == T_DOUBLE:
            self.value = float(text)
            if not _finite(<double>self.value):
                raise self.refuse("a number is out of range")
        elif len(text) > 32:
            raise self.refuse("an integer is out of range")
        else:
            self.value = int(text, 16 if hexadecimal else 10)
            if self.peek(0) == u"u" or self.peek(0) == u"U":
                self.at += 1
                self.kind = T_UINT
        if _is_name_start(self.peek(0)):
            raise self.refuse("a number runs into a name")
        return 0

    cdef int digits(self) except -1:
        while _is_digit(self.peek(0)):
            self.at += 1
        return 0

    cdef int string(self, bint raw, bint as_bytes) except -1:
        cdef Py_UCS4 quote = self.peek(0)
        cdef bint triple = self.peek(1) == quote and self.peek(2) == quote
        cdef Py_ssize_t start, run
        cdef Py_UCS4 c
        cdef str text
        cdef list parts = []
        self.at += 3 if triple else 1
        start = self.at
        while True:
            if self.at >= self.size:
                raise self.refuse("a string does not end")
            c = self.peek(0)
            if c == quote and (not triple or (self.peek(1) == quote and self.peek(2) == quote)):
                break
            if not triple and (c == u"\n" or c == u"\r"):
                raise self.refuse("a line ends within a string")
            if c == u"\\" and not raw:
                self.escape(parts, as_bytes)
                continue
            run = self.at
            self.at += 1
            while self.at < self.size:
                c = self.peek(0)
                if c == quote or c == u"\n" or c == u"\r" or (c == u"\\" and not raw):
                    break
                self.at += 1
            text = self.source[run : self.at]
            parts.append(text.encode() if as_bytes else text)
        self.quoted += self.at - start
        self.at += 3 if triple else 1
        self.kind = T_BYTES if as_bytes else T_STRING
        self.value = b"".join(parts) if as_bytes else "".join(parts)
        return 0

    cdef int escape(self, list parts, bint as_bytes) except -1:
        cdef Py_UCS4 c = self.peek(1)
        cdef Py_ssize_t width = 3
        cdef Py_ssize_t base = 8
        cdef str digits
        cdef long code
        plain = _ESCAPES.get(chr(c))
        if plain is not None:
            parts.append((<str>plain).encode() if as_bytes else plain)
            self.at += 2
            return 0
        if chr(c) in _HEX_ESCAPES:
            if as_bytes and (c == u"u" or c == u"U"):
                raise CompileError("bytes have no escape for characters", self.at)
            width = _HEX_ESCAPES[chr(c)]
            base = 16
            self.at += 2
        elif u"0" <= c <= u"3":
            self.at += 1
        else:
            raise CompileError("an unknown escape in a string", self.at)
        digits = self.source[self.at : self.at + width]
        code = -1
        if len(digits) == width:
            code = 0
            for c in digits:
                if not (_is_hex(c) if base == 16 else u"0" <= c <= u"7"):
                    code = -1
                    break
                code = code * base + int(chr(c), 16)
        if code < 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise CompileError("an escape in a string names no character", self.at)
        self.at += width
        parts.append(bytes((code,)) if as_bytes else chr(code))
        return 0


cdef Py_ssize_t unquoted_length(str source) except -1:
    """How long a source is without the contents of its string literals."""
    cdef Lexer lexer = Lexer(source)
    while lexer.kind != T_END:
        lexer.advance()
    return lexer.size - lexer.quoted
