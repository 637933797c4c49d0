"""Live runs in memory, so that a run's next step needs no read."""

from asyncio import Future
from collections import OrderedDict

from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import Committed

MAX_BYTES = 8 * 1024 * 1024
_OVERHEAD = 2_048  # of a run beside its state


class LiveRun:
    """The newest decided state of a run, which may be ahead of the store by what is in `pending`."""

    __slots__ = ("gate", "pending", "run", "size")

    def __init__(self, run: Run) -> None:
        self.run = run
        self.size = 0
        self.gate: Future[None] | None = (
            None  # a decision is being expanded: wait, then decide on its outcome
        )
        self.pending: Future[Committed] | None = None  # the last transition handed in


class RunCache:
    """Bounded by bytes; the longest unused runs go first. Losing one costs a read, nothing else."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max = max_bytes
        self._runs: OrderedDict[str, LiveRun] = OrderedDict()
        self._bytes = 0

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

    def resize(self, live: LiveRun) -> None:
        """Counts a run anew after its state changed."""
        if self._runs.get(live.run.id) is not live:
            return
        size = _OVERHEAD + live.run.state_size
        self._bytes += size - live.size
        live.size = size
        while self._bytes > self._max and len(self._runs) > 1:
            _, oldest = self._runs.popitem(last=False)
            self._bytes -= oldest.size

    def evict(self, run_id: str, only: LiveRun | None = None) -> None:
        """Forgets a run; with `only`, if it is still that one."""
        live = self._runs.get(run_id)
        if live is not None and (only is None or live is only):
            del self._runs[run_id]
            self._bytes -= live.size
