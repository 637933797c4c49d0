"""`python -m bench run SCENARIO`: plays scenarios against a server and says what they cost."""

import argparse
import contextlib
import dataclasses
import importlib.metadata
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import uvloop

from bench.backends import Backends, backends, placed
from bench.measure import machine
from bench.options import Options
from bench.report import as_json, as_text
from bench.result import Result
from bench.scenarios import APART, SCENARIOS
from bench.server import Server, running, shared_bytecode, started
from bench.stage import staged

_PACKAGES = ("granian", "uvloop", "httptools", "msgspec")


def main(argv: Sequence[str] | None = None) -> int:
    """0; 1 if work was lost."""
    parser = _parser()
    arguments = vars(parser.parse_args(argv))
    file: Path | None = arguments.pop("json")
    del arguments["command"]
    arguments["server_arguments"] = arguments["server_arguments"] or []
    options = Options(**arguments)
    mistake = _mistake(options)
    if mistake:
        parser.error(mistake)
    names = (
        [name for name in SCENARIOS if name not in APART] if options.scenario == "all" else [options.scenario]
    )
    results: list[Result] = []
    version = ""
    before = machine()
    with shared_bytecode(), backends(options) as behind:
        for name in names:
            with _server(options, behind) as server:
                version = server.version
                results += uvloop.run(_play(name, server, options, behind))
    document = as_json(before, _settings(options), _about(version, options, behind), results)
    print(as_text(document))
    if file is not None:
        file.write_text(json.dumps(document, indent=2) + "\n")
    lost = sum(result.lost for result in results)
    if lost:
        print(f"bench: {lost} were not done within {options.patience} s", file=sys.stderr)
    return 1 if lost else 0


def _mistake(options: Options) -> str:
    """What does not go together; "" when all does."""
    if options.backends == "embedded":
        if options.postgres_uri or options.redis_uri:
            return "--postgres-uri and --redis-uri need --backends production"
        if options.replicas > 1:
            return "--replicas needs --backends production: an embedded server is alone"
        return "crowd needs --backends production" if options.scenario == "crowd" else ""
    if options.target:
        return "--target has backends of its own"
    return "--backends production needs --mode start" if options.mode != "start" else ""


async def _play(name: str, server: Server, options: Options, behind: Backends | None) -> list[Result]:
    async with staged(server, options, behind) as stage:
        return await SCENARIOS[name](stage)


@contextlib.contextmanager
def _server(options: Options, behind: Backends | None) -> Iterator[Server]:
    if options.target:
        yield running(options.target, options.signing_key, options.event_key or "bench", options.pids)
        return
    with (
        placed(behind) as place,
        started(options.mode, options.server_arguments, place, options.replicas) as server,
    ):
        yield server


def _settings(options: Options) -> dict[str, Any]:
    """Without keys and passwords, which are nobody's business in a published result."""
    settings = dataclasses.asdict(options)
    for secret in ("signing_key", "event_key", "postgres_uri", "redis_uri"):
        del settings[secret]
    return settings


def _about(version: str, options: Options, behind: Backends | None) -> dict[str, Any]:
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    return {
        "version": version,
        "mode": options.target or options.mode,
        "packages": packages,
        "replicas": options.replicas,
        "backends": behind.about if behind else {},
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    run = parser.add_subparsers(dest="command", required=True).add_parser(
        "run",
        help="play one scenario, or all but those that take minutes",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    usual = Options()
    run.add_argument("scenario", choices=[*SCENARIOS, "all"])
    run.add_argument("--mode", choices=["dev", "start"], default=usual.mode, help="of our own server")
    run.add_argument(
        "--backends",
        choices=["embedded", "production"],
        default=usual.backends,
        help="production: PostgreSQL and Redis, throw-away ones unless they are named",
    )
    run.add_argument("--postgres-uri", default="", metavar="URI", help="of one that runs already")
    run.add_argument("--redis-uri", default="", metavar="URI", help="of one that runs already")
    run.add_argument("--replicas", type=_positive, default=usual.replicas, help="servers on the backends")
    run.add_argument("--target", default="", metavar="URL", help="a server that runs already")
    run.add_argument("--signing-key", default="", help="of the target")
    run.add_argument("--event-key", default="", help="of the target")
    run.add_argument(
        "--pid", dest="pids", type=_whole, action="append", default=[], help="of the target; repeatable"
    )
    run.add_argument(
        "--server-argument",
        dest="server_arguments",
        action="append",
        metavar="FLAG",
        help="passed to our own server, as --server-argument=--flag; repeatable",
    )
    run.add_argument("--events", type=_whole, default=0, help="measured events; 0: the scenario's own")
    run.add_argument("--rate", type=float, default=0.0, help="events a second; 0: as fast as they are done")
    run.add_argument("--connections", type=_positive, default=usual.connections, help="that send events")
    run.add_argument("--in-flight", type=_positive, default=usual.in_flight, help="open runs, without a rate")
    run.add_argument("--warmup", type=_whole, default=usual.warmup, help="events before the measured ones")
    run.add_argument(
        "--waiting", type=_positive, nargs="+", default=usual.waiting, help="wait: how many runs wait"
    )
    run.add_argument(
        "--crowd", type=_positive, default=usual.crowd, help="crowd: waiting runs, and as many finished ones"
    )
    run.add_argument("--rounds", type=_positive, default=usual.rounds, help="crowd: medians of so many")
    run.add_argument("--keys", type=_positive, default=usual.keys, help="keys: different values of the key")
    run.add_argument(
        "--call-ms", type=float, default=usual.call_ms, help="neighbour: what each of its calls takes"
    )
    run.add_argument("--probes", type=_positive, default=usual.probes, help="neighbour: events to each app")
    run.add_argument("--throttle", type=_positive, default=usual.throttle, help="throttle: starts a second")
    run.add_argument(
        "--watch", type=float, default=usual.watch, help="throttle: seconds of waiting whose CPU is told"
    )
    run.add_argument(
        "--batch", type=_positive, default=usual.batch, help="events in a request, where not each is timed"
    )
    run.add_argument("--starts", type=_whole, default=usual.starts, help="idle: starts that are timed")
    run.add_argument("--payload", type=_whole, default=usual.payload, help="bytes of text in each event")
    run.add_argument("--settle", type=float, default=usual.settle, help="seconds before memory is read")
    run.add_argument("--patience", type=float, default=usual.patience, help="seconds until work is lost")
    run.add_argument("--seed", type=int, default=usual.seed, help="of what is random in events")
    run.add_argument("--json", type=Path, metavar="FILE", help="also write everything here")
    return parser


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("may not be negative")
    return number


def _positive(text: str) -> int:
    number = _whole(text)
    if not number:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
