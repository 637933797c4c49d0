"""Metrics as they are read: families of samples, whatever form they are shown in."""

from collections.abc import Sequence
from typing import Literal

import msgspec

Labels = tuple[tuple[str, str], ...]


class Distribution(msgspec.Struct, frozen=True):
    """A histogram at one moment: `counts` by bucket, not summed up, one more than there are `bounds`."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


class Sample(msgspec.Struct, frozen=True):
    value: float | Distribution
    labels: Labels = ()


class Family(msgspec.Struct, frozen=True):
    """Samples of one name. Names of counters end in `_total`; those of times and sizes in their unit."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: Sequence[Sample]
