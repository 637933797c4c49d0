"""`/metrics`: Prometheus text (http-api §3.4, docs/observability.md)."""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from inngest_fast.api.http import Access, Request, Response, Route
from inngest_fast.api.services import Services
from inngest_fast.domain.metrics import Distribution, Family, Labels

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def exposition(families: Iterable[Family]) -> str:
    """Families as text, in Prometheus' format 0.0.4."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    name = family.name
    yield f"# HELP {name} {family.help.translate(_IN_HELP)}"
    yield f"# TYPE {name} {family.kind}"
    for sample in family.samples:
        value, labels = sample.value, sample.labels
        if not isinstance(value, Distribution):
            yield f"{name}{_shown(labels)} {_number(value)}"
            continue
        counts = list(accumulate(value.counts))
        for bound, count in zip((*map(_number, value.bounds), "+Inf"), counts, strict=True):
            yield f"{name}_bucket{_shown((*labels, ('le', bound)))} {count}"
        yield f"{name}_sum{_shown(labels)} {_number(value.total)}"
        yield f"{name}_count{_shown(labels)} {counts[-1]}"


def _shown(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join([f'{name}="{value.translate(_IN_LABEL)}"' for name, value in labels]) + "}"


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(value)


class _Surface:
    def __init__(self, services: Services) -> None:
        self._metrics = services.metrics

    async def metrics(self, _: Request) -> Response:
        return Response(200, exposition(await self._metrics.read()).encode(), CONTENT_TYPE)


def routes(services: Services) -> list[Route]:
    return [Route("GET", "/metrics", _Surface(services).metrics, Access.METRICS)]
