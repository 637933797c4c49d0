"""The server behind the surfaces, as small as the protocols of `api.services` allow."""

from msgspec.structs import replace

from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.api.services import Services
from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.errors import SyncRefusedError
from inngest_fast.domain.events import Accepted
from inngest_fast.domain.functions import FunctionConfig, Trigger
from inngest_fast.domain.invocations import Invoked, InvokeOutcome
from inngest_fast.domain.runs import Run, RunStatus, Step, StepStatus
from inngest_fast.domain.settings import Settings
from inngest_fast.domain.syncs import EndpointRun, FunctionsReply, SyncReply
from inngest_fast.ports.queue import JobPlace
from tests.fixtures.model_api_keys import ModelApiKeys

NOW = 1_795_425_252_250
SIGNING_KEY = "signkey-test-abc123def456"
DEV = Settings()
START = Settings(
    mode="start", signing_key=SIGNING_KEY, signing_key_fallback="ff00", event_keys=("ek1", "key/2", "")
)
RUN_ID = "01M83V3VHB3Y6YYE5HMY6P2T7Q"
RERUN_ID = "01M83V3VHB3Y6YYE5HMY6P2T7R"
EVENT_ID = "01M83V3VBVR6R0H8CD7M65N9TC"
UNKNOWN_ID = "01M83V3VBVR6R0H8CD7M65N9T0"
APP = App(
    id="b4ba5c9c-0000-5000-8000-000000000001",
    name="demo",
    url="http://localhost:3000/api/inngest",
    created_at=1_795_425_247_250,
    updated_at=1_795_425_248_250,
    sdk="js:v4.24.0",
    error="unreachable",
    error_detail="nobody listens",
)
FUNCTION = Function(
    id="3ff64485-02b3-5d7e-8407-0975d16f8c8a",
    app_id="b4ba5c9c-0000-5000-8000-000000000001",
    app_name="demo",
    slug="demo-always-fails",
    version=3,
    config=FunctionConfig(
        slug="demo-always-fails",
        name="Always fails",
        url="http://localhost:3000/api/inngest?fnId=demo-always-fails&stepId=step",
        retries=1,
        triggers=(
            Trigger(event="shop/fail"),
            Trigger(event="shop/x", expression="event.data.a"),
            Trigger(cron="* * * * *"),
        ),
    ),
    created_at=NOW - 5_000,
    updated_at=NOW - 4_000,
)


def a_run(**changes):
    run = Run(
        id=RUN_ID,
        app_id=FUNCTION.app_id,
        function_id=FUNCTION.id,
        slug=FUNCTION.slug,
        event_ids=(EVENT_ID,),
        events=(b'{"data":{},"id":"e","name":"shop/fail","ts":1,"user":{}}',),
        queued_at=NOW - 3_000,
        started_at=NOW - 2_000,
        status=RunStatus.RUNNING,
        steps={
            "s1": Step("s1", "StepRun", "charge", StepStatus.COMPLETED, NOW, b'{"data":{"ok":true}}', 0, 1),
            "s2": Step("s2", "StepRun", "mail", StepStatus.FAILED, NOW, b'{"error":{"name":"E"}}', 1, 2),
            "s3": Step("s3", "WaitForEvent", "paid", StepStatus.COMPLETED, NOW, b'{"data":{},"id":"x"}', 2),
            "s4": Step("s4", "Sleep", "nap", StepStatus.SLEEPING, NOW),
        },
        stack=("s1", "s2", "s3"),
    )
    for name, value in changes.items():
        setattr(run, name, value)
    return run


class FakeClock:
    def now_ms(self):
        return NOW


class FakeIngest:
    def __init__(self):
        self.events = []
        self.failure = None
        self.run_ids = [RUN_ID]
        self.matched = False

    async def accept(self, events):
        if self.failure is not None:
            raise self.failure
        self.events.extend(events)
        return [Accepted(list(self.run_ids), matched=self.matched or bool(self.run_ids)) for _ in events]


