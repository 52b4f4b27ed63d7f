"""Questions that were handed to a person, as annotation tasks (A3, A30)."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from millrace.annotation.choice import ProposalConfig, estimated_minutes, question_key, task_id
from millrace.records.annotation import AnnotationTask

REASON = "no failure: the question was handed to a person"

_COLUMNS = ["trace_id", "tenant_id", "user_id", "question", "history", "contexts", "answer"]


def escalated_tasks(parts: Iterable[pa.Table], config: ProposalConfig) -> list[AnnotationTask]:
    """One task for each escalated question, by tenant and spelling aside, in the order of the traces.

    No budget limits them: a person was promised.

    Args:
        parts: tables of Trace; those with another status are passed over.
        config: how long reading and deciding take.

    Returns:
        Tasks with positions from 1; of equal questions the first. The same traces always give the same tasks.
    """
    tasks: dict[str, AnnotationTask] = {}
    for part in parts:
        escalated = part.filter(pc.equal(part.column("status"), "escalated"))
        routes = escalated.column("route").to_pylist()
        for row, route in zip(escalated.select(_COLUMNS).to_pylist(), routes, strict=True):
            key = question_key(row)
            if key not in tasks:
                tasks[key] = AnnotationTask(
                    task_id=task_id(key),
                    question_key=key,
                    **row,
                    why="handed to a person" + (f" by the route {route}" if route else ""),
                    position=len(tasks) + 1,
                    estimated_minutes=estimated_minutes(row, config),
                    triage_reason=REASON,
                )
    return list(tasks.values())
