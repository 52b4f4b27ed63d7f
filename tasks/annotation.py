"""Chooses what to ask people, queues it, and takes their answers back."""

from datetime import UTC, datetime

from millrace.annotation.answers import annotations_table
from millrace.annotation.proposal import ProposalConfig, propose
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import rows_of, table_of
from millrace.ledger import queue, runs
from millrace.ledger.annotations import Annotation as SubmittedAnswer
from millrace.ledger.annotations import annotations_for
from millrace.ledger.tasks import NewTask, Task, tasks
from millrace.records.annotation import Annotation, AnnotationAnswer, AnnotationTask, AskedQuestion
from millrace.records.base import Record
from tasks.effect import effect
from tasks.parts import read_dataset, write_dataset, write_tables
from tasks.run import Run, current_run, utc_now
from tasks.stage import stage
from tasks.triage import rows_with_ids


class Queued(Record):
    """What became of proposed tasks."""

    n_added: int
    n_already_asked: int


class Answers(Record):
    """Answered tasks and the answers to them."""

    tasks: DatasetRef
    annotations: DatasetRef


@effect
def snapshot_asked_questions() -> DatasetRef:
    """Everything any run ever asked, so that nothing is asked twice."""
    asked = sorted((task.question_key, task.tenant_id) for task in _all_tasks())
    rows = [AskedQuestion(question_key=key, tenant_id=tenant) for key, tenant in asked]
    return write_dataset("asked_questions", table_of(AskedQuestion, rows))


@stage
def propose_annotations(
    triage: DatasetRef,
    groups: DatasetRef,
    traces: DatasetRef,
    scores: DatasetRef,
    asked: DatasetRef,
    config: ProposalConfig,
) -> DatasetRef:
    """The questions that teach most, within a budget of minutes."""
    decisions = read_dataset(triage).to_arrow()
    proposed = propose(
        decisions,
        read_dataset(groups).to_arrow(),
        rows_with_ids(traces, decisions.column("trace_id").combine_chunks()),
        read_dataset(scores).to_arrow(),
        asked_keys=set(read_dataset(asked).to_arrow().column("question_key").to_pylist()),
        config=config,
    )
    return write_dataset("annotation_tasks", proposed)


@effect
def enqueue_annotations(proposed: DatasetRef) -> Queued:
    """Put the tasks into the queue; a question that another run asked meanwhile is left to it."""
    run = current_run()
    rows = rows_of(AnnotationTask, read_dataset(proposed).to_arrow())
    new = [
        NewTask(
            task_id=row.task_id,
            question_key=row.question_key,
            tenant_id=row.tenant_id,
            position=row.position,
            payload=row.model_dump(mode="json"),
        )
        for row in rows
    ]
    enqueued = queue.enqueue(run.home.ledger, new, run.run_id, utc_now())
    return Queued(n_added=len(enqueued.added), n_already_asked=len(enqueued.already_asked))


@effect
def snapshot_answers() -> Answers:
    """This run's answers, and late ones to questions of earlier weeks that were already approved."""
    run = current_run()
    taken = [task for task in _all_tasks() if task.run_id == run.run_id or _was_approved(run, task)]
    asked = {task.task_id: AnnotationTask.model_validate(task.payload) for task in taken}
    closed_at = {task.task_id: _closed_at(run, task) for task in taken}
    answers = [
        _annotation(answer, asked[answer.task_id])
        for answer in annotations_for(run.home.ledger, sorted(asked))
        if answer.submitted_at > closed_at[answer.task_id]
    ]
    answered = sorted({answer.task_id for answer in answers})
    tasks_ref, annotations_ref = write_tables(
        annotation_tasks=table_of(AnnotationTask, [asked[task_id] for task_id in answered]),
        annotations=annotations_table(answers),
    )
    return Answers(tasks=tasks_ref, annotations=annotations_ref)


def _all_tasks() -> list[Task]:
    return tasks(current_run().home.ledger)


def _was_approved(run: Run, task: Task) -> bool:
    return runs.run_of(run.home.ledger, task.run_id).status == "completed"


def _closed_at(run: Run, task: Task) -> datetime:
    """Answers up to then were taken, or turned down, by the run that asked; this run's own are all taken."""
    ended = runs.run_of(run.home.ledger, task.run_id).finished_at
    return ended if ended is not None and task.run_id != run.run_id else datetime.min.replace(tzinfo=UTC)


def _annotation(submitted: SubmittedAnswer, task: AnnotationTask) -> Annotation:
    answer = AnnotationAnswer.model_validate(submitted.answer)
    return Annotation(
        annotation_id=submitted.annotation_id,
        task_id=task.task_id,
        trace_id=task.trace_id,
        annotator=submitted.annotator,
        submitted_at=submitted.submitted_at,
        **answer.model_dump(),
    )
