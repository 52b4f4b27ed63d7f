"""Scoring (D3): the category of each record, by the first rule of the table that holds."""

from string import Formatter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.distillation.marker_columns import EvidenceColumns, Rows, columns_of
from millrace.distillation.scoring_conditions import rows_where
from millrace.distillation.scoring_rules import ScoringRules
from millrace.records.evidence import Category, EvidenceScore

UNDECIDED: Category = "needs_human_review"
SCORED_COLUMNS = ("evidence_id", "stream", "role", "producer", "split", "markers")

Matrix = npt.NDArray[np.bool_]


def score_part(evidence: pa.Table, rules: ScoringRules) -> pa.Table:
    """What the rules say of each record by itself; extractions get a parent's verdict in ``parent_verdicts``.

    Args:
        evidence: table of Evidence, or its columns ``SCORED_COLUMNS``.
        rules: tried in order, the first that holds decides.

    Returns:
        Table of EvidenceScore, row i for row i. A record that no rule holds for needs a person's review: its
        ``rule_id`` is null, its reason the table's ``otherwise``. ``parent_id`` is null.
    """
    columns = columns_of(evidence, rules.markers)
    held = _held(columns, rules)
    decided = held.argmax(axis=1)
    ids = pa.array([*(rule.id for rule in rules.rules), None], pa.string())
    schema = arrow_schema(EvidenceScore)
    values = {
        "evidence_id": evidence.column("evidence_id"),
        "category": _categories(decided, rules),
        "rule_id": ids.take(pa.array(decided)),
        "reason": _reasons(columns, decided, rules),
        "fired": _fired(held[:, :-1], ids, schema.field("fired").type),
        "parent_id": pa.nulls(evidence.num_rows, pa.string()),
    }
    return pa.table([values[name] for name in schema.names], schema=schema)


def categories_of(evidence: pa.Table, rules: ScoringRules) -> pa.Array:
    """The category of each record as ``score_part`` gives it, without the reasons; length n_rows."""
    return _categories(_held(columns_of(evidence, rules.markers), rules).argmax(axis=1), rules)


def _categories(decided: Rows, rules: ScoringRules) -> pa.Array:
    return pa.array([*(rule.category for rule in rules.rules), UNDECIDED]).take(pa.array(decided))


def _held(columns: EvidenceColumns, rules: ScoringRules) -> Matrix:
    """Which rules hold for which rows, shape (n_rows, n_rules + 1); the last column, "no rule decides", always does."""
    held = np.ones((columns.n_rows, len(rules.rules) + 1), dtype=np.bool_)
    for place, rule in enumerate(rules.rules):
        held[:, place] = rows_where(columns, rule.when)
    return held


def _fired(held: Matrix, ids: pa.Array, kind: pa.DataType) -> pa.Array:
    """The ids of all rules that hold, row by row in the table's order."""
    places = np.flatnonzero(held) % held.shape[1]
    ends = np.cumsum(np.count_nonzero(held, axis=1), dtype=np.int64)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), ends]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), ids.take(pa.array(places)), type=kind)


def _reasons(columns: EvidenceColumns, decided: Rows, rules: ScoringRules) -> pa.Array:
    """The reason of each row's rule, with the row's own values."""
    templates = [*(rule.reason for rule in rules.rules), rules.otherwise.replace("{", "{{").replace("}", "}}")]
    order = np.argsort(decided.astype(np.int16), kind="stable")
    bounds = np.searchsorted(decided[order], np.arange(len(templates) + 1))
    filled = [
        _filled(template, columns, order[start:stop])
        for template, start, stop in zip(templates, bounds, bounds[1:], strict=False)
        if start < stop
    ]
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return pa.concat_arrays([pa.array([], pa.string()), *filled]).take(pa.array(back))


def _filled(template: str, columns: EvidenceColumns, rows: Rows) -> pa.Array:
    """The template with the values of these rows, length n_rows."""
    pieces: list[str | pa.Array] = []
    for literal, name, _, _ in Formatter().parse(template):
        pieces += [literal] if name is None else [literal, columns.named(name).shown(rows)]
    if all(isinstance(piece, str) for piece in pieces):
        return pa.repeat("".join(map(str, pieces)), len(rows))
    return pc.binary_join_element_wise(*(pa.scalar(p) if isinstance(p, str) else p for p in pieces), "")
