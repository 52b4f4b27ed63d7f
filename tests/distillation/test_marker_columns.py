"""Markers as columns: which records have them, which of two counts, and how values are shown."""

import numpy as np
import pyarrow as pa

from millrace.distillation.marker_columns import FIELDS, columns_of
from tests.support.marked_evidence import evidence_of, record


def test_a_marker_is_a_column_over_the_records_that_have_it() -> None:
    table = evidence_of(
        record("a", ("n", 1), ("verdict", "ok")), record("b"), record("c", ("verdict", "no"), ("n", 2.5), ("x", 9))
    )
    columns = columns_of(table, ["n", "verdict", "absent"])
    assert columns.marker("n").rows.tolist() == [0, 2]
    assert columns.marker("n").numbers.to_pylist() == [1.0, 2.5]
    assert columns.marker("verdict").texts.to_pylist() == ["ok", "no"]
    assert columns.marker("verdict").numbers.to_pylist() == [None, None]
    assert columns.marker("absent").rows.tolist() == []
    assert columns.marker("x").rows.tolist() == []  # nobody asked for it


def test_of_two_markers_of_one_name_the_last_counts() -> None:
    table = evidence_of(
        record("a", ("n", 1), ("m", 5), ("n", 2)), record("b", ("n", 3)), record("c", ("n", 4), ("n", 0))
    )
    columns = columns_of(table, ["n", "m"])
    assert columns.marker("n").rows.tolist() == [0, 1, 2]
    assert columns.marker("n").numbers.to_pylist() == [2.0, 3.0, 0.0]


def test_slices_and_chunks_give_what_the_whole_gives() -> None:
    rows = [record(str(place), ("n", place), role=f"role {place}") for place in range(7)]
    whole = evidence_of(*rows)
    chunked = pa.concat_tables([evidence_of(*rows[:3]), evidence_of(*rows[3:])])
    for table in (whole, chunked):
        columns = columns_of(table.slice(2, 4), ["n"])
        assert columns.marker("n").rows.tolist() == [0, 1, 2, 3]
        assert columns.marker("n").numbers.to_pylist() == [2, 3, 4, 5]
        assert columns.fields["role"].texts.to_pylist() == ["role 2", "role 3", "role 4", "role 5"]


def test_fields_are_columns_too_and_null_is_not_given() -> None:
    columns = columns_of(evidence_of(record("a", producer=None), record("b", producer="gpt", split="train")), [])
    assert sorted(columns.fields) == sorted(FIELDS)
    assert columns.fields["producer"].rows.tolist() == [1]
    assert columns.fields["split"].texts.to_pylist() == ["train"]


def test_no_record_at_all() -> None:
    columns = columns_of(evidence_of(record("a", ("n", 1))).slice(0, 0), ["n"])
    assert (columns.n_rows, len(columns.marker("n").rows)) == (0, 0)


def test_values_are_shown_rounded_and_shortened() -> None:
    values = [0.12345, 3, -0.0001, True, "word", "x" * 80, "y" * 81, 2.0]
    table = evidence_of(*(record(str(place), ("n", value)) for place, value in enumerate(values)), record("none"))
    shown = columns_of(table, ["n"]).marker("n").shown(np.arange(9)).to_pylist()
    assert shown == ["0.123", "3", "0", "true", "word", "x" * 80, "y" * 79 + "…", "2", "not given"]


def test_values_are_shown_for_the_rows_asked_for() -> None:
    column = columns_of(evidence_of(record("a"), record("b", ("n", 1)), record("c", ("n", 2))), ["n"]).marker("n")
    assert column.shown(np.array([2, 0])).to_pylist() == ["2", "not given"]
    assert columns_of(evidence_of(record("a")), ["n"]).marker("n").shown(np.array([0])).to_pylist() == ["not given"]


def test_a_name_in_a_reason_is_a_field_before_it_is_a_marker() -> None:
    columns = columns_of(evidence_of(record("a", ("role", "of the marker"), role="of the record")), ["role"])
    assert columns.named("role").texts.to_pylist() == ["of the record"]
    assert columns.marker("role").texts.to_pylist() == ["of the marker"]
