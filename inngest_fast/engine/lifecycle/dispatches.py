"""Names of dispatches: `ctx.qi_id` of a call, which its checkpoints give back (sdk-protocol §2, §7.1)."""

import base64
import binascii

import msgspec

from inngest_fast.domain.jobs import Job


class Dispatch(msgspec.Struct, frozen=True):
    """One dispatch of a job. It is over once the job's generation is another, or the job is gone."""

    job_id: str
    generation: int

    def is_of(self, job: Job | None) -> bool:
        """Whether this is what the job, as it is stored, was last dispatched as."""
        return job is not None and (job.id, job.generation) == (self.job_id, self.generation)


def dispatch_name(job: Job) -> bytes:
    """Opaque to apps: the job and its generation in base64."""
    return base64.b64encode(f"{job.id}::{job.generation}".encode("utf-8", "surrogatepass"))


def read_dispatch(name: str) -> Dispatch | None:
    """None for a text that no call had."""
    try:
        text = base64.b64decode(name, validate=True).decode("utf-8", "surrogatepass")
    except (ValueError, binascii.Error):
        return None
    job_id, _, generation = text.rpartition("::")
    if not job_id or not (generation.isascii() and generation.isdecimal()) or len(generation) > 18:
        return None
    return Dispatch(job_id, int(generation))
