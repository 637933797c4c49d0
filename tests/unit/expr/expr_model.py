"""The dialect as a slow and obvious program: trees of tuples, evaluated over Python values.

("value", v)  ("path", root, steps)  ("not", a)  ("and", [..])  ("or", [..])  ("if", a, b, c)
("cmp", op, a, b)  ("in", a, b)  ("add", a, b)  ("size", a)  ("has", path)  ("list", [..])
"""

import json
import operator
from typing import Any

MISSING = object()
BEYOND = object()
ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class ModelError(Exception):
    """The model's evaluation error."""


def text(tree: Any) -> str:
    kind, *parts = tree
    if kind == "value":
        return json.dumps(parts[0], ensure_ascii=False)
    if kind == "path":
        return parts[0] + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in parts[1])
    if kind in ("not", "size", "has"):
        return {"not": "!", "size": "size", "has": "has"}[kind] + f"({text(parts[0])})"
    if kind in ("and", "or"):
        return "(" + {"and": " && ", "or": " || "}[kind].join(map(text, parts[0])) + ")"
    if kind == "list":
        return "[" + ", ".join(map(text, parts[0])) + "]"
    if kind == "if":
        return f"({text(parts[0])} ? {text(parts[1])} : {text(parts[2])})"
    if kind == "cmp":
        return f"({text(parts[1])} {parts[0]} {text(parts[2])})"
    return f"({text(parts[0])} {'in' if kind == 'in' else '+'} {text(parts[1])})"


def is_missing(value: Any) -> bool:
    return value is MISSING or value is BEYOND


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def truthy(value: Any) -> bool:
    return not is_missing(value) and (isinstance(value, list | dict) or bool(value))


def same(a: Any, b: Any) -> bool:
    if is_number(a) and is_number(b):
        return a == b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


def compare(op: str, a: Any, b: Any) -> bool:
    if a is BEYOND or b is BEYOND:
        return False
    if a is MISSING or b is MISSING:
        other = b if a is MISSING else a
        if op in ("==", "!="):
            return (other is None) == (op == "==")
        return op in (("<", "<=") if a is MISSING else (">", ">="))
    if op in ("==", "!="):
        return same(a, b) == (op == "==")
    if a is None and b is None:
        return op in ("<=", ">=")
    if a is None or b is None:
        other = b if a is None else a
        if isinstance(other, list | dict):
            raise ModelError
        zero = type(other)()
        a, b = (zero, b) if a is None else (a, zero)
    if (is_number(a) and is_number(b)) or (type(a) is type(b) and isinstance(a, str | bool)):
        return bool(ORDERS[op](a, b))
    raise ModelError


def walk(value: Any, steps: list[Any]) -> Any:
    for step in steps:
        if isinstance(step, int) and isinstance(value, list):
            if step >= len(value):
                return BEYOND
            value = value[step]
        elif isinstance(step, str) and isinstance(value, dict):
            if step not in value:
                return MISSING
            value = value[step]
        else:
            return MISSING
    return value


def add(a: Any, b: Any) -> Any:
    if is_missing(a) or is_missing(b):
        return False if is_missing(a) and is_missing(b) else b if is_missing(a) else a
    if (type(a) is type(b) and isinstance(a, str | list)) or (type(a) is type(b) and is_number(a)):
        return a + b
    if type(a) is type(b):
        raise ModelError
    return show(a) + show(b)


def show(value: Any) -> str:
    if isinstance(value, list | dict):
        raise ModelError
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def run(tree: Any, event: Any, later: Any) -> Any:
    kind, *parts = tree

    def of(tree: Any) -> Any:
        return run(tree, event, later)

    if kind == "value":
        return parts[0]
    if kind == "path":
        return walk(event if parts[0] == "event" else later, parts[1])
    if kind == "list":
        return [None if is_missing(value) else value for value in map(of, parts[0])]
    if kind in ("and", "or"):
        return choose(kind, parts[0], of)
    if kind == "if":
        try:
            met = truthy(of(parts[0]))
        except ModelError:
            met = False
        return of(parts[1] if met else parts[2])
    if kind == "not":
        value = of(parts[0])
        if is_missing(value) or isinstance(value, bool):
            return value is False
        raise ModelError
    if kind == "cmp":
        return compare(parts[0], of(parts[1]), of(parts[2]))
    if kind == "has":
        value = of(parts[0])
        return value if is_missing(value) else True
    if kind == "add":
        return add(of(parts[0]), of(parts[1]))
    if kind == "size":
        value = of(parts[0])
        if is_missing(value):
            return 0
        if value is None:
            return MISSING
        if isinstance(value, str | list | dict):
            return len(value)
        raise ModelError
    item, container = of(parts[0]), of(parts[1])
    if is_missing(item) or is_missing(container):
        return False
    if isinstance(container, list):
        return any(same(item, value) for value in container)
    if isinstance(container, dict):
        return isinstance(item, str) and item in container
    raise ModelError


def choose(kind: str, operands: list[Any], of: Any) -> Any:
    """The first operand that decides, or the last; an error counts as false but as the weaker one."""
    failed = False
    value: Any = None
    for operand in operands:
        try:
            value = of(operand)
        except ModelError:
            failed = True
            continue
        if kind == "or":
            failed = False
        if truthy(value) == (kind == "or"):
            return value
    if failed:
        raise ModelError
    return value
