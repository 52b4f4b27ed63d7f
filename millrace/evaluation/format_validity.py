"""Has the answer the form that it should have? (A26)"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from millrace.evaluation.results import Result
from millrace.methods.answer_form import asks_for_json, has_debris, holds_json, is_json, is_unfinished

SOURCE = "format-validity/1"


def format_fault(answer: str, output: str | None, requests: Sequence[str]) -> str | None:
    """What is wrong with the form of an answer, a word of ours; None where nothing is.

    ``blank``; ``invalid_output``: the structured output is no JSON; ``invalid_json``: JSON was asked for and the answer
    holds none; ``unfinished``: the last line breaks off; ``debris``: of a broken decoding or a chat template. What
    triage calls a format violation has the first of these, or bad citations, which are a metric of their own here.

    Args:
        output: the structured output, where there is one.
        requests: question and system's turns.
    """
    if not answer.strip():
        return "blank"
    if output is not None and not is_json(output):
        return "invalid_output"
    if asks_for_json(requests) and not holds_json(answer):
        return "invalid_json"
    if is_unfinished(answer):
        return "unfinished"
    return "debris" if has_debris(answer) else None


def format_results(traces: pa.Table, states: Sequence[str | None]) -> tuple[list[Result], list[str | None]]:
    """1 for a sound form and 0 for a fault, and what the fault is, of each trace in order.

    No value for what was not answered: the reason is the trace's state. A blank answer that counts as answered is 0.

    Args:
        traces: columns question, history, answer and output of Trace.
        states: from ``answer_states``.
    """
    columns = (traces.column(name).to_pylist() for name in ("answer", "output", "question"))
    results: list[Result] = []
    faults: list[str | None] = []
    for answer, output, question, instructions, state in zip(*columns, _instructions(traces), states, strict=True):
        if state is not None and state != "no_answer":
            results.append(state)
            faults.append(None)
        else:
            faults.append(format_fault(answer or "", output, [question, *instructions]))
            results.append(float(faults[-1] is None))
    return results, faults


def _instructions(traces: pa.Table) -> list[list[str]]:
    """The system's turns of each trace; most have none, and the others' texts are not touched."""
    history = traces.column("history").combine_chunks()
    turns, rows = history.flatten(), pc.list_parent_indices(history)
    of_system = pc.equal(pc.struct_field(turns, "speaker"), "system")
    texts: list[Any] = pc.struct_field(turns, "text").filter(of_system).to_pylist()
    found: list[list[str]] = [[] for _ in range(traces.num_rows)]
    for row, text in zip(rows.filter(of_system).to_pylist(), texts, strict=True):
        found[row].append(text)
    return found
