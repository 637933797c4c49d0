"""No valid document may find a fault of ours, whatever it asks for."""

from random import Random

import pytest
from gql_fuzz import Documents
from graphql import GraphQLObjectType, validate_schema

from inngest_fast.api.graphql import schema as schemas
from inngest_fast.api.graphql.schema import make_schema


@pytest.fixture(scope="module")
def schema():
    return make_schema()


def faults(reply, document):
    assert reply.status == 200, (document, reply.body[:500])
    told = [error["message"] for error in reply.json.get("errors", ())]
    return [
        text
        for text in told
        if "internal" in text or "Cannot return null" in text or "cannot represent" in text
    ]


@pytest.mark.parametrize("seed", range(10))
def test_queries(busy, schema, seed):
    known = (*busy.ids.values(), *busy.event_ids.values(), *output_ids(busy))
    documents = Documents(schema, Random(seed), known)
    for _ in range(20):
        document = documents.query()
        assert faults(busy.post(document), document) == [], document


@pytest.mark.parametrize("seed", range(2))
def test_mutations(world, schema, seed):
    known = [world.run_of(world.send("shop/flaky", n=n)) for n in range(3)]
    world.pass_time(3)
    documents = Documents(schema, Random(seed), known)
    for _ in range(15):
        document = documents.mutation()
        assert faults(world.post(document), document) == [], document


def output_ids(world):
    query = '{ run(runID: "%s") { trace { outputID childrenSpans { outputID } } } }'
    for id in world.ids.values():
        trace = world.gql(query % id)["run"]["trace"]
        yield from (span["outputID"] for span in (trace, *trace["childrenSpans"]) if span["outputID"])


def test_every_field_can_be_resolved(schema):
    """What no resolver names is a part of a dict that one makes."""
    named = {
        (type, field)
        for topic in schemas._TOPICS
        for type, fields in topic.RESOLVERS.items()
        for field in fields
    }
    left = {
        type.name
        for type in schema.type_map.values()
        if isinstance(type, GraphQLObjectType) and not type.name.startswith("__")
        for field in type.fields
        if (type.name, field) not in named
    }
    assert left == {
        *("CreateDebugSessionResponse", "DebugRun", "DebugSession"),
        *("FunctionTrigger", "FunctionConfiguration", "CancellationConfiguration", "RetryConfiguration"),
        *("EventsBatchConfiguration", "ConcurrencyConfiguration", "ConcurrencyLimitConfiguration"),
        *(
            "RateLimitConfiguration",
            "DebounceConfiguration",
            "ThrottleConfiguration",
            "SingletonConfiguration",
        ),
        *(
            "SDKFeatureStatus",
            "PageInfo",
            "FunctionRunV2Edge",
            "EventsEdge",
            "StepEventWait",
            "RunTraceTrigger",
        ),
        *("RunHistoryCancel", "RunHistoryResult", "RunHistorySleep", "RunHistoryWaitForEvent"),
        *("RunHistoryWaitResult", "RunHistoryInvokeFunction", "RunHistoryInvokeFunctionResult"),
        *("StepError", "RunDeferredFrom", "EventSource", "Workspace"),
        *("ConnectV1WorkerConnection", "ConnectV1WorkerConnectionEdge"),
    }


def test_the_schema_is_valid():
    made = make_schema()
    made._validation_errors = None
    assert validate_schema(made) == []
