"""Chooses what to ask people, queues it, and takes their answers back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa

from blocks.embedder import open_embedder
from blocks.names import EmbedderName
from millrace.annotation.answers import annotation_of, annotations_table
from millrace.annotation.proposal import ProposalConfig, propose_from
from millrace.annotation.selection import candidate_part
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema, rows_of, table_of
from millrace.ledger import journal, queue, runs
from millrace.ledger.annotations import Annotation as SubmittedAnswer
from millrace.ledger.annotations import annotations_for, latest_annotation_sequence
from millrace.ledger.schema import RunStatus
from millrace.ledger.tasks import NewTask, tasks
from millrace.methods.groundedness import GroundednessModel
from millrace.methods.groundedness_belief import scorer_belief
from millrace.records.annotation import AnnotationTask, AskedQuestion
from millrace.records.base import Record
from millrace.records.trace import Trace
from tasks.effect import effect
from tasks.parts import read_dataset, write_dataset, write_tables
from tasks.run import Run, current_run, utc_now
from tasks.stage import stage
from tasks.triage import rows_with_ids

ESCALATION = "enqueue-escalated"  # the effect of tasks/escalation.py, by its name in the journal
_ALL = 1_000_000  # runs


class Queued(Record):
    """What became of proposed tasks."""

    n_added: int
    n_already_asked: int


class Answers(Record):
    """Answered tasks and the answers to them; ``upto`` is the ledger's sequence of the last answer looked at."""

    tasks: DatasetRef
    annotations: DatasetRef
    upto: int = 0


@effect
def snapshot_asked_questions() -> DatasetRef:
    """Everything any run ever asked, so that nothing is asked twice."""
    asked = sorted((task.question_key, task.tenant_id) for task in tasks(current_run().home.ledger))
    rows = [AskedQuestion(question_key=key, tenant_id=tenant) for key, tenant in asked]
    return write_dataset("asked_questions", table_of(AskedQuestion, rows))


@stage
def propose_annotations(
    triage: DatasetRef,
    groups: DatasetRef,
    traces: DatasetRef,
    scores: DatasetRef,
    asked: DatasetRef,
    answered: DatasetRef,
    scorer: GroundednessModel,
    embedder: EmbedderName,
    config: ProposalConfig,
) -> DatasetRef:
    """The questions that teach most, within a budget of minutes; the scorer's belief knows what was answered before."""
    light = [candidate_part(part) for part in read_dataset(traces).parts()]
    proposed = propose_from(
        read_dataset(triage).to_arrow(),
        read_dataset(groups).to_arrow(),
        read_dataset(scores).to_arrow(),
        pa.concat_tables([candidate_part(arrow_schema(Trace).empty_table()), *light]),
        fetch=lambda ids: rows_with_ids(traces, ids),
        asked_keys=set(read_dataset(asked).to_arrow().column("question_key").to_pylist()),
        config=config,
        belief=scorer_belief(scorer, open_embedder(embedder.name), read_dataset(answered).to_arrow()),
    )
    return write_dataset("annotation_tasks", proposed)


@effect
def enqueue_annotations(proposed: DatasetRef) -> Queued:
    """Put the tasks into the queue; a question that another run asked meanwhile is left to it."""
    return enqueue_tasks(rows_of(AnnotationTask, read_dataset(proposed).to_arrow()))


def enqueue_tasks(rows: Sequence[AnnotationTask]) -> Queued:
    """Put tasks into the queue as the current run's; inside an effect, which may do it again."""
    run = current_run()
    new = [
        NewTask(
            task_id=row.task_id,
            question_key=row.question_key,
            tenant_id=row.tenant_id,
            position=row.position,
            n_annotators=row.n_annotators,
            payload=row.model_dump(mode="json"),
        )
        for row in rows
    ]
    enqueued = queue.enqueue(run.home.ledger, new, run.run_id, utc_now())
    return Queued(n_added=len(enqueued.added), n_already_asked=len(enqueued.already_asked))


@effect
def snapshot_answers() -> Answers:
    """Answers to this run's questions, and what was answered or corrected since an earlier run took its answers.

    Of a task with any such answer every current answer is there: who is missing could not disagree. What was answered
    before a run was rejected stays out; what is answered to its questions afterwards counts. Answers to questions that
    were handed to a person count once, for the first run after them.
    """
    run = current_run()
    ended = [*_ended(run, "completed"), *_ended(run, "rejected")]
    closed = _closed(run, ended)
    return _taken(run, _escalating(run, ended, max(closed.values(), default=0)) | closed | {run.run_id: 0})


@effect
def snapshot_labels() -> Answers:
    """All answers so far to this run's questions and to those of approved runs; of rejected ones what came afterwards.

    What people answer to a run that failed or still waits teaches nothing yet.
    """
    run = current_run()
    approved = dict.fromkeys([*_ended(run, "completed"), run.run_id], 0)
    return _taken(run, approved | _closed(run, _ended(run, "rejected")))


def _taken(run: Run, seen: Mapping[str, int]) -> Answers:
    """Tasks of these runs that have all the answers they want, one of them later than what was seen of their run."""
    ledger = run.home.ledger
    with ledger.write():  # nobody answers between these looks
        upto = latest_annotation_sequence(ledger)
        asked = {task.task_id: task for task in tasks(ledger, status="completed") if task.run_id in seen}
        given: dict[str, list[SubmittedAnswer]] = defaultdict(list)
        for answer in annotations_for(ledger, sorted(asked)):
            given[answer.task_id].append(answer)
    news = [
        task_id
        for task_id in sorted(given)
        if any(answer.sequence > seen[asked[task_id].run_id] for answer in given[task_id])
    ]
    taken = {task_id: AnnotationTask.model_validate(asked[task_id].payload) for task_id in news}
    tasks_ref, annotations_ref = write_tables(
        annotation_tasks=table_of(AnnotationTask, taken.values()),
        annotations=annotations_table(
            annotation_of(answer, taken[task_id]) for task_id in news for answer in given[task_id]
        ),
    )
    return Answers(tasks=tasks_ref, annotations=annotations_ref, upto=upto)


def _ended(run: Run, status: RunStatus) -> list[str]:
    return [each.run_id for each in runs.list_runs(run.home.ledger, _ALL) if each.status == status]


def _closed(run: Run, run_ids: list[str]) -> dict[str, int]:
    """Those of the runs that took answers, with the last answer that each saw then."""
    found = {run_id: journal.effects_of(run.home.ledger, run_id) for run_id in run_ids}
    return {
        run_id: Answers.model_validate(state.result["output"]).upto
        for run_id, states in found.items()
        for state in states
        if state.key == f"{run_id}/{snapshot_answers.name}" and state.result
    }


def _escalating(run: Run, run_ids: list[str], upto: int) -> dict[str, int]:
    """Those of the runs that handed questions to people, with the last answer that any run took."""
    return {
        run_id: upto
        for run_id in run_ids
        if any(state.name == ESCALATION for state in journal.effects_of(run.home.ledger, run_id))
    }
