"""Tests here are coroutines, run on uvloop. Whatever no one handled, or was left open, fails them."""

import asyncio
import gc
import inspect
from typing import Any

import pytest
import uvloop
from raw_server import until

from inngest_fast.adapters.app_http import HttpAppClient
from inngest_fast.ports.app_client import AppCallError, AppRequest, AppResponse

LONGEST_S = 30


@pytest.fixture
def client() -> HttpAppClient:
    return HttpAppClient()


@pytest.fixture
def post(client: HttpAppClient):
    """Sends one request; what it does not say is as in a call."""

    async def send(url: str, body: bytes = b"{}", method: str = "POST", **more: Any) -> AppResponse:
        more.setdefault("timeout_ms", 10_000)
        return await client.send(AppRequest(method, url, body=body, **more))

    return send


@pytest.fixture
def fault(post):
    """Sends one request, which must fail; the error."""

    async def send(url: str, **more: Any) -> AppCallError:
        with pytest.raises(AppCallError) as caught:
            await post(url, **more)
        return caught.value

    return send


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    faults: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        async with asyncio.timeout(LONGEST_S):
            await pyfuncitem.obj(**arguments)
        client = pyfuncitem.funcargs.get("client")
        if client is not None:
            await client.close()
            await until(lambda: client.connections == 0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
        gc.collect()
    assert not faults, faults
    return True
