# What one evaluation sees, and how much it may do.

cdef enum:
    BUDGET = 1_000_000
    SCAN_SHIFT = 8  # so many bytes (as a power of two) are read for one unit of the budget
    COPY_SHIFT = 6
    CALL_COST = 4
    CALENDAR_COST = 64


@cython.final
@cython.freelist(16)
cdef class Context:
    cdef bytes event
    cdef bytes later  # `async`
    cdef object now_ms
    cdef list locals
    cdef Py_ssize_t spent

    cdef int charge(self, Py_ssize_t units) except -1:
        self.spent += units
        if self.spent > BUDGET:
            raise _BudgetError("the evaluation's budget is used up: the expression loops over too much")
        return 0


cdef inline Context make_context(bytes event, bytes later, object now_ms):
    cdef Context context = Context.__new__(Context)
    context.event = event
    context.later = later
    context.now_ms = now_ms
    context.spent = 0
    return context


cdef int measure(object value, Context c) except -1:
    """Charges for every element, counting those again that stand in several places."""
    if PyList_CheckExact(value):
        c.charge(len(<list>value))
        for item in <list>value:
            measure(item, c)
    elif PyDict_CheckExact(value):
        c.charge(len(<dict>value))
        for item in (<dict>value).values():
            measure(item, c)
    return 0
