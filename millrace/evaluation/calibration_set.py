"""The set on which a detector of unsupported answers is checked, from documents and from people's answers (A11).

Half of its cases are supported. From documents: a sentence of a passage with that passage is supported; with another
passage, or with a number or a name of elsewhere in it, it is not. Such labels hold by construction, and are easier than
what models invent: read a figure as an upper bound. People's labels are of real answers.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import pyarrow as pa

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import rows_of
from millrace.errors import BadInputError
from millrace.evaluation.calibration_case import CalibrationCase, SupportedLabel, case_id
from millrace.evaluation.constructed_cases import Elsewhere, false_cases, statements_of, true_cases
from millrace.methods.abstention import is_abstention
from millrace.methods.groundedness_labels import support_labels
from millrace.records.annotation import AnnotationTask
from millrace.records.document import Chunk


def build_calibration_set(
    chunks: Iterable[Chunk], tasks: pa.Table, annotations: pa.Table, *, size: int, seed: int
) -> list[CalibrationCase]:
    """Cases in the order of their ids, as many supported as not (one fewer when ``size`` is odd).

    People's labels fill up to half of each label; of the constructed unsupported ones each kind makes a third, the
    others standing in where a kind runs short. No sentence is used twice. What is chosen follows from hashes of seed
    and text, so a few more documents change few cases.

    Args:
        chunks: passages; nothing is mixed between tenants.
        tasks: table of AnnotationTask.
        annotations: table of Annotation; an answer supported in part counts as unsupported, one between part and
            whole, where people disagree, is left out.
        size: at least 2.

    Raises:
        BadInputError: not enough sentences for the size.
    """
    people = _people_cases(tasks, annotations, seed)
    statements = statements_of(chunks, seed)
    n_supported, n_unsupported = size // 2, size - size // 2
    supported = list(islice(_labelled(people, "supported"), n_supported // 2))
    unsupported = list(islice(_labelled(people, "unsupported"), n_unsupported // 2))
    supported += true_cases(statements[::2], n_supported - len(supported))
    elsewhere = Elsewhere(statements, seed)
    unsupported += false_cases(statements[1::2], elsewhere, n_unsupported - len(unsupported))
    cases = sorted([*supported, *unsupported], key=lambda case: case.case_id)
    if len(cases) < size:
        raise BadInputError(
            f"{len(statements)} usable sentences and {len(people)} labelled answers make {len(cases)} cases, not "
            f"{size}: ingest more documents, or ask for a smaller set",
            n_cases=len(cases),
            size=size,
        )
    return cases


def _people_cases(tasks: pa.Table, annotations: pa.Table, seed: int) -> list[CalibrationCase]:
    labels = {label.task_id: label for label in support_labels(tasks, annotations)}
    cases: dict[str, CalibrationCase] = {}
    for task in rows_of(AnnotationTask, tasks):
        label = labels.get(task.task_id)
        if label is not None and _claims_something(task) and (label.unsupported or label.support == 1):
            case = _people_case(task, "unsupported" if label.unsupported else "supported")
            cases.setdefault(case.case_id, case)
    return sorted(cases.values(), key=lambda case: sha256_json([seed, case.case_id]))


def _claims_something(task: AnnotationTask) -> bool:
    answered = bool(task.answer and task.answer.strip()) and not is_abstention(task.answer or "")
    return answered and any(context.text.strip() for context in task.contexts)


def _people_case(task: AnnotationTask, label: SupportedLabel) -> CalibrationCase:
    contexts, answer = [context.text for context in task.contexts], task.answer or ""
    return CalibrationCase(
        case_id=case_id("annotation", contexts, answer),
        contexts=contexts,
        answer=answer,
        question=task.question,
        history=task.history,
        label=label,
        labelled_by="people",
        origin="annotation",
        source=task.task_id,
    )


def _labelled(cases: Iterable[CalibrationCase], label: SupportedLabel) -> Iterator[CalibrationCase]:
    return (case for case in cases if case.label == label)
