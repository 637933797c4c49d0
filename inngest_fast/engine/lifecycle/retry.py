"""When a failed attempt is made again (sdk-protocol §5)."""

from inngest_fast.domain.functions import FunctionConfig
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run

_BACKOFF_S = (15, 30, 60, 120, 300, 600, 1_200, 2_400, 3_600, 7_200)
_JITTER_MS = 30_000


def counted(run: Run, job: Job) -> int:
    """The 0-based attempt of a job, as retries count: a checkpoint makes the attempt the first again."""
    id, attempt = run.checkpointed
    return job.attempt - attempt if id == job.id else job.attempt


def attempts_left(config: FunctionConfig, attempt: int) -> bool:
    """Whether a 0-based attempt that failed may be followed by another."""
    return attempt + 1 < max_attempts(config)


def max_attempts(config: FunctionConfig) -> int:
    return config.retries + 1


def next_attempt_at(attempt: int, now: int, retry_at: int | None, constant_ms: int, entropy: Entropy) -> int:
    """Unix ms of the attempt after this 0-based one: what the app asked for, else the configured
    constant, else the table and up to 30 s of jitter.
    """
    if retry_at is not None:
        return max(retry_at, now)
    if constant_ms:
        return now + constant_ms
    step = _BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)]
    return now + step * 1_000 + entropy.below(_JITTER_MS + 1)
