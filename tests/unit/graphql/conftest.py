import pytest
from gql_world import World, load_at_once

from inngest_fast.api import graphql


@pytest.fixture(autouse=True)
def _in_virtual_time(monkeypatch):
    monkeypatch.setattr(graphql._Surface, "_load", load_at_once)


@pytest.fixture
def world():
    """A server of one's own, with an app of some functions and no runs."""
    world = World()
    world.begin()
    yield world
    world.end()


@pytest.fixture(scope="module")
def busy():
    """A server where something of everything has happened; only to be read. `busy.ids` names the runs."""
    world = World()
    world.begin()
    world.ids = {}
    world.event_ids = {}
    for name in ("order", "flaky", "fail", "wait", "signal"):
        world.event_ids[name] = world.send(f"shop/{name}", n=7, amount=12, region="north")
    world.event_ids["nothing"] = world.send("shop/nobody", n=1)
    world.pass_time(30)
    world.ids = {name: world.run_of(id) for name, id in world.event_ids.items() if name != "nothing"}
    [world.ids["child"]] = [run.id for run in world.all_runs() if run.slug == "shop-child"]
    yield world
    world.end()