class FakeApps:
    def __init__(self, catalog):
        self.catalog = catalog
        self.refusal = None
        self.calls = []

    async def register(self, body, *, platform=""):
        self.calls.append(("register", body, platform))
        if self.refusal is not None:
            raise self.refusal
        return SyncReply(modified=True, sync_id="sync", app_id="app")

    async def remove(self, url):
        self.calls.append(("remove", url))
        return url == "http://localhost:3000/api/inngest"

    async def add_functions(self, body):
        self.calls.append(("add_functions", body))
        if self.refusal is not None:
            raise self.refusal
        return FunctionsReply(1, 2, 3, ())

    async def pause(self, function_id, *, paused):
        self.calls.append(("pause", function_id, paused))
        for place, function in enumerate(self.catalog.live):
            if function.id == function_id:
                self.catalog.live[place] = replace(function, paused_at=NOW if paused else 0)
                return self.catalog.live[place]
        return None

    async def limit(self, function_id, *, steps=None, state_size=None):
        for place, function in enumerate(self.catalog.live):
            if function.id == function_id:
                self.catalog.live[place] = replace(
                    function,
                    max_steps=function.max_steps if steps is None else steps,
                    max_state_size=function.max_state_size if state_size is None else state_size,
                )
                return function
        return None


class FakeAppEdits:
    def __init__(self, catalog):
        self.catalog = catalog
        self.calls = []

    async def add(self, url):
        self.calls.append(("add", url))
        return APP

    async def move(self, app_id, url):
        self.calls.append(("move", app_id, url))
        return replace(APP, url=url) if app_id == APP.id else None

    async def remove(self, app_id):
        self.calls.append(("remove", app_id))
        return app_id == APP.id


class FakeRuns:
    def __init__(self):
        self.results = {RUN_ID: "cancelled"}
        self.signals = []
        self.reruns = []
        self.invocations = []
        self.refusal = None
        self.invoked = Invoked(InvokeOutcome.STARTED, EVENT_ID, RUN_ID)

    async def cancel(self, run_id):
        return self.results.get(run_id, "unknown")

    async def signal(self, signal, data):
        self.signals.append((signal, data))
        return RUN_ID if signal == "known" else None

    async def rerun(self, run_id, from_step="", input=None, *, debug_session_id="", debug_run_id=""):
        self.reruns.append((run_id, from_step, input))
        if self.refusal is not None:
            raise self.refusal
        return RERUN_ID

    async def invoke(self, function, data, **options):
        self.invocations.append((function, data, options))
        if self.refusal is not None:
            raise self.refusal
        return self.invoked


class FakeCancellations:
    def __init__(self, store):
        self.store = store

    async def add(self, function, *, started_after=0, started_before, expression="", id=""):
        known = self.store.known_cancellations
        if id not in known:
            id = id or f"01M83V3VBVR6R0H8CD7M65N{len(known):03}"
            known[id] = Cancellation(
                id=id,
                app_id=function.app_id,
                function_id=function.id,
                started_after=started_after,
                started_before=started_before,
                expression=expression,
                created_at=NOW,
            )
        return known[id]

    async def remove(self, id):
        return self.store.known_cancellations.pop(id, None) is not None


class FakeAnnotations:
    def __init__(self):
        self.notes = []
        self.spans = []
        self.refusal = None
        self.rejected = 0

    async def add_metadata(self, run_id, place, entries):
        if self.refusal is not None:
            raise self.refusal
        self.notes.append((run_id, place, entries))

    async def add_spans(self, spans):
        self.spans += spans
        return self.rejected


class FakeStore:
    name = "sqlite"

    def __init__(self):
        self.known_runs = {}
        self.known_events = {}
        self.known_cancellations = {}
        self.flow_rows = []
        self.live_jobs = []
        self.queries = []
        self.failure = None
        self.api_keys = ModelApiKeys()

    def details(self):
        return {"version": "3"}

    async def run(self, run_id):
        if self.failure is not None:
            raise self.failure
        return self.known_runs.get(run_id)

    async def runs(self, query):
        self.queries.append(query)
        return list(self.known_runs.values())[: query.limit]

    async def trace_rows(self, run_id, prefix=""):
        return []

    async def event(self, event_id):
        return self.known_events.get(event_id)

    async def events(self, query):
        self.queries.append(query)
        return list(self.known_events.values())[: query.limit]

    async def run_jobs(self, run_id):
        return [job for job in self.live_jobs if job.run_id == run_id]

    async def live_runs(self, function_id, after, until, limit):
        self.queries.append(("live_runs", after))
        live = [run for run in self.known_runs.values() if not run.status.ended]
        of_function = [run for run in live if run.function_id == function_id and after < run.id <= until]
        return sorted(of_function, key=lambda run: run.id)[:limit]

    async def rows_of(self, kind, after, limit, until_after=0):
        of_kind = [row for row in self.flow_rows if row.key.startswith(f"{kind}:") and row.key > after]
        return sorted(of_kind, key=lambda row: row.key)[:limit]

    async def cancellation(self, id):
        return self.known_cancellations.get(id)

    async def cancellations(self, before_id, limit):
        found = sorted(self.known_cancellations.values(), key=lambda each: each.id, reverse=True)
        return [each for each in found if not before_id or each.id < before_id][:limit]


