# cython: freethreading_compatible = False
"""Canonical JSON (RFC 8785), from JSON bytes to JSON bytes in one pass; no value is decoded."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy

MAX_DEPTH = 500

cdef enum:
    DEPTH = 500
    EXACT_DIGITS = 15  # an integer of so many digits is its own shortest form
    SORT_IN_PLACE = 32


class CanonicalError(ValueError):
    def __init__(self, message, position):
        super().__init__(f"{message} at offset {position}")
        self.position = position


cdef struct Member:
    Py_ssize_t start  # of the quoted key, in the output
    Py_ssize_t key_end
    Py_ssize_t end
    bint plain  # an ASCII key without escapes: its bytes sort as its UTF-16 code units


cdef class Canonicalizer:
    cdef const unsigned char* source
    cdef Py_ssize_t size
    cdef Py_ssize_t at
    cdef unsigned char* out
    cdef Py_ssize_t length
    cdef Py_ssize_t capacity
    cdef Member* members
    cdef Py_ssize_t member_count
    cdef Py_ssize_t member_capacity

    def __dealloc__(self):
        free(self.out)
        free(self.members)

    cdef bytes run(self, bytes data):
        self.source = <const unsigned char*>PyBytes_AS_STRING(data)
        self.size = PyBytes_GET_SIZE(data)
        # Output is never longer than what was read, numbers excepted, which make room for themselves.
        self.capacity = self.size + 32
        self.out = <unsigned char*>malloc(self.capacity)
        if self.out == NULL:
            raise MemoryError
        self.blanks()
        self.value(0)
        self.blanks()
        if self.at != self.size:
            raise self.broken("unexpected data after the value")
        if self.length == self.size and memcmp(self.out, self.source, self.size) == 0:
            return data
        return PyBytes_FromStringAndSize(<char*>self.out, self.length)

    cdef object broken(self, str message):
        return CanonicalError(message, self.at)

    cdef inline void blanks(self) noexcept:
        cdef unsigned char c
        while self.at < self.size:
            c = self.source[self.at]
            if c != 32 and c != 10 and c != 13 and c != 9:
                return
            self.at += 1

    cdef inline void put(self, unsigned char c) noexcept:
        self.out[self.length] = c
        self.length += 1

    cdef int value(self, int depth) except -1:
        cdef unsigned char c
        if self.at >= self.size:
            raise self.broken("unexpected end of JSON")
        c = self.source[self.at]
        if c == b'"':
            self.string()
        elif c == b"{":
            self.object(depth + 1)
        elif c == b"[":
            self.array(depth + 1)
        elif c == b"t":
            self.word(b"true", 4)
        elif c == b"f":
            self.word(b"false", 5)
        elif c == b"n":
            self.word(b"null", 4)
        elif c == b"-" or b"0" <= c <= b"9":
            self.number()
        else:
            raise self.broken("unexpected character")
        return 0

    cdef int word(self, const char* text, Py_ssize_t n) except -1:
        if self.size - self.at < n or memcmp(self.source + self.at, text, n) != 0:
            raise self.broken("unexpected character")
        memcpy(self.out + self.length, text, n)
        self.length += n
        self.at += n
        return 0

    cdef int array(self, int depth) except -1:
        if depth > DEPTH:
            raise self.broken(f"nested deeper than {DEPTH} levels")
        self.at += 1
        self.put(b"[")
        self.blanks()
        if self.at < self.size and self.source[self.at] == b"]":
            self.at += 1
            self.put(b"]")
            return 0
        while True:
            self.value(depth)
            self.blanks()
            if self.at >= self.size:
                raise self.broken("unexpected end of JSON")
            if self.source[self.at] == b",":
                self.at += 1
                self.put(b",")
                self.blanks()
            elif self.source[self.at] == b"]":
                self.at += 1
                self.put(b"]")
                return 0
            else:
                raise self.broken("expected ',' or ']'")

    cdef int object(self, int depth) except -1:
        cdef Py_ssize_t first = self.member_count
        cdef Py_ssize_t n
        cdef Py_ssize_t place
        cdef bint plain
        cdef bint ordered = True
        if depth > DEPTH:
            raise self.broken(f"nested deeper than {DEPTH} levels")
        self.at += 1
        self.put(b"{")
        self.blanks()
        if self.at < self.size and self.source[self.at] == b"}":
            self.at += 1
            self.put(b"}")
            return 0
        while True:
            if self.at >= self.size or self.source[self.at] != b'"':
                raise self.broken("expected a key")
            place = self.add_member()
            self.members[place].start = self.length
            plain = self.string()
            self.members[place].plain = plain
            self.members[place].key_end = self.length
            self.blanks()
            if self.at >= self.size or self.source[self.at] != b":":
                raise self.broken("expected ':'")
            self.at += 1
            self.put(b":")
            self.blanks()
            self.value(depth)
            self.members[place].end = self.length
            if ordered and place > first:
                ordered = self.before(place - 1, place)
            self.blanks()
            if self.at >= self.size:
                raise self.broken("unexpected end of JSON")
            if self.source[self.at] == b",":
                self.at += 1
                self.put(b",")
                self.blanks()
            elif self.source[self.at] == b"}":
                self.at += 1
                break
            else:
                raise self.broken("expected ',' or '}'")
        n = self.member_count - first
        if not ordered:
            self.sort(first, n)
        self.member_count = first
        self.put(b"}")
        return 0

    cdef Py_ssize_t add_member(self) except -1:
        cdef Member* grown
        if self.member_count == self.member_capacity:
            grown = <Member*>realloc(self.members, (self.member_capacity * 2 + 16) * sizeof(Member))
            if grown == NULL:
                raise MemoryError
            self.members = grown
            self.member_capacity = self.member_capacity * 2 + 16
        self.member_count += 1
        return self.member_count - 1

    cdef bint before(self, Py_ssize_t a, Py_ssize_t b) except -1:
        """Whether member a comes strictly before member b."""
        cdef Member* x = &self.members[a]
        cdef Member* y = &self.members[b]
        if x.plain and y.plain:
            return self.compare_plain(x, y) < 0
        return self.key(x) < self.key(y)

    cdef inline int compare_plain(self, Member* x, Member* y) noexcept:
        # Without the quotes; the shorter of two with the same beginning comes first.
        cdef Py_ssize_t n = x.key_end - x.start - 2
        cdef Py_ssize_t m = y.key_end - y.start - 2
        cdef int c = memcmp(self.out + x.start + 1, self.out + y.start + 1, n if n < m else m)
        if c:
            return c
        return -1 if n < m else (1 if n > m else 0)

    cdef bytes key(self, Member* member):
        text = PyUnicode_DecodeUTF8(
            <char*>self.out + member.start + 1, member.key_end - member.start - 2, "strict"
        )
        if "\\" in text:
            import json
            text = json.loads(f'"{text}"')
        return text.encode("utf-16-be")

    cdef int sort(self, Py_ssize_t first, Py_ssize_t n) except -1:
        """Puts the members of an object in order; of those with one key the last stays."""
        cdef Member* members = self.members + first
        cdef Py_ssize_t start = members[0].start
        cdef Py_ssize_t span = self.length - start
        cdef Py_ssize_t i, j, size
        cdef bint plain = n <= SORT_IN_PLACE
        cdef Member moved
        cdef unsigned char* copy
        cdef Py_ssize_t* order = <Py_ssize_t*>malloc(n * sizeof(Py_ssize_t))
        if order == NULL:
            raise MemoryError
        copy = <unsigned char*>malloc(span)
        if copy == NULL:
            free(order)
            raise MemoryError
        try:
            for i in range(n):
                order[i] = i
                plain = plain and members[i].plain
            if plain:
                for i in range(1, n):
                    j = i
                    while j > 0 and self.compare_plain(&members[order[j - 1]], &members[i]) > 0:
                        order[j] = order[j - 1]
                        j -= 1
                    order[j] = i
            else:
                keys = [self.key(&members[i]) for i in range(n)]
                for i, j in enumerate(sorted(range(n), key=keys.__getitem__)):
                    order[i] = j
            memcpy(copy, self.out + start, span)
            self.length = start
            for i in range(n):
                if i + 1 < n and self.same_key(members, order[i], order[i + 1], copy, start):
                    continue
                moved = members[order[i]]
                size = moved.end - moved.start
                if self.length > start:
                    self.put(b",")
                memcpy(self.out + self.length, copy + (moved.start - start), size)
                self.length += size
        finally:
            free(order)
            free(copy)
        return 0

    cdef inline bint same_key(
        self, Member* members, Py_ssize_t a, Py_ssize_t b, unsigned char* copy, Py_ssize_t start
    ) noexcept:
        cdef Py_ssize_t n = members[a].key_end - members[a].start
        if members[b].key_end - members[b].start != n:
            return False
        return memcmp(copy + (members[a].start - start), copy + (members[b].start - start), n) == 0

    cdef int string(self) except -1:
        """Copies a string in its canonical spelling. Returns whether it is ASCII without escapes."""
        cdef unsigned char c
        cdef Py_ssize_t start
        cdef bint plain = True
        cdef int n
        self.at += 1
        self.put(b'"')
        while True:
            start = self.at
            while self.at < self.size:
                c = self.source[self.at]
                if c < 0x20 or c == b'"' or c == b"\\" or c >= 0x80:
                    break
                self.at += 1
            if self.at > start:
                memcpy(self.out + self.length, self.source + start, self.at - start)
                self.length += self.at - start
            if self.at >= self.size:
                raise self.broken("unexpected end of JSON in a string")
            if c == b'"':
                self.at += 1
                self.put(b'"')
                return plain
            plain = False
            if c == b"\\":
                self.escape()
            elif c < 0x20:
                raise self.broken("control character in a string")
            else:
                n = self.sequence()
                memcpy(self.out + self.length, self.source + self.at, n)
                self.length += n
                self.at += n

    cdef int sequence(self) except -1:
        """The length of the UTF-8 sequence here."""
        cdef const unsigned char* s = self.source + self.at
        cdef Py_ssize_t left = self.size - self.at
        cdef unsigned char c = s[0]
        if 0xC2 <= c <= 0xDF:
            if left >= 2 and (s[1] & 0xC0) == 0x80:
                return 2
        elif 0xE0 <= c <= 0xEF:
            if left >= 3 and (s[1] & 0xC0) == 0x80 and (s[2] & 0xC0) == 0x80:
                if not (c == 0xE0 and s[1] < 0xA0) and not (c == 0xED and s[1] > 0x9F):
                    return 3
        elif 0xF0 <= c <= 0xF4:
            if left >= 4 and (s[1] & 0xC0) == 0x80 and (s[2] & 0xC0) == 0x80 and (s[3] & 0xC0) == 0x80:
                if not (c == 0xF0 and s[1] < 0x90) and not (c == 0xF4 and s[1] > 0x8F):
                    return 4
        raise self.broken("invalid UTF-8")

    cdef int escape(self) except -1:
        cdef unsigned char c
        cdef long code, low
        if self.at + 1 >= self.size:
            raise self.broken("unexpected end of JSON in a string")
        c = self.source[self.at + 1]
        if c == b"u":
            code = self.hex4(self.at + 2)
            self.at += 6
            if 0xD800 <= code <= 0xDBFF and self.at + 1 < self.size \
                    and self.source[self.at] == b"\\" and self.source[self.at + 1] == b"u":
                low = self.hex4(self.at + 2)
                if 0xDC00 <= low <= 0xDFFF:
                    self.at += 6
                    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
            if 0xD800 <= code <= 0xDFFF:
                code = 0xFFFD  # half of a pair has no UTF-8
            self.character(code)
            return 0
        if c == b'"' or c == b"\\" or c == b"b" or c == b"f" or c == b"n" or c == b"r" or c == b"t":
            self.put(b"\\")
            self.put(c)
        elif c == b"/":
            self.put(c)
        else:
            raise self.broken("invalid escape")
        self.at += 2
        return 0

    cdef long hex4(self, Py_ssize_t at) except -1:
        cdef long code = 0
        cdef Py_ssize_t i
        cdef unsigned char c
        if at + 4 > self.size:
            raise self.broken("invalid escape")
        for i in range(at, at + 4):
            c = self.source[i]
            if b"0" <= c <= b"9":
                code = code << 4 | (c - 48)
            elif b"a" <= (c | 32) <= b"f":
                code = code << 4 | ((c | 32) - 87)
            else:
                raise self.broken("invalid escape")
        return code

    cdef void character(self, long code) noexcept:
        cdef const char* digits = "0123456789abcdef"
        if code < 0x20:
            self.put(b"\\")
            if code == 8:
                self.put(b"b")
            elif code == 9:
                self.put(b"t")
            elif code == 10:
                self.put(b"n")
            elif code == 12:
                self.put(b"f")
            elif code == 13:
                self.put(b"r")
            else:
                self.put(b"u")
                self.put(b"0")
                self.put(b"0")
                self.put(digits[code >> 4])
                self.put(digits[code & 15])
        elif code == 34 or code == 92:
            self.put(b"\\")
            self.put(<unsigned char>code)
        elif code < 0x80:
            self.put(<unsigned char>code)
        elif code < 0x800:
            self.put(<unsigned char>(0xC0 | code >> 6))
            self.put(<unsigned char>(0x80 | code & 63))
        elif code < 0x10000:
            self.put(<unsigned char>(0xE0 | code >> 12))
            self.put(<unsigned char>(0x80 | code >> 6 & 63))
            self.put(<unsigned char>(0x80 | code & 63))
        else:
            self.put(<unsigned char>(0xF0 | code >> 18))
            self.put(<unsigned char>(0x80 | code >> 12 & 63))
            self.put(<unsigned char>(0x80 | code >> 6 & 63))
            self.put(<unsigned char>(0x80 | code & 63))

    cdef int digits(self) except -1:
        cdef Py_ssize_t start = self.at
        while self.at < self.size and b"0" <= self.source[self.at] <= b"9":
            self.at += 1
        if self.at == start:
            raise self.broken("invalid number")
        return 0

    cdef int number(self) except -1:
        cdef Py_ssize_t start = self.at
        cdef Py_ssize_t first
        cdef Py_ssize_t n
        cdef bint whole = True
        if self.source[self.at] == b"-":
            self.at += 1
        first = self.at
        self.digits()
        if self.source[first] == b"0" and self.at - first > 1:
            self.at = first + 1
            raise self.broken("invalid number")
        if self.at < self.size and self.source[self.at] == b".":
            whole = False
            self.at += 1
            self.digits()
        if self.at < self.size and (self.source[self.at] | 32) == b"e":
            whole = False
            self.at += 1
            if self.at < self.size and (self.source[self.at] == b"+" or self.source[self.at] == b"-"):
                self.at += 1
            self.digits()
        if whole and self.at - first <= EXACT_DIGITS:
            if self.source[first] == b"0":
                start = first  # minus zero is zero
            memcpy(self.out + self.length, self.source + start, self.at - start)
            self.length += self.at - start
            return 0
        number = float((<char*>self.source)[start:self.at])
        if number - number != 0:
            raise self.broken("number out of range")
        text = shortest(number)
        n = PyBytes_GET_SIZE(text)
        self.reserve(n)
        memcpy(self.out + self.length, PyBytes_AS_STRING(text), n)
        self.length += n
        return 0

    cdef int reserve(self, Py_ssize_t n) except -1:
        cdef Py_ssize_t needed = self.length + n + (self.size - self.at) + 32
        cdef unsigned char* grown
        if needed > self.capacity:
            needed += needed >> 1
            grown = <unsigned char*>realloc(self.out, needed)
            if grown == NULL:
                raise MemoryError
            self.out = grown
            self.capacity = needed
        return 0


cdef bytes shortest(double number):
    """A number as ECMAScript writes it: the digits are Python's, the notation is not."""
    if number == 0:
        return b"0"
    text = repr(number)
    sign = ""
    if text[0] == "-":
        sign, text = "-", text[1:]
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + (int(exponent) if exponent else 0)
    if whole == "0":
        point -= len(fraction) - len(fraction.lstrip("0")) + 1
    digits = digits.rstrip("0")
    n = len(digits)
    if n <= point <= 21:
        out = digits + "0" * (point - n)
    elif 0 < point <= 21:
        out = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        out = "0." + "0" * -point + digits
    else:
        e = point - 1
        out = digits[0] + ("." + digits[1:] if n > 1 else "") + ("e+" if e > 0 else "e-") + str(abs(e))
    return (sign + out).encode()


def canonicalize(bytes data not None):
    cdef Canonicalizer c = Canonicalizer.__new__(Canonicalizer)
    return c.run(data)


def quote(str text not None):
    """The canonical spelling of a string."""
    cdef bytes raw
    cdef const unsigned char* s
    cdef Py_ssize_t i
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        import json
        return canonicalize(json.dumps(text).encode())  # halves of surrogate pairs
    s = <const unsigned char*>PyBytes_AS_STRING(raw)
    for i in range(PyBytes_GET_SIZE(raw)):
        if s[i] < 0x20 or s[i] == b'"' or s[i] == b"\\":
            break
    else:
        return b'"' + raw + b'"'
    import json
    return canonicalize(json.dumps(text, ensure_ascii=False).encode())
