"""The OpenAPI document is valid, and says what is served."""

import json
import re

import pytest
from fake_services import fake_services
from openapi_spec_validator import validate

from inngest_fast.api.application import all_routes
from inngest_fast.api.http import Access
from inngest_fast.api.openapi.document import document
from inngest_fast.api.operations.v1 import V1
from inngest_fast.api.operations.v2 import V2

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.mark.parametrize("guarded", [True, False])
def test_it_is_valid(guarded):
    validate(document(guarded=guarded))


def test_it_is_served(dev):
    reply = dev("GET", "/api/openapi.json")
    assert reply.status == 200
    assert reply.json == json.loads(json.dumps(document(guarded=False)))


def test_every_operation_is_a_route():
    routes = {
        (route.method, re.sub(r"\{\w+\}", "{}", route.pattern)): route
        for route in all_routes(fake_services())
    }
    shown = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path)): operation
        for path, item in document(guarded=True)["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }
    assert shown.keys() <= routes.keys()
    assert len(shown) == len(V2) + 1 + len(V1)
    for key, operation in shown.items():
        unasked = routes[key].access in (Access.HEALTH, Access.OPEN, Access.EVENT_KEY)
        assert (operation.get("security") == []) == unasked, key


def test_every_route_of_rest_v2_that_is_implemented_is_there():
    known = {f"{each.method} /api/v2{each.path}" for each in V2} | {"GET /api/v2/operations"}
    routes = {
        f"{route.method} {route.pattern}"
        for route in all_routes(fake_services())
        if route.pattern.startswith("/api/v2/") and route.handler.__name__ != "_elsewhere"
    }
    assert routes == known


def test_ids_are_unique():
    ids = [each.id for each in (*V2, *V1)]
    assert len(ids) == len(set(ids))
