"""Events that come too fast start nothing (flow-control §5.2). Idempotency is one start a day (§5.7)."""

from collections.abc import Mapping, Sequence

import msgspec

from inngest_fast._native.score import gcra
from inngest_fast.domain.apps import Function
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.functions import RateLimit
from inngest_fast.domain.transitions import PutRow
from inngest_fast.engine.flow.keys import row_key, value_of

CHARGED_FOR_MS = 300_000  # within which the same event is not charged again

MAX_SKEW_MS = 5_000  # by which clocks of servers differ

_MS = 1_000_000  # ns


class RateState(msgspec.Struct, frozen=True):
    """The theoretical arrival time, in ns, and when the last event was let pass, in ms."""

    arrival: int
    taken_at: int


_decode = msgspec.msgpack.Decoder(RateState).decode


class RateCheck(msgspec.Struct, frozen=True):
    """Whether an event may start a run now; it is charged for that whatever becomes of it later."""

    limit: RateLimit
    now: int
    key: str
    charged_key: str = ""  # of an event that can come again

    @property
    def keys(self) -> Sequence[str]:
        return (self.key, self.charged_key) if self.charged_key else (self.key,)

    def take(self, rows: Mapping[str, FlowRow]) -> tuple[bool, list[PutRow]]:
        """Whether it passes, and what to write down."""
        if self.charged_key in rows:
            return True, []
        row = rows.get(self.key)
        known = _decode(row.body) if row is not None else None
        limit, now = self.limit, self.now
        # Events are decided on in the order of their commits: one that was routed earlier, or by a server
        # whose clock is behind, is no earlier than the one before it.
        if known is not None and now < known.taken_at <= now + MAX_SKEW_MS:
            now = known.taken_at
        emission = limit.period_s * 1_000 * _MS // limit.limit
        before = known.arrival if known is not None else None
        passes, arrival, _ = gcra(before, now * _MS, emission, limit.limit // 10 + 1)
        if not passes:
            # A clock that went back leaves it too far ahead: it must not be so at the next try as well.
            return False, [self._put(RateState(arrival, now))] if arrival != before else []
        writes = [self._put(RateState(arrival, now))]
        if self.charged_key:
            writes.append(PutRow(FlowRow(self.charged_key, until=self.now + CHARGED_FOR_MS)))
        return True, writes

    def _put(self, state: RateState) -> PutRow:
        return PutRow(FlowRow(self.key, until=-(-state.arrival // _MS), body=msgspec.msgpack.encode(state)))


def rate_check(function: Function, event: bytes, now: int, run_key: str) -> RateCheck | None:
    """None where nothing limits this event. Raises NoValueError."""
    limit = function.config.rate_limit
    if limit is None:
        return None
    value: object = ""
    if limit.key:
        value = value_of(limit.key, event, now)
        if value is False:
            return None
    charged_key = row_key("charged", function.id, limit.key, value, run_key) if run_key else ""
    return RateCheck(limit, now, row_key("rate", function.id, limit.key, value), charged_key)
