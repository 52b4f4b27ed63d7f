"""A seeded stratified sample of a window's traces, with its weights (A26)."""

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from millrace.datasets.schema import arrow_schema
from millrace.records.evaluation import SampledTrace

ALL = "all"
REST = "rest"
_LONGEST_NAME = 512  # characters, as of every identifier


class SampleConfig(BaseModel):
    """How many of a window's traces are evaluated."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int | None = Field(None, ge=1, description="Traces that are evaluated; None for all")
    seed: int = Field(0, description="Of the drawing; the same seed draws the same traces")
    min_per_stratum: int = Field(
        5, ge=1, le=1000, description="Traces drawn of each tenant and status, where there are as many"
    )


def sample_traces(traces: pa.Table, config: SampleConfig) -> pa.Table:
    """Draw traces without replacement, stratified by status and tenant.

    Each stratum gives at least ``min_per_stratum`` traces, or all it has; the rest is shared out in proportion to the
    strata's sizes. Where the size does not allow that many of each, the smallest strata are drawn from as one. Which
    trace is drawn depends on the seed, its id and how many its stratum gives, not on the order of the traces.

    Args:
        traces: columns trace_id, tenant_id and status of Trace, of the whole window, ids without repeats.
        config: without a size, or with one that is no smaller than the window, all traces are taken.

    Returns:
        Table of SampledTrace in the order of the traces; a weight is the size of the trace's stratum over the number
        drawn from it. All traces taken are one stratum ``all`` of weight 1.
    """
    trace_ids = traces.column("trace_id").to_pylist()
    if config.size is None or config.size >= len(trace_ids):
        return _table(trace_ids, [ALL] * len(trace_ids), [1.0] * len(trace_ids))
    columns = (traces.column(name).to_pylist() for name in ("status", "tenant_id"))
    named = [f"{status}/{tenant}"[:_LONGEST_NAME] for status, tenant in zip(*columns, strict=True)]
    sizes = Counter(named)
    merged = _merged(sizes, config.size, config.min_per_stratum)
    strata = [REST if name in merged else name for name in named]
    sizes = Counter(strata)
    drawn = allocate(sizes, config.size, config.min_per_stratum)
    chosen = _drawn(trace_ids, strata, drawn, config.seed)
    kept = [(trace_ids[place], strata[place]) for place in chosen]
    return _table(
        [trace_id for trace_id, _ in kept],
        [stratum for _, stratum in kept],
        [sizes[stratum] / drawn[stratum] for _, stratum in kept],
    )


def allocate(sizes: Mapping[str, int], n_drawn: int, minimum: int) -> dict[str, int]:
    """How many of each stratum are drawn: the minimum or all, then one by one where the share is most behind its due.

    Args:
        sizes: items by stratum, at least ``n_drawn`` together.
        n_drawn: in all, at least the sum of min(size, minimum); with a single stratum any number.

    Source:
        The rule by which the next one is given is Webster's (Sainte-Lague): size / (2 x drawn + 1).
    """
    if len(sizes) == 1:
        return dict.fromkeys(sizes, n_drawn)
    drawn = {name: min(size, minimum) for name, size in sizes.items()}
    waiting = [(-size / (2 * drawn[name] + 1), name) for name, size in sizes.items() if drawn[name] < size]
    heapq.heapify(waiting)
    for _ in range(n_drawn - sum(drawn.values())):
        _, name = waiting[0]
        drawn[name] += 1
        if drawn[name] < sizes[name]:
            heapq.heapreplace(waiting, (-sizes[name] / (2 * drawn[name] + 1), name))
        else:
            heapq.heappop(waiting)
    return drawn


def _merged(sizes: Mapping[str, int], n_drawn: int, minimum: int) -> set[str]:
    """The smallest strata, as many as must be drawn from as one so that the minima fit; empty when they do."""
    by_size = sorted(sizes, key=lambda name: (sizes[name], name))
    needed = sum(min(size, minimum) for size in sizes.values())
    n_merged = size_merged = 0
    while n_merged < len(by_size) and needed + min(size_merged, minimum) > n_drawn:
        size = sizes[by_size[n_merged]]
        needed -= min(size, minimum)
        size_merged += size
        n_merged += 1
    return set(by_size[:n_merged])


def _drawn(trace_ids: Sequence[str], strata: Sequence[str], drawn: Mapping[str, int], seed: int) -> list[int]:
    """Places of the traces with the lowest hashes of each stratum, ascending."""
    members: defaultdict[str, list[tuple[bytes, int]]] = defaultdict(list)
    for place, (trace_id, stratum) in enumerate(zip(trace_ids, strata, strict=True)):
        digest = hashlib.blake2b(f"{seed} {trace_id}".encode(errors="surrogatepass"), digest_size=16).digest()
        members[stratum].append((digest, place))
    lowest = (heapq.nsmallest(drawn[stratum], each) for stratum, each in members.items())
    return sorted(place for each in lowest for _, place in each)


def _table(trace_ids: Sequence[str], strata: Sequence[str], weights: Sequence[float]) -> pa.Table:
    columns = {"trace_id": trace_ids, "stratum": strata, "weight": weights}
    return pa.table(columns, schema=arrow_schema(SampledTrace))
