"""The bundled answers to the demo's questions, which play the annotator."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from millrace.errors import NotFoundError
from millrace.methods.abstention import is_abstention
from millrace.methods.redaction import Redactor
from millrace.records.annotation import AnnotationAnswer, AnnotationTask, AnswerVerdict, ExpectedBehaviour
from tasks.tables import redaction_rules

_Asked = tuple[str, ...]


class AnswerKey:
    """What should have been said, by question and the turns before it, as they look after redaction."""

    def __init__(self, expected: Mapping[_Asked, tuple[ExpectedBehaviour, str | None]]) -> None:
        self._expected = expected

    def answer_to(self, task: AnnotationTask) -> AnnotationAnswer:
        """The annotation that the key makes of a task.

        Raises:
            NotFoundError: the key has no such question.
        """
        asked = (*(turn.text for turn in task.history), task.question)
        if asked not in self._expected:
            raise NotFoundError(f"the answer key has no question {task.question!r}", task=task.task_id)
        behaviour, answer = self._expected[asked]
        verdict = _verdict(task, behaviour)
        return AnnotationAnswer(verdict=verdict, expected_behaviour=behaviour, expected_answer=answer)


def read_answer_key(questions: Path, answers: Path) -> AnswerKey:
    """The key of a file of questions (JSONL) and one of answers (YAML)."""
    redactor = Redactor(redaction_rules())
    by_id = {row["question_id"]: row for row in yaml.safe_load(answers.read_text(encoding="utf-8"))["answers"]}
    rows = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines() if line.strip()]
    return AnswerKey({_asked(row, redactor): _expectation(by_id[row["question_id"]]) for row in rows})


def _asked(row: Mapping[str, object], redactor: Redactor) -> _Asked:
    history = row["history"]
    turns = [turn["text"] for turn in history] if isinstance(history, Sequence) else []
    return tuple(redactor.redact(str(text)).text for text in (*turns, row["question"]))


def _expectation(row: Mapping[str, str | None]) -> tuple[ExpectedBehaviour, str | None]:
    return row["expected_behaviour"], row["expected_answer"]  # type: ignore[return-value]


def _verdict(task: AnnotationTask, expected: ExpectedBehaviour) -> AnswerVerdict:
    """How what was said compares with what was expected."""
    said: ExpectedBehaviour = "block" if task.answer is None else "abstain" if is_abstention(task.answer) else "answer"
    if expected == "block":
        return "ok" if said == "block" else "safety_violation"
    if expected == "abstain":
        return "irrelevant_answer" if said == "answer" else "ok"
    if said == "answer":
        return task.failure_type or "ok"
    return "retrieval_failure"
