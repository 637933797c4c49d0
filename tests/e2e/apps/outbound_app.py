"""An app on the Python SDK that has the server ask models. Usage: outbound_app.py PORT ID."""

import asyncio
import sys

import fastapi
import inngest
import inngest.fast_api
import uvicorn
from inngest.experimental import ai

ID = sys.argv[2]
client = inngest.Inngest(app_id=ID)


class Adapter(ai.base.BaseAdapter):
    """Whatever the event says."""

    def __init__(self, given: dict[str, object]) -> None:
        self._given = given

    def auth_key(self) -> str:
        return str(self._given["authKey"])

    def format(self) -> str:
        return str(self._given["format"])

    def headers(self) -> dict[str, str]:
        return dict(self._given.get("headers") or {})

    def on_call(self, body: dict[str, object]) -> None:
        pass

    def url_infer(self) -> str:
        return str(self._given["url"])


@client.create_function(fn_id="inferring", trigger=inngest.TriggerEvent(event=f"{ID}/inferring"), retries=1)
async def inferring(ctx: inngest.Context) -> dict[str, object]:
    given = dict(ctx.event.data)
    try:
        return await ctx.step.ai.infer("ask", adapter=Adapter(given), body=given["body"])
    except inngest.StepError as error:
        return {"error": error.message, "name": error.name}


async def main() -> None:
    app = fastapi.FastAPI()
    app.get("/marks")(list)
    inngest.fast_api.serve(app, client, [inferring])
    config = uvicorn.Config(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
    await uvicorn.Server(config).serve()


asyncio.run(main())
