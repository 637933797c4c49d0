"""Requests that apps leave to the server: which steps make them, and the servers that they go to."""

import asyncio
from dataclasses import replace
from random import Random

from inngest_fast.ports.app_client import AppCallError, AppRequest, AppResponse
from tests.sim.faults import Faults
from tests.sim.programs import All, Body, Fetch, Program, Race, Run, Sleep, Statement

_FAULTS = ("refused", "timeout", "too_large")


class Elsewhere:
    """ports.app_client.AppClient to a server that answers with how often it was asked."""

    def __init__(self, random: Random, faults: Faults) -> None:
        self._random = random
        self._faults = faults
        self.asked = 0

    async def send(self, request: AppRequest) -> AppResponse:
        self.asked += 1
        answer = b"%d" % self.asked
        await asyncio.sleep(self._random.choice((0.02, 0.02, 3.0)) * self._random.random())
        if not self._faults.calm and self._random.random() < self._faults.bad_calls:
            raise AppCallError(self._random.choice(_FAULTS), "no way")  # type: ignore[arg-type]
        return AppResponse(200, {"content-type": "text/plain"}, answer)

    async def close(self) -> None:
        pass


def with_requests(program: Program, random: Random) -> Program:
    """The same program, with a request in place of some of its steps."""
    return replace(program, body=_within(program.body, random))


def _within(body: Body, random: Random) -> Body:
    return tuple(_instead(statement, random) for statement in body)


def _instead(statement: Statement, random: Random) -> Statement:
    if isinstance(statement, All | Race):
        return replace(statement, branches=tuple(_within(branch, random) for branch in statement.branches))
    if isinstance(statement, Sleep | Run) and random.random() < 0.15:
        return Fetch(statement.id, caught=random.random() < 0.7)
    return statement
