"""Every consumer of http-api §10.1 gets what it needs; `python -m tests.wire.consumers` shows what that is."""

from tests.wire.consumers import lines
from tests.wire.scene import Scene

# Surfaces that are not there yet.
MISSING = (
    "/v1/realtime/token",
    "/v0/connect/start",
    "/v0/connect/flush",
    "/v0/connect/envs/dev/conns",
)


def test_consumers_get_what_they_need(scene: Scene) -> None:
    found = lines(scene)
    assert len({line.consumer for line in found}) == 7
    assert [line.markdown for line in found if not line.good and line.ask.path not in MISSING] == []
    there = [line.ask.path for line in found if line.ask.path in MISSING and line.reply.status != 404]
    assert there == [], "it is there now: take it off the list"
