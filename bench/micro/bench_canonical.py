"""What canonical JSON costs: an event, and a large one, in order already and not."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from inngest_fast._native.canonical import canonicalize, quote

Benchmark = Callable[..., Any]


def event(items: int) -> dict[str, object]:
    data = {
        "userId": "user-7",
        "total": 120.5,
        "items": [{"sku": f"sku-{n}", "price": n + 0.25, "note": "Größe\n42"} for n in range(items)],
    }
    return {"name": "app/order.paid", "data": data, "user": {"id": "7"}, "ts": 1_767_225_600_000}


def sent(size: str) -> bytes:
    return json.dumps(event(3 if size == "event" else 4_000), ensure_ascii=False).encode()


@pytest.mark.parametrize("size", ["event", "256 KB"])
def test_out_of_order(benchmark: Benchmark, size: str) -> None:
    data = sent(size)
    assert len(data) < 1_000 if size == "event" else len(data) > 200_000
    out = benchmark(canonicalize, data)
    assert json.loads(out) == json.loads(data)


@pytest.mark.parametrize("size", ["event", "256 KB"])
def test_canonical_already(benchmark: Benchmark, size: str) -> None:
    data = canonicalize(sent(size))
    assert benchmark(canonicalize, data) is data


def test_quote(benchmark: Benchmark) -> None:
    assert benchmark(quote, "01JDXQ6Y3N7Z8V4F5T2B1K9M0C") == b'"01JDXQ6Y3N7Z8V4F5T2B1K9M0C"'
