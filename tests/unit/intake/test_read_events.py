"""Events as senders post them: every rule and every text of http-api §2."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.domain.events import parts
from inngest_fast.domain.ids import Seed, is_ulid, ulid_time
from inngest_fast.engine.intake import events as module
from inngest_fast.engine.intake import read_events

NOW = 1_795_425_252_000
SEED = Seed.read("1795425252211,AAECAwQFBgcICQ==")


def take(body, seed=None):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return read_events(body, now_ms=NOW, entropy=SystemEntropy(), seed=seed)


def one(body, seed=None):
    intake = take(body, seed)
    assert intake.error == ""
    assert len(intake.events) == 1
    return intake.events[0]


def refused(body):
    intake = take(body)
    assert intake.events == []
    return intake.error


def test_a_minimal_event():
    event = one({"name": "shop/paid"})
    assert event.name == "shop/paid"
    assert is_ulid(event.id)
    assert ulid_time(event.id) == NOW
    assert event.external_id == event.id
    assert event.ts == event.received_at == NOW
    assert not event.repeatable
    assert event.correlation_id == event.target == ""
    assert event.wire == (
        b'{"data":{},"id":"%s","name":"shop/paid","ts":%d,"user":{}}' % (event.id.encode(), NOW)
    )


def test_a_whole_event_is_canonical():
    body = (
        '{"v":"2026-01","user":{"z":1,"a":1.0},"ts":1.7e12,"id":"mine","meta":{"sessions":{"s":"x"}},\n'
        '"name":"a/é","data":{"b":[1, 2],"a":{"é":"\\u00e9"}},"unknown":[{}]}'
    ).encode()
    event = one(body)
    assert event.external_id == "mine"
    assert event.id != "mine"
    assert event.repeatable
    assert event.ts == 1_700_000_000_000
    assert event.received_at == NOW
    assert event.wire.decode() == (
        '{"data":{"a":{"é":"é"},"b":[1,2]},"id":"mine","meta":{"sessions":{"s":"x"}},"name":"a/é",'
        '"ts":1700000000000,"user":{"a":1,"z":1},"v":"2026-01"}'
    )


def test_what_is_null_or_empty_counts_as_absent():
    fields = {"data": None, "id": None, "ts": None, "user": None, "v": None, "meta": None}
    bare = one({"name": "n", **fields})
    assert parts(bare.wire) == parts(one({"name": "n", "id": bare.id, "ts": NOW}).wire)
    sparse = one({"name": "n", "id": "", "ts": 0, "v": "", "meta": {}})
    assert sparse.external_id == sparse.id
    assert sparse.ts == NOW
    assert not sparse.repeatable


def test_blanks_around_the_body_do_not_matter():
    assert one(b' \r\n\t{"name":"n"}\n').name == "n"
    assert [event.name for event in take(b' [ {"name":"n"} , {"name":"m"} ] ').events] == ["n", "m"]


def test_an_empty_array_holds_nothing():
    intake = take(b"[]")
    assert (intake.events, intake.error) == ([], "")


def test_the_good_ones_before_a_bad_one_are_accepted():
    intake = take([{"name": "good"}, {"name": ""}, {"name": "late"}])
    assert [event.name for event in intake.events] == ["good"]
    assert intake.error == "event name is empty"


def test_the_seed_makes_the_ids():
    intake = take([{"name": "a"}, {"name": "b", "id": "mine"}], SEED)
    assert [event.id for event in intake.events] == [
        "01M83TYCVK000G40R40M30E20A",
        "01M83TYCVK000G40R40M30E20B",
    ]
    assert [event.external_id for event in intake.events] == ["01M83TYCVK000G40R40M30E20A", "mine"]
    assert all(event.repeatable for event in intake.events)
    assert [event.received_at for event in intake.events] == [NOW, NOW]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "1795425252211",
        "1795425252211,",
        "x,AAECAwQFBgcICQ==",
        "0,AAECAwQFBgcICQ==",
        "1795425252211,AAECAwQFBgcI",
        "1795425252211,?",
        f"{1 << 48},AAECAwQFBgcICQ==",
        f"1795425252211,{base64.b64encode(bytes(11)).decode()}",
    ],
)
def test_a_malformed_seed_is_none(header):
    assert Seed.read(header) is None


def test_the_servers_own_key_is_taken_out_of_data_only_at_the_top():
    event = one({"name": "n", "data": {"_inngest": {"fn_id": "x"}, "é": {"_inngest": 1}, "z": "_inngest"}})
    assert bytes(parts(event.wire).data).decode() == '{"z":"_inngest","é":{"_inngest":1}}'
    escaped = one(b'{"name":"n","data":{"\\u005finngest":1,"a":2}}')
    assert bytes(parts(escaped.wire).data) == b'{"a":2}'


WHOLE = "Request body must contain an event object or an array of event objects"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{}", "event name is empty"),
        (b'{"name":null}', "event name is empty"),
        (b'{"name":""}', "event name is empty"),
        (b'{"name":"inngest/foo"}', "event name is reserved for internal use: inngest/foo"),
        (b'{"name":"InnGest/foo"}', "event name is reserved for internal use: InnGest/foo"),
        (b"", WHOLE),
        (b" \n", WHOLE),
        (b'"text"', WHOLE),
        (b"12", WHOLE),
        (b"null", WHOLE),
        (b"true", WHOLE),
        (b"[1]", WHOLE),
        (b"[null]", WHOLE),
        (b"[[]]", WHOLE),
        (b'{"name":"n"', "unexpected end of JSON input"),
        (b'{"name":', "unexpected end of JSON input"),
        (b'{"name"', "unexpected end of JSON input"),
        (b'{"name":tru', "unexpected end of JSON input"),
        (b'{"name":"n', "unexpected end of JSON input"),
        (b'[{"name":"n"},', "unexpected end of JSON input"),
        (b'{"name":"n"}\n{"name":"m"}', "invalid character '{' after top-level value"),
        (b'[{"name":"n"}] x', "invalid character 'x' after top-level value"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"name=n&data=1", "invalid character 'n' looking for beginning of value"),
        (b'{name:"n"}', "invalid character 'n' at offset 1"),
        (b'{"name":x}', "invalid character 'x' at offset 8"),
        (b'\xef\xbb\xbf{"name":"n"}', "invalid character 0xef looking for beginning of value"),
        (b'{"name":"\xff"}', "invalid JSON: invalid UTF-8 at offset 9"),
        (b'{"name":"n","data":{"a":1e999}}', "invalid JSON: number out of range at offset 29"),
        (
            b'{"name":"n","data":"x"}',
            "json: cannot unmarshal string into Go struct field raw.data of type map[string]interface {}",
        ),
        (
            b'{"name":"n","data":[]}',
            "json: cannot unmarshal array into Go struct field raw.data of type map[string]interface {}",
        ),
        (
            b'{"name":"n","user":true}',
            "json: cannot unmarshal bool into Go struct field raw.user of type map[string]interface {}",
        ),
        (
            b'{"name":"n","meta":-1}',
            "json: cannot unmarshal number into Go struct field raw.meta of type map[string]interface {}",
        ),
        (
            b'{"name":"n","ts":"1"}',
            "json: cannot unmarshal string into Go struct field raw.ts of type int64",
        ),
        (
            b'{"name":"n","ts":1.5}',
            "json: cannot unmarshal number 1.5 into Go struct field raw.ts of type int64",
        ),
        (b'{"name":1}', "json: cannot unmarshal number into Go struct field raw.name of type string"),
        (b'{"name":{}}', "json: cannot unmarshal object into Go struct field raw.name of type string"),
        (
            b'{"name":"n","id":7}',
            "json: cannot unmarshal number into Go struct field raw.id of type string",
        ),
        (b'{"name":"n","v":[]}', "json: cannot unmarshal array into Go struct field raw.v of type string"),
        (b'{"name":"n","ts":1}', "timestamp is before Jan 1, 1980"),
        (b'{"name":"n","ts":-5}', "timestamp is before Jan 1, 1980"),
        (b'{"name":"n","ts":315532799999}', "timestamp is before Jan 1, 1980"),
        (b'{"name":"n","ts":4102444800001}', "timestamp is after Jan 1, 2100"),
        (b'{"name":"n","ts":99999999999999999999}', "timestamp is after Jan 1, 2100"),
        (b'{"name":"n","ts":1e300}', "timestamp is after Jan 1, 2100"),
        (
            b'{"name":"' + b"n" * 513 + b'"}',
            "event name is over the max length: Max 512 / Length 513",
        ),
    ],
)
def test_what_is_refused(body, text):
    assert refused(body) == text


@pytest.mark.parametrize("ts", [315_532_800_000, 4_102_444_800_000])
def test_the_bounds_of_ts_are_in(ts):
    assert one({"name": "n", "ts": ts}).ts == ts


def test_the_longest_name():
    assert one({"name": "n" * 512}).name == "n" * 512


def event_of(size):
    head = b'{"name":"n","data":{"x":"'
    return head + b"x" * (size - len(head) - 3) + b'"}}'


def test_an_event_has_at_most_three_mebibytes():
    most = module.MAX_EVENT
    assert most == 3_145_728
    assert one(event_of(most)).name == "n"
    text = f"Event is over the max size: Max 3145728 bytes / Size {most + 34} bytes"
    assert refused(event_of(most + 34)) == text
    assert refused(event_of(most) + b" " * 34) == text
    assert refused(b" " * 34 + event_of(most)) == text
    array = take(b"[" + event_of(most) + b"," + event_of(most + 34) + b"]")
    assert len(array.events) == 1
    assert array.error == text


def test_a_batch_has_at_most_5000_events():
    item = b'{"name":"n"}'
    assert len(take(b"[" + b",".join([item] * 5_000) + b"]").events) == 5_000
    assert refused(b"[" + b",".join([item] * 5_001) + b"]") == "Cannot have more than 5000 events in a batch"


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"name":"n","data":{"a":' + b"["])
def test_deep_nesting_is_refused_whatever_its_depth(opening):
    for depth in (600, 100_000):
        error = refused(opening * depth)
        assert error.startswith("invalid JSON: nested deeper than 500 levels")


def test_the_deepest_that_is_read_passes_through():
    nested = b"[" * 490 + b"]" * 490
    body = b'{"name":"n","data":{"a":' + nested + b'},"user":{"a":' + nested + b"}}"
    assert bytes(parts(one(body).wire).data) == b'{"a":' + nested + b"}"
    assert len(take(b"[" + body + b"]").events) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.text(max_size=8).filter(lambda key: key != "_inngest"), JSON, max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    data=OBJECT,
    user=OBJECT,
    name=st.text(min_size=1, max_size=20).filter(lambda n: not n.lower().startswith("inngest/")),
    id=st.text(max_size=10),
    v=st.text(max_size=5),
)
def test_what_was_sent_comes_back(data, user, name, id, v):
    event = one({"data": data, "user": user, "name": name, "id": id, "v": v})
    read = json.loads(event.wire)
    assert read["data"] == data
    assert read["user"] == user
    assert read["name"] == name == event.name
    assert read["id"] == (id or event.id)
    assert read.get("v", "") == v


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=40) | st.text(alphabet='{}[]":,\\ueinamnl10-+.é ', max_size=40).map(str.encode))
def test_no_body_breaks_the_reader(body):
    intake = take(body)
    if not intake.error and not intake.events:
        assert json.loads(body) == []
    for event in intake.events:
        json.loads(event.wire)
