"""`RunTraceTrigger`: what a run was started by (http-api §6.5)."""

from typing import Any

import msgspec

from inngest_fast.api.graphql.request import Info, Resolvers
from inngest_fast.api.graphql.runs import run_of
from inngest_fast.domain.events import parts


async def run_trigger(_: object, info: Info, runID: str) -> dict[str, Any]:  # noqa: N803 its name on the wire
    run = await run_of(info.context, runID)
    sent = [parts(wire) for wire in run.events]
    return {
        "eventName": sent[0].name if sent and not run.cron else None,
        "IDs": run.event_ids,
        "payloads": [_payload(each) for each in sent],
        "timestamp": sent[0].ts if sent else run.queued_at,
        "isBatch": bool(run.batch_id),
        "batchID": run.batch_id or None,
        "cron": run.cron or None,
    }


def _payload(sent: Any) -> str:
    payload = {"id": sent.id, "name": sent.name, "data": sent.data, "ts": sent.ts}
    if bytes(sent.user) not in (b"null", b"{}"):
        payload["user"] = sent.user
    if sent.v:
        payload["v"] = sent.v
    return msgspec.json.encode(payload).decode()


RESOLVERS: Resolvers = {"Query": {"runTrigger": run_trigger}}
