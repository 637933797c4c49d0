"""Between which times a decision was made: nobody is asked, and the store decides later."""

from dataclasses import dataclass


@dataclass(frozen=True)
class When:
    """Wall times in ms and seconds of the loop. Not `known` where clocks do not agree."""

    first: int
    last: int
    began: float
    ended: float
    known: bool = True
