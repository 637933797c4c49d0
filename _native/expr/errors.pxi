# What this module raises.


class ExpressionError(Exception):
    def __init__(self, message, position=-1):
        super().__init__(message)
        self.message = message
        self.position = position

    def __str__(self):
        if self.position < 0:
            return self.message
        return f"{self.message} (at offset {self.position})"


class CompileError(ExpressionError):
    pass


class PolicyError(CompileError):
    pass


class EvaluationError(ExpressionError):
    pass


class _BudgetError(EvaluationError):
    # Unlike other evaluation errors no operator may read this one as false: the evaluation ends.
    pass


cdef object _malformed(str what):
    return EvaluationError(f"the event is not valid JSON: {what}")
