"""Functions as an SDK registers them (sdk-protocol §1.2, flow-control §0)."""

from collections.abc import Iterable

from tests.sim.programs import Program

URL = "http://app/api/inngest"


def registration(programs: Iterable[Program], app: str) -> dict[str, object]:
    return {
        "url": URL,
        "deployType": "ping",
        "appName": app,
        "sdk": "js:v4.0.0",
        "framework": "sim",
        "functions": [described(program) for program in programs],
    }


def described(program: Program) -> dict[str, object]:
    """One function."""
    trigger = {"cron": program.cron} if program.cron else {"event": program.event}
    if program.above >= 0:
        trigger["expression"] = f"event.data.n > {program.above}"
    found: dict[str, object] = {
        "id": program.slug,
        "name": program.slug,
        "triggers": [trigger],
        "steps": {
            "step": {
                "id": "step",
                "name": "step",
                "runtime": {"type": "http", "url": f"{URL}?fnId={program.slug}&stepId=step"},
                "retries": {"attempts": program.retries},
            }
        },
        **program.controls.wire(),
    }
    if program.cancel:
        found["cancel"] = [{"event": program.cancel, "if": "event.data.n == async.data.n"}]
    timeouts = {"start": program.start_s, "finish": program.finish_s}
    if any(timeouts.values()):
        found["timeouts"] = {name: f"{seconds}s" for name, seconds in timeouts.items() if seconds}
    return found
