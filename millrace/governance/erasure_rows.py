"""A person's rows in a table, what they give to find further ones, and others' rows without the person's words."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from millrace.governance.erasure_marks import Marks, texts_in
from millrace.governance.erasure_rules import Family, RowRule
from millrace.methods.question_identity import question_key

IsPerson = Callable[[str], bool]
_GOLDEN_NAME = "golden "


@dataclass
class SubjectKeys:
    """What is known of one person: how their id is known, in which tenant, and the names of what is theirs."""

    is_user: IsPerson
    is_tenant: IsPerson | None = None
    families: dict[Family, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def size(self) -> int:
        """Names known so far."""
        return sum(map(len, self.families.values()))


def columns_looked_at(rule: RowRule) -> list[str]:
    """The columns that decide which rows are the person's."""
    return list(dict.fromkeys([*rule.persons, *(name for name in rule.joins if name != "place")]))


def rows_of_subject(table: pa.Table, rule: RowRule, keys: SubjectKeys) -> pa.ChunkedArray:
    """True for each row that is the person's; false everywhere where a kind has no rows of anybody."""
    found = pa.chunked_array([pa.array([False] * table.num_rows, pa.bool_())])
    for name in rule.persons:
        found = pc.or_(found, _matches(table.column(name), keys.is_user))
    for name, families in rule.joins.items():
        known = set().union(*(keys.families[each] for each in ((families,) if isinstance(families, str) else families)))
        if known:
            found = pc.or_(found, _joined(table, name, known))
    if keys.is_tenant is not None and "tenant_id" in table.column_names:
        found = pc.and_(found, _matches(table.column("tenant_id"), keys.is_tenant))
    return found


def learn_keys(rows: pa.Table, rule: RowRule, keys: SubjectKeys) -> None:
    """Take in what the person's rows are called, so that what was made of them is found."""
    for name, family in rule.gives.items():
        keys.families[family].update(rows.column(name).drop_null().to_pylist())
    if "golden_id" in rows.column_names:
        for row in rows.select(["tenant_id", "question", "history"]).to_pylist():
            turns = [turn["text"] for turn in row["history"]]
            keys.families["asked"].add(question_key(row["tenant_id"], row["question"], turns))


def learn_marks(rows: pa.Table, rule: RowRule, marks: Marks) -> None:
    """Take in the person's words and the names of what is theirs."""
    named = dict.fromkeys([*rule.persons, *rule.names, *(name for name in rule.gives if name != "question_key")])
    for name in named:
        for value in pc.unique(rows.column(name)).drop_null().to_pylist():
            marks.add_id(value)
    for name in rule.says:
        for text in texts_in(rows.column(name).to_pylist()):
            marks.add_text(text)


def leave_to_others(rows: pa.Table, rule: RowRule, keys: SubjectKeys, marks: Marks) -> None:
    """What others wrote as well is no mark; a passage of the person's, and an answer from it, are not others' words."""
    theirs = keys.families["chunk"]
    quoting = set()
    if theirs and "contexts" in rule.says:
        shown = enumerate(rows.column("contexts").to_pylist())
        quoting = {row for row, contexts in shown if any(each["context_id"] in theirs for each in contexts)}
    for name in rule.says:
        for row, value in enumerate(rows.column(name).to_pylist()):
            if row in quoting and name in ("contexts", "answer", "output"):
                value = [each for each in value if each["context_id"] not in theirs] if name == "contexts" else None
            for text in texts_in(value):
                marks.leave_to_others(text)


def without_marks(rows: pa.Table, rule: RowRule, keys: SubjectKeys, marks: Marks) -> tuple[pa.Table, int]:
    """Rows of others without what is the person's, and how many rows changed."""
    changed: set[int] = set()
    for name in rule.texts:
        rows = _changed(rows, name, lambda value, name=name: _redacted(name, value, marks), changed)  # type: ignore[misc]
    for name, family in rule.lists.items():
        known = keys.families[family]
        rows = _changed(rows, name, lambda value, known=known: [x for x in value if x not in known], changed)  # type: ignore[misc]
    return rows, len(changed)


def _redacted(name: str, value: Any, marks: Marks) -> Any:
    if name in ("label", "group_label"):
        return None if value is None else marks.label_without(value)
    return _deep(value, marks)


def _deep(value: Any, marks: Marks) -> Any:
    if isinstance(value, str):
        return marks.redacted(value)
    if isinstance(value, list):
        return [_deep(each, marks) for each in value]
    if isinstance(value, dict):
        return {key: _deep(each, marks) for key, each in value.items()}
    return value


def _changed(rows: pa.Table, name: str, change: Callable[[Any], Any], changed: set[int]) -> pa.Table:
    old = rows.column(name).to_pylist()
    new = [change(value) for value in old]
    differing = [place for place, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]]
    if not differing:
        return rows
    changed.update(differing)
    at = rows.schema.get_field_index(name)
    return rows.set_column(at, rows.schema.field(name), pa.array(new, rows.schema.field(name).type))


def _matches(column: pa.ChunkedArray, is_one: IsPerson) -> pa.ChunkedArray:
    return _is_in(column, [each for each in pc.unique(column).drop_null().to_pylist() if is_one(each)])


def _joined(table: pa.Table, name: str, known: set[str]) -> pa.ChunkedArray:
    if name == "place":
        offsets = table.column("source_offset").to_pylist()
        places = zip(table.column("source_file").to_pylist(), offsets, strict=True)
        return pa.chunked_array([pa.array([place_of(file, offset) in known for file, offset in places], pa.bool_())])
    if name == "eval_id":
        ids = [
            (value, value.removeprefix(_GOLDEN_NAME).split(" ")[-1])
            for value in pc.unique(table.column(name)).to_pylist()
        ]
        return _is_in(table.column(name), [v for v, last in ids if v.startswith(_GOLDEN_NAME) and last in known])
    return _is_in(
        table.column(name), [each for each in pc.unique(table.column(name)).drop_null().to_pylist() if each in known]
    )


def _is_in(column: pa.ChunkedArray, values: Iterable[str]) -> pa.ChunkedArray:
    return pc.fill_null(pc.is_in(column, pa.array(sorted(values), pa.string())), False)


def place_of(dataset: str, row: int) -> str:
    """Where evidence says that it is from: ``kind:hash`` and row."""
    return f"{dataset}#{row}"
