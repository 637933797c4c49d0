"""Live runs in memory, so that a run's next step needs no read."""

from asyncio import Future
from collections import OrderedDict

from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import Committed

MAX_BYTES = 8 * 1024 * 1024
_OVERHEAD = 2_048  # of a run beside its state
_LOOK_AT = 32  # of the oldest, at most, for each that comes: those in use stay


class LiveRun:
    """The newest decided state of a run, which may be ahead of the store by what is in `pending`."""

    __slots__ = ("broken", "gate", "pending", "run", "size")

    def __init__(self, run: Run) -> None:
        self.run = run
        self.size = 0
        self.broken = False  # it rests on what was not committed, or is out of date
        self.gate: Future[None] | None = (
            None  # a decision is being expanded: wait, then decide on its outcome
        )
        self.pending: Future[Committed] | None = None  # the last transition handed in

    @property
    def undecided(self) -> bool:
        """Whether something of it is on its way: to begin anew beside it would make two histories."""
        return self.gate is not None or (self.pending is not None and not self.pending.done())


class RunCache:
    """Bounded by bytes; the longest unused runs go first. Losing one costs a read, nothing else."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max = max_bytes
        self._runs: OrderedDict[str, LiveRun] = OrderedDict()
        self._bytes = 0
        self._reads: dict[
            str, list[int]
        ] = {}  # of runs being read: how often, newest version committed since

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def bytes(self) -> int:
        return self._bytes

    def get(self, run_id: str) -> LiveRun | None:
        live = self._runs.get(run_id)
        if live is not None:
            self._runs.move_to_end(run_id)
        return live

    def put(self, run: Run) -> LiveRun:
        """Takes in a run as the store has it."""
        self.evict(run.id)
        live = LiveRun(run)
        self._runs[run.id] = live
        self.resize(live)
        return live

    def clear(self) -> None:
        """Forgets every run."""
        for run_id in list(self._runs):
            self.evict(run_id)

    def outdate(self, run: Run) -> None:
        """A run was committed as this: what was read of it before does not count any more."""
        live = self._runs.get(run.id)
        if live is not None and live.run.version < run.version:
            self.evict(run.id)
        reads = self._reads.get(run.id)
        if reads is not None:
            reads[1] = max(reads[1], run.version)

    def distrust(self, run_id: str) -> None:
        """Another server changed it: it is read again before it is next decided on."""
        live = self._runs.get(run_id)
        if live is not None:
            live.broken = True

    def begin_read(self, run_id: str) -> None:
        """The store is asked for a run; `end_read` follows."""
        self._reads.setdefault(run_id, [0, 0])[0] += 1

    def end_read(self, run_id: str) -> int:
        """The version that what was read must have at least."""
        reads = self._reads[run_id]
        reads[0] -= 1
        if not reads[0]:
            del self._reads[run_id]
        return reads[1]

    def resize(self, live: LiveRun) -> None:
        """Counts a run anew after its state changed."""
        if self._runs.get(live.run.id) is not live:
            return
        size = _OVERHEAD + live.run.state_size
        self._bytes += size - live.size
        live.size = size
        looked_at = 0
        while self._bytes > self._max and len(self._runs) > 1 and looked_at < _LOOK_AT:
            looked_at += 1
            id, oldest = next(iter(self._runs.items()))
            if oldest is live or oldest.undecided:
                self._runs.move_to_end(id)
            else:
                self.evict(id)

    def evict(self, run_id: str, only: LiveRun | None = None) -> None:
        """Forgets a run; with `only`, if it is still that one."""
        live = self._runs.get(run_id)
        if live is not None and (only is None or live is only):
            del self._runs[run_id]
            self._bytes -= live.size
