"""Three replicas under load, in a storm of crashes, losses and stalls: all is done, and ends once (design §3).

CHAOS_SECONDS and CHAOS_SEED say how long and which storm.
"""

import json
import os
import time
from collections import defaultdict

import pytest

from tests.chaos.storm import Load, Outcome, Storm, StormApp, check, recovery_s, report, scene

SECONDS = float(os.environ.get("CHAOS_SECONDS", "25"))
SEED = int(os.environ.get("CHAOS_SEED", "20240917"))
REPLICAS = 3
SENDERS = 6
PAUSE_S = 0.01
SETTLE_S = 60.0

pytestmark = [pytest.mark.slow(2 * SECONDS), pytest.mark.timeout(SECONDS * 2 + 240)]


def test_storm() -> None:
    with scene(REPLICAS, "--drain-delay", "0") as place, StormApp(place.balancer) as app:  # type: ignore[arg-type]
        assert app.sync().status == 200
        load = Load(app, place.balancer, SENDERS, PAUSE_S)
        storm = Storm(place, SEED)
        began = time.monotonic()
        load.start()
        try:
            storm.blow(SECONDS)
        finally:
            load.stop()
        loaded = time.monotonic() - began
        settled = load.settle(place, SETTLE_S)
        outcome = Outcome(place.database)
        recovered = defaultdict(list)
        for fault in storm.faults:
            recovered[fault.kind].append(recovery_s(fault, outcome.runs))
        figures = report(load, app, outcome, place.balancer)
        figures |= {"seconds of load": round(loaded, 1), "seconds to settle": round(settled, 1)}
        print(json.dumps({"seed": SEED, **figures, "seconds to recover": recovered}))
        check(load, app, outcome)
        assert all(len(load.acknowledged(function)) > 5 for function in ("plain", "three", "parallel"))
        assert place.replicas.stop() == [0] * REPLICAS
        assert "Traceback" not in place.replicas.logs()
