"""Flow control: what runs have of it, what the queue enforces, and the rows that decisions rest on."""

import msgspec

SHOWN = 100  # characters of a key's value that are kept for people


class KeyValue(msgspec.Struct, frozen=True, array_like=True):
    """The value that a limit's key had for a run; evaluated once, from its first event (flow-control §4.2).

    `rule` names the limit within its function: its scope and its expression. Jobs with one `counter` are
    counted together: same rule, same owner (function, environment or account), same value.
    """

    rule: str
    counter: str
    shown: str = ""


def rule_of(counter: str) -> str:
    """The rule of a counter, which begins with it."""
    return counter.partition("/")[0]


class RunFlow(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of flow control is frozen in a run when it is scheduled."""

    keys: tuple[KeyValue, ...] = ()  # of step limits with a key
    run: KeyValue | None = None  # of the limit on live runs
    throttle: KeyValue | None = None
    singleton: str = ""  # the row that it holds until it ends


NO_FLOW = RunFlow()


class ThrottleRate(msgspec.Struct, frozen=True):
    """GCRA in ms (flow-control §5.1): `emission` for each start, `cap` starts at once from cold."""

    rule: str
    emission: int
    cap: int


class FunctionLimits(msgspec.Struct, frozen=True):
    """What the queue is to enforce for a function now, by its newest config.

    `rules` are numbers by rule: of keyed step limits, and of the limit on live runs. A rule that is not
    among them binds nobody.
    """

    calls: int = 0  # at once, whatever their keys; 0: any number
    rules: dict[str, int] = {}
    throttle: ThrottleRate | None = None
    paused: bool = False  # its calls wait


NO_LIMITS = FunctionLimits()


class FlowRow(msgspec.Struct, frozen=True):
    """A fact that decisions rest on: a rate, an open debounce or batch, who holds a singleton.

    `key` is its kind, a colon, and what it is about. From `until` on (unix ms; 0: never) it says nothing any
    more, and may be deleted.
    """

    key: str
    until: int = 0
    holder: str = ""
    body: bytes = b""