class FakeQueue:
    name = "memory"

    def __init__(self):
        self.places = {}
        self.depths = {}
        self.failure = None

    async def details(self):
        return {}

    async def explain(self, job_id):
        if self.failure is not None:
            raise self.failure
        if job_id in self.places:
            return self.places[job_id]
        return JobPlace("ready", NOW, NOW, 4) if job_id.endswith(":start") else None

    async def depth(self):
        return self.depths


class FakeCheckpoints:
    def __init__(self):
        self.taken = []
        self.refusal = None

    async def take(self, run_id, dispatch, ops, started_at):
        if self.refusal is not None:
            raise self.refusal
        self.taken.append((run_id, dispatch, ops, started_at))


class FakeSyncRuns:
    def __init__(self):
        self.begun = []
        self.reported = []
        self.refusal = None

    async def begin(self, run_id, data, ops, **more):
        if self.refusal is not None:
            raise self.refusal
        self.begun.append((run_id, data, ops, more))
        return EndpointRun(run_id, FUNCTION.id, FUNCTION.app_id)

    async def report(self, run_id, ops):
        if self.refusal is not None:
            raise self.refusal
        self.reported.append((run_id, ops))


class FakeRunEnds:
    def __init__(self):
        self.run = a_run()
        self.asked = []

    async def wait(self, run_id, timeout):
        self.asked.append((run_id, timeout))
        return self.run


class FakeCatalog:
    def __init__(self):
        self.live = [FUNCTION]
        self.archived = []

    def apps(self):
        return [APP]

    def functions(self):
        return self.live

    def all_functions(self):
        return [*self.live, *self.archived]

    def by_slug(self, slug):
        return next((each for each in self.live if each.slug == slug), None)

    def target(self, text):
        return next((each for each in self.live if text in (each.slug, each.id)), None)

    def function(self, function_id):
        return next((each for each in (*self.live, *self.archived) if each.id == function_id), None)


class FakeTraces:
    """By run id, and by output id."""

    def __init__(self):
        self.trees = {}
        self.outputs = {}

    async def tree(self, run_id, *, preview=True):
        return self.trees.get(run_id)

    async def tree_of(self, run, *, preview=True):
        return self.trees[run.id]

    async def output(self, output_id):
        return self.outputs.get(output_id)


class FakeVitals:
    def __init__(self):
        self.unready = {}
        self.draining = False

    def memory_mb(self):
        return 31.25

    def uptime_s(self):
        return 12.0

    async def counters(self):
        return {"events": 1}


class FakeMetrics:
    def __init__(self):
        self.families = []
        self.refusals = []

    async def read(self):
        return self.families

    def refused(self, reason):
        self.refusals.append(reason)


def fake_services(settings=DEV, **changes):
    store, catalog = FakeStore(), FakeCatalog()
    return Services(
        settings=replace(settings, **changes),
        clock=FakeClock(),
        entropy=SystemEntropy(),
        store=store,
        queue=FakeQueue(),
        ingest=FakeIngest(),
        apps=FakeApps(catalog),
        app_edits=FakeAppEdits(catalog),
        runs=FakeRuns(),
        checkpoints=FakeCheckpoints(),
        sync_runs=FakeSyncRuns(),
        run_ends=FakeRunEnds(),
        traces=FakeTraces(),
        cancellations=FakeCancellations(store),
        annotations=FakeAnnotations(),
        catalog=catalog,
        vitals=FakeVitals(),
        metrics=FakeMetrics(),
    )


REFUSED = SyncRefusedError(
    "At least one function is invalid", code="batch_size_invalid", detail="secret detail"
)
