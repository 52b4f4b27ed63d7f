from typing import get_args

import pytest

from millrace.datasets.schema import arrow_schema
from millrace.records.annotation import Annotation, AnnotationAnswer, AnnotationTask, AnswerVerdict
from millrace.records.golden import GoldenRow
from millrace.records.kinds import KINDS
from millrace.records.triage import FailureGroup, FailureType, TriageRow


def test_a_persons_verdict_is_ok_or_a_failure_type() -> None:
    assert get_args(AnswerVerdict) == ("ok", *get_args(FailureType))


def test_an_annotation_holds_every_field_of_an_answer() -> None:
    for name, field in AnnotationAnswer.model_fields.items():
        assert Annotation.model_fields[name].annotation == field.annotation


@pytest.mark.parametrize("model", [TriageRow, FailureGroup, AnnotationTask, Annotation, GoldenRow])
def test_records_are_registered_and_can_be_checked_by_column(model: type) -> None:
    assert model in {kind.model for kind in KINDS.values()}
    assert arrow_schema(model).names == list(model.model_fields)
