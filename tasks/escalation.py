"""Queues the questions that were handed to a person."""

from millrace.annotation.choice import ProposalConfig
from millrace.annotation.escalation import escalated_tasks
from millrace.datasets.manifest import DatasetRef
from tasks.annotation import Queued, enqueue_tasks
from tasks.effect import effect
from tasks.parts import read_dataset


@effect
def enqueue_escalated(traces: DatasetRef, config: ProposalConfig) -> Queued:
    """Ask people about every escalated trace; a question that any run asked before is not asked again."""
    return enqueue_tasks(escalated_tasks(read_dataset(traces).parts(), config))
