"""Metadata of attempts and spans, in the tree of their run."""

from collections.abc import Iterator, Mapping, Sequence

from inngest_fast.domain.traces import Metadata, Span
from inngest_fast.engine.trace.metadata import Target


def hang(root: Span, notes: Mapping[Target, Sequence[Metadata]]) -> None:
    """Adds what is noted on attempts of steps, and on spans by their ids. An attempt that has no span of its
    own is its step.
    """
    if all(target.attempt is None and not target.span_id for target in notes):
        return
    spans = {span.id: span for span in _all(root)}
    steps = {step.step_id: step for step in root.children if step.step_id}
    for target, noted in notes.items():
        found = None
        if target.span_id:
            found = spans.get(target.span_id)
        elif target.attempt is not None and (step := steps.get(target.step_id)) is not None:
            attempts = (child for child in step.children if child.userland is None)
            found = next((each for each in attempts if each.attempts == target.attempt), step)
        if found is not None:
            found.metadata = [*noted, *found.metadata]


def _all(root: Span) -> Iterator[Span]:
    left = [root]
    while left:
        span = left.pop()
        yield span
        left += span.children
