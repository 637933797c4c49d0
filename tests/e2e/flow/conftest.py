"""Everything that flow control does, played once for each SDK and backend."""

import shutil

import pytest

from tests.e2e.flow.backends import EMBEDDED, PRODUCTION, place, played_together
from tests.e2e.flow.scenario import SCENARIOS
from tests.e2e.flow.scene import functions_of, play
from tests.e2e.flow.seen import Seen
from tests.e2e.flow_table import Told, write
from tests.fixtures.flow_apps import SDKS, FlowApp

COMBINATIONS = [(sdk, backend) for backend in (EMBEDDED, PRODUCTION) for sdk in SDKS]


def marks(sdk: str, backend: str) -> list[pytest.MarkDecorator]:
    node = [] if sdk == "py" else [pytest.mark.node]
    return [*node, pytest.mark.slow(12)] if backend == PRODUCTION else node


@pytest.fixture(
    scope="session",
    params=[
        played_together(f"{sdk}-{backend}", (sdk, backend), *marks(sdk, backend))
        for sdk, backend in COMBINATIONS
    ],
)
def seen(request: pytest.FixtureRequest) -> Seen:
    """What was seen when all scenarios were played on one SDK and one backend."""
    sdk, backend = request.param
    if sdk != "py" and not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    scenarios, functions = functions_of(SCENARIOS, sdk)
    with place(backend) as (servers, _):
        app = FlowApp(sdk, servers[0].url, functions, production=backend == PRODUCTION)
        try:
            app.sync()
            found = play(servers, app, scenarios, backend)
        finally:
            app.stop()
    late = found.lateness
    write(
        sdk,
        backend,
        "event to call, nothing in the way",
        "",
        f"{late.typical:.0f}, at most {late.worst:.0f} ms",
    )
    return found


@pytest.fixture
def told(seen: Seen) -> Told:
    """Adds a line to the table: the reference's test, what is expected, what was observed."""
    return lambda test, expected, observed: write(seen.sdk, seen.backend, test, expected, observed)
