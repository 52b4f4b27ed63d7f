"""Metrics that a judge decides: every trace gets a row for each, with a value or the reason why there is none (A26)."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any, overload

import pyarrow as pa

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import arrow_schema
from millrace.errors import BadInputError
from millrace.evaluation.question_keys import question_keys
from millrace.methods.abstention import is_abstention
from millrace.methods.standalone import question_in_context, user_turns
from millrace.ports import Judge, JudgeCase, JudgeOutcome
from millrace.records.evaluation import MetricScore, MetricStatus, MetricTier

NO_ANSWER = "no_answer"
ABSTAINED = "abstained"

_LONGEST_SOURCE = 440  # of a judge's identity within a source, which holds 512 characters


def judge_part(traces: pa.Table, *, judges: Mapping[str, Judge], tier: MetricTier, references: pa.Table) -> pa.Table:
    """Let each judge score each trace; all judges are at work together, so that the gateway is never idle.

    A judge is shown the question, preceded by the turns that it leans on, the answer, the contexts in their order and
    the reference answer where one is known. A trace without an answer, or whose answer only says that there is none,
    is undefined (``no_answer``, ``abstained``) without a call; what else a case lacks its judge says.

    Args:
        traces: table of Trace.
        judges: by metric, in the order of the rows.
        tier: of all these metrics.
        references: table of Reference; of several for one question the first with an answer counts.

    Returns:
        Table of MetricScore: traces in order, for each the metrics in order. What a judge failed at has the status
        ``failed`` and the failure's name as reason.

    Raises:
        UnavailableError: replies could not be remembered.
        BadInputError: a judge gave not one outcome per case.
    """
    keys = question_keys(traces)
    reasons = _unjudgeable(traces)
    places = [place for place, reason in enumerate(reasons) if reason is None]
    cases = _Cases(traces, places, keys, _reference_answers(references))
    outcomes = _judged(judges, cases)
    case_of = {place: number for number, place in enumerate(places)}

    def outcome(metric: str, place: int) -> JudgeOutcome:
        reason = reasons[place]
        return outcomes[metric][case_of[place]] if reason is None else JudgeOutcome(None, reason)

    sources = {metric: _fitted(judge.identity) for metric, judge in judges.items()}
    rows = (
        _row(metric, tier, sources[metric], outcome(metric, place)) for place in range(len(keys)) for metric in judges
    )
    return _scores(traces, keys, rows, len(judges))


def skipped_part(traces: pa.Table, *, metrics: Sequence[str], tier: MetricTier, reason: str, source: str) -> pa.Table:
    """The rows of metrics that were not tried, such as all judged ones without a gateway; never a value.

    Args:
        traces: table of Trace.
        reason: why not, a word of ours such as ``no_gateway``.
        source: what would have scored.

    Returns:
        Table of MetricScore: traces in order, for each the metrics in order.
    """
    keys = question_keys(traces)
    rows = [_row(metric, tier, source, JudgeOutcome(None, reason), "skipped") for metric in metrics]
    return _scores(traces, keys, (row for _ in keys for row in rows), len(metrics))


class _Cases(Sequence[JudgeCase]):
    """The cases of a part, each made when it is asked for: thousands of judgements share one table's memory."""

    def __init__(
        self, traces: pa.Table, places: Sequence[int], keys: Sequence[str], references: Mapping[str, str]
    ) -> None:
        names = ("question", "history", "answer", "contexts")
        self._columns = {name: traces.column(name).combine_chunks() for name in names}
        self._places = places
        self._keys = keys
        self._references = references
        self.stopped = False

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, number: int) -> JudgeCase: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[JudgeCase]: ...
    def __getitem__(self, number: int | slice) -> JudgeCase | Sequence[JudgeCase]:
        if isinstance(number, slice):
            return [self._case(place) for place in self._places[number]]
        return self._case(self._places[number])

    def _case(self, place: int) -> JudgeCase:
        if self.stopped:
            raise InterruptedError("another judge of the same part has failed, or the run was stopped")
        row = {name: column[place].as_py() for name, column in self._columns.items()}
        earlier = user_turns((turn["speaker"], turn["text"]) for turn in row["history"] or ())
        return JudgeCase(
            question=question_in_context(row["question"], earlier),
            answer=row["answer"],
            contexts=tuple(context["text"] for context in row["contexts"] or ()),
            reference=self._references.get(self._keys[place]),
        )


def _judged(judges: Mapping[str, Judge], cases: _Cases) -> dict[str, list[JudgeOutcome]]:
    """All judges at once, each in a thread that waits; when one fails the others begin no further case."""
    if not judges or not cases:
        return {metric: [] for metric in judges}
    with ThreadPoolExecutor(len(judges), thread_name_prefix="judge") as pool:
        try:
            running = {metric: pool.submit(judge.judge, cases) for metric, judge in judges.items()}
            done, _ = wait(running.values(), return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            cases.stopped = True
            raise
    outcomes = {metric: future.result() for metric, future in running.items()}
    for metric, given in outcomes.items():
        if len(given) != len(cases):
            raise BadInputError(f"the judge of {metric} gave {len(given)} outcomes for {len(cases)} cases")
    return outcomes


def _unjudgeable(traces: pa.Table) -> list[str | None]:
    """Why a trace is shown to no judge; None where it is."""
    return [
        _why_not(status, answer or "")
        for status, answer in zip(traces.column("status").to_pylist(), traces.column("answer").to_pylist(), strict=True)
    ]


def _why_not(status: str, answer: str) -> str | None:
    if status == "abstained":
        return ABSTAINED
    if status != "answered" or not answer.strip():
        return NO_ANSWER
    return ABSTAINED if is_abstention(answer) else None


def _reference_answers(references: pa.Table) -> dict[str, str]:
    pairs = zip(
        references.column("question_key").to_pylist(), references.column("reference_answer").to_pylist(), strict=True
    )
    answers: dict[str, str] = {}
    for key, answer in pairs:
        if answer and answer.strip():
            answers.setdefault(key, answer)
    return answers


def _row(
    metric: str, tier: MetricTier, source: str, outcome: JudgeOutcome, without_value: MetricStatus = "undefined"
) -> dict[str, Any]:
    """A MetricScore but for the trace and its key."""
    status = "scored" if outcome.value is not None else "failed" if outcome.failed else without_value
    return {
        "metric": metric,
        "tier": tier,
        "status": status,
        "value": outcome.value,
        "reason": outcome.reason,
        "message": outcome.message,
        "source": f"{source} {outcome.variant}" if outcome.variant else source,
        "n_calls": outcome.n_calls,
        "input_tokens": outcome.input_tokens,
        "output_tokens": outcome.output_tokens,
        "cost_usd": outcome.cost_usd,
    }


def _scores(traces: pa.Table, keys: Sequence[str], rows: Iterable[dict[str, Any]], n_metrics: int) -> pa.Table:
    schema = arrow_schema(MetricScore)
    ids = traces.column("trace_id").to_pylist()
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    columns["trace_id"] = [trace_id for trace_id in ids for _ in range(n_metrics)]
    columns["question_key"] = [key for key in keys for _ in range(n_metrics)]
    for row in rows:
        for name, value in row.items():
            columns[name].append(value)
    return pa.table(columns, schema=schema)


def _fitted(identity: str) -> str:
    """An identity as a source: one that is too long keeps its beginning, and a hash of all of it."""
    if len(identity) <= _LONGEST_SOURCE:
        return identity
    return f"{identity[:_LONGEST_SOURCE]}... {sha256_json(identity)[:16]}"
