"""What an app answered to a call (sdk-protocol §3)."""

from inngest_fast.engine.answer.kinds import Answer, Failure, Ops, Result
from inngest_fast.engine.answer.read import not_to_be_made, read_answer, unreachable

__all__ = ["Answer", "Failure", "Ops", "Result", "not_to_be_made", "read_answer", "unreachable"]
