"""Jobs: what the queue holds. Each is one row in the store until the transition that consumes it."""

import enum

import msgspec


class JobKind(enum.StrEnum):
    """What happens when a job is due. The first three call the app, GATEWAY calls another server for it; the
    rest are decided here.
    """

    START = "start"  # the first call of a run
    EDGE = "edge"  # a discovery call: what is next?
    PLAN = "plan"  # a call that targets one planned step
    GATEWAY = "gateway"  # a request that the app leaves to the server: `payload` is the request
    SLEEP = "sleep"  # a sleep ends
    WAIT_TIMEOUT = "wait-timeout"  # a wait, invoke or signal wait expires
    RESUME = "resume"  # an event met a wait: `payload` is the memo
    CANCEL = "cancel"  # an event met a cancelOn
    START_TIMEOUT = "start-timeout"
    FINISH_TIMEOUT = "finish-timeout"
    SILENCE = "silence"  # an endpoint that worked by itself may be dead (sdk-protocol §7.2)
    CRON = "cron"  # `payload` is {"cron", "tick", "jitter"}; rescheduled, never consumed
    DEBOUNCE = "debounce"  # a debounce fires: `payload` is the key of its row
    BATCH = "batch"  # a batch is full or its time is up: `payload` is {"batch", "key"}
    CANCELLATION = "cancellation"  # a bulk cancellation walks: `payload` is its id
    JOIN = "join"  # an invocation came twice: `payload` is the first's run, `step_id` the second's invoker
    DEFERS = "defers"  # a run that has ended starts what it deferred: `payload` is its id


# All of these hold a place of the function and of its app.
CALLS = frozenset((JobKind.START, JobKind.EDGE, JobKind.PLAN, JobKind.GATEWAY))
# While a run has one of these it has started; a START has when it was called once.
_UNDER_WAY = frozenset(
    (
        JobKind.EDGE,
        JobKind.PLAN,
        JobKind.GATEWAY,
        JobKind.SLEEP,
        JobKind.WAIT_TIMEOUT,
        JobKind.FINISH_TIMEOUT,
    )
)


class Job(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to do at `due`. `id` is unique among live jobs; (id, attempt) is the fence.

    Times are unix ms. Lower `score` goes first among the due jobs of a partition (flow-control §8.1).
    """

    id: str
    kind: JobKind
    app_id: str
    function_id: str
    due: int
    score: int
    run_id: str = ""
    step_id: str = ""
    attempt: int = 0
    generation: int = 1
    payload: bytes = b""
    since: int = 0  # the version of its run that this job came with: an older state is no use to it
    event_id: str = ""  # of a RESUME: internal id of the event that met the wait
    counters: tuple[str, ...] = ()  # of keyed step limits: it is in each while it is leased
    run_counter: str = ""  # of the limit on live runs: its run is in it from its first call to its end
    throttle: str = ""  # the rate that it is to pay before it is leased; "" if none, or paid
    arrival: int = 0  # never stored: what it paid brought the throttle to this arrival time, unix ms
    doubtful: bool = False  # never stored: it may be over already, so that the store is to be asked first

    @property
    def within_run(self) -> str:
        """Its id without that of its run."""
        return self.id[len(self.run_id) + 1 :]

    @property
    def partition(self) -> str:
        """Jobs of one partition are in order; partitions take turns."""
        return self.function_id if self.kind in CALLS else "local:" + self.function_id

    @property
    def group(self) -> str:
        """Partitions of one group share a bound: calls to an app. What needs no app has none."""
        return self.app_id if self.kind in CALLS else "local"

    @property
    def entering(self) -> bool:
        """Whether its run has yet to get a place among the live runs of `run_counter`."""
        return self.kind is JobKind.START and self.attempt == 0

    @property
    def under_way(self) -> bool:
        """Whether its run has a place in `run_counter` for as long as this job is there."""
        return self.kind in _UNDER_WAY or (self.kind is JobKind.START and self.attempt > 0)
