"""What an app answered to a call (sdk-protocol §3)."""

from inngest_fast.engine.answer.kinds import Answer, Failure, Ops, Result
from inngest_fast.engine.answer.read import read_answer, unreachable

__all__ = ["Answer", "Failure", "Ops", "Result", "read_answer", "unreachable"]
