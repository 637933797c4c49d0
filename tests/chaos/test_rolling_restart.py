"""Every replica stopped and started again under load, one after the other: no one notices."""

import json
import time

import pytest

from tests.chaos.storm import Load, Outcome, StormApp, check, report, scene
from tests.fixtures.waiting import eventually

REPLICAS = 3
SENDERS = 4
PAUSE_S = 0.02
SETTLE_S = 40.0

pytestmark = [pytest.mark.slow(12), pytest.mark.timeout(180)]


def test_rolling_restart() -> None:
    options = ("--drain-delay", "1", "--drain-timeout", "10")
    with scene(REPLICAS, *options) as place, StormApp(place.balancer) as app:  # type: ignore[arg-type]
        balancer = place.balancer
        assert app.sync().status == 200
        load = Load(app, balancer, SENDERS, PAUSE_S)
        load.start()
        took = []
        try:
            for server in place.replicas:
                began = time.monotonic()
                assert server.stop() == 0
                took.append(round(time.monotonic() - began, 2))
                server.start()
                eventually(lambda: balancer.ready == REPLICAS, what="the probes of the balancer")
        finally:
            load.stop()
        load.settle(place, SETTLE_S)
        outcome = Outcome(place.database)
        print(json.dumps({**report(load, app, outcome, balancer), "seconds to stop": took}))
        check(load, app, outcome)
        assert balancer.failures == {}
        assert set(balancer.answers) == {200}
        for sender in load.senders:
            assert (sender.refusals, sender.repeated) == ({}, 0)
            assert not any(sender.doubtful.values())
        assert all(len(load.acknowledged(function)) > 20 for function in ("plain", "three", "parallel"))
        assert place.replicas.stop() == [0] * REPLICAS
        assert "Traceback" not in place.replicas.logs()
