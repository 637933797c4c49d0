"""However long a list is, it costs the same number of reads (no N+1)."""

from inngest_fast.api.graphql.batching import Batch

RUNS = """{ runs(first: 100, orderBy: [{field: QUEUED_AT, direction: DESC}], filter: {from: "2023-01-01T00:00:00Z"}) {
  edges { node { id status eventName queuedAt app { name } function { slug app { name } failureHandler { slug } } } } } }"""
EVENTS = """{ eventsV2(first: 51, filter: {from: "2023-01-01T00:00:00Z"}) { edges { node {
  name runs { id status function { slug app { name } } eventName } } } } }"""
STREAM = """{ stream(query: {limit: 999}) { id trigger runs { id function { name } event { id name } } } }"""
OLD = """{ events(query: {}) { id name status pendingRuns totalRuns functionRuns { id function { slug } event { name status } } } }"""


def reads(world, query):
    world.store.reads.clear()
    data = world.gql(query)
    return dict(world.store.reads), data


def test_reads_do_not_grow_with_the_list(world):
    counts = {}
    for total in (10, 50):
        while len(world.store._tables["events"]) < 2 * total:
            world.send("shop/child", n=1)
            world.pass_time(0.1)
        for name, query in {"runs": RUNS, "events": EVENTS, "stream": STREAM, "old": OLD}.items():
            counts.setdefault(name, []).append(reads(world, query)[0])
    assert counts["runs"][0] == counts["runs"][1] == {"runs": 1, "events": 1}
    assert counts["events"][0] == counts["events"][1] == {"events": 2, "runs": 1}
    assert counts["stream"][0] == counts["stream"][1] == {"events": 2, "runs": 1}
    assert counts["old"][0] == counts["old"][1] == {"events": 2, "runs": 1}
    _, data = reads(world, RUNS)
    assert len(data["runs"]["edges"]) >= 40
    assert {edge["node"]["eventName"] for edge in data["runs"]["edges"]} == {"shop/child"}
    _, data = reads(world, EVENTS)
    assert all(len(edge["node"]["runs"]) == 1 for edge in data["eventsV2"]["edges"])


def test_one_run_is_read_once(busy):
    query = '{ run(runID: "%s") { trace { name } } runTrigger(runID: "%s") { IDs } runTrace(runID: "%s") { name } }'
    found, _ = reads(busy, query % ((busy.ids["flaky"],) * 3))
    assert found["run"] == 1


def test_what_is_wanted_together_is_read_together(world):
    asked = []

    async def read(keys):
        asked.append(list(keys))
        return {key: key * 2 for key in keys if key != 3}

    async def main():
        batch = Batch(read, 0)
        first, second, third = batch.get(1), batch.get(3), batch.get(1)
        assert first is third
        assert [await first, await second] == [2, 0]
        assert await batch.get(1) == 2
        assert await batch.get(4) == 8

    world.do(main())
    assert asked == [[1, 3], [4]]


def test_a_read_that_fails_fails_all_who_wait(world):
    async def read(_):
        raise OSError("gone")

    async def main():
        batch = Batch(read, 0)
        found = []
        for future in [batch.get(1), batch.get(2)]:
            try:
                await future
            except OSError as error:
                found.append(str(error))
        return found

    assert world.do(main()) == ["gone", "gone"]
