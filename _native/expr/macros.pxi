# Comprehensions.

cdef enum MacroKind:
    M_ALL
    M_EXISTS
    M_EXISTS_ONE
    M_MAP
    M_FILTER

cdef dict MACROS = {
    "all": M_ALL, "exists": M_EXISTS, "exists_one": M_EXISTS_ONE, "map": M_MAP, "filter": M_FILTER,
}


@cython.final
cdef class Macro(Node):
    """`range.kind(name, body)`; `map` may have a condition. Over something missing it is false (§2.7)."""
    cdef MacroKind kind
    cdef str name
    cdef Node range
    cdef int slot
    cdef str variable
    cdef Node condition  # of `map`, or None
    cdef Node body

    cdef object evaluate(self, Context c):
        cdef list items
        cdef object saved, result
        value = self.range.evaluate(c)
        if is_missing(value):
            return False
        if PyList_CheckExact(value):
            items = <list>value
        elif PyDict_CheckExact(value):
            items = list((<dict>value).keys())
        else:
            raise EvaluationError(f"{self.name}() is not for a {type_name(value)}")
        if c.locals is None:
            c.locals = [None] * (DEPTH_LIMIT + 2)
        saved = c.locals[self.slot]
        try:
            return self.run(items, c)
        finally:
            c.locals[self.slot] = saved

    cdef object run(self, list items, Context c):
        cdef object failed = None
        cdef object value
        cdef int count = 0
        cdef list kept = []
        cdef bint truth
        for item in items:
            c.charge(self.body.weight)
            c.locals[self.slot] = item
            if self.kind == M_MAP:
                if self.condition is not None and not truthy(self.condition.evaluate(c)):
                    continue
                value = self.body.evaluate(c)
                kept.append(None if is_missing(value) else value)
                continue
            try:
                truth = truthy(self.body.evaluate(c))
            except _BudgetError:
                raise
            except EvaluationError as error:
                if self.kind != M_ALL and self.kind != M_EXISTS:
                    raise
                failed = error  # counts only if no other element decides
                continue
            if self.kind == M_ALL:
                if not truth:
                    return False
            elif truth:
                if self.kind == M_EXISTS:
                    return True
                if self.kind == M_FILTER:
                    kept.append(item)
                count += 1
        if failed is not None:
            raise failed
        if self.kind == M_ALL:
            return True
        if self.kind == M_EXISTS:
            return False
        if self.kind == M_EXISTS_ONE:
            return count == 1
        return kept

    cdef str text(self):
        cdef str condition = f"{self.condition.text()}, " if self.condition is not None else ""
        return f"{within(self.range, P_MEMBER)}.{self.name}({self.variable}, {condition}{self.body.text()})"


cdef Macro macro(MacroKind kind, str name, Node range, int slot, str variable, Node condition, Node body):
    cdef Macro node = Macro.__new__(Macro)
    node.kind = kind
    node.name = name
    node.range = range
    node.slot = slot
    node.variable = variable
    node.condition = condition
    node.body = body
    node.is_bool = kind != M_MAP and kind != M_FILTER
    node.adopt(body)
    if condition is not None:
        node.adopt(condition)
    if node.lowest_local >= slot:
        node.lowest_local = NO_LOCAL
    node.adopt(range)
    return node
