"""A server, an app, and what the reference's examples need to have happened."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.fixtures.apps import AppProcess
from tests.fixtures.http import Reply
from tests.fixtures.server_process import ServerProcess
from tests.fixtures.waiting import eventually


@dataclass(eq=False)
class Scene:
    server: ServerProcess
    app: AppProcess

    def call(self, method: str, path: str, data: Any = None, **more: Any) -> Reply:
        return self.server.call(method, path, data, **more)

    def send(self, name: str, data: dict[str, Any] | None = None, **more: Any) -> str:
        """Sends an event; its id."""
        return self.server.send({"name": name, "data": data or {}, **more})[0]

    def begin(self, name: str, data: dict[str, Any] | None = None) -> tuple[str, str]:
        """The ids of an event and of the run that it started."""
        event_id = self.send(name, data)
        [run] = self.call("GET", f"/v1/events/{event_id}/runs").json()["data"]
        return event_id, run["run_id"]

    def run(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/v1/runs/{run_id}").json()["data"]
        return found

    def ended(self, run_id: str) -> dict[str, Any]:
        def look() -> dict[str, Any]:
            run = self.run(run_id)
            return run if run["ended_at"] else {}

        return eventually(look, what=f"the end of {run_id}")

    def function_id(self, slug: str) -> str:
        functions = self.call("GET", "/v1/apps/demo/functions").json()
        return next(str(each["internal_id"]) for each in functions if each["id"] == slug)

    @cached_property
    def completed(self) -> tuple[str, str]:
        """Event and run of an order. Nothing else comes of that event."""
        return self._order()

    @cached_property
    def repeated(self) -> tuple[str, str]:
        """The same of another order, whose run may be run again."""
        return self._order()

    def _order(self) -> tuple[str, str]:
        event_id, run_id = self.begin("shop/order.placed", {"amount": 12, "id": "o-order.placed"})
        assert self.ended(run_id)["status"] == "Completed"
        return event_id, run_id

    @cached_property
    def failed(self) -> tuple[str, str]:
        event_id, run_id = self.begin("shop/fail", {"id": "o-fail"})
        assert self.ended(run_id)["status"] == "Failed"
        return event_id, run_id

    @cached_property
    def sleeping(self) -> tuple[str, str]:
        """A run that sleeps for an hour."""
        event_id, run_id = self.begin("shop/wait", {"id": "o-wait"})
        self.until_asleep(run_id)
        return event_id, run_id

    def until_asleep(self, run_id: str) -> None:
        def asleep() -> bool:
            jobs = self.call("GET", f"/v1/runs/{run_id}/jobs").json()["data"]
            return any((job["kind"], job["state"]) == ("sleep", "scheduled") for job in jobs)

        eventually(asleep, what=f"the sleep of {run_id}")
