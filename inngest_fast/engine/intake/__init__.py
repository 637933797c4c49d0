"""What senders post, checked and turned into events and signals."""

from inngest_fast.engine.intake.events import Intake, read_events
from inngest_fast.engine.intake.invocation import invocation_of, read_invocation
from inngest_fast.engine.intake.signals import Signal, read_signal

__all__ = ["Intake", "Signal", "invocation_of", "read_events", "read_invocation", "read_signal"]
