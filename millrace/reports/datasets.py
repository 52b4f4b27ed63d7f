"""A dataset for people to look at: where it came from and its first rows, as Markdown."""

import json
from typing import Any

import pyarrow as pa

from millrace.datasets.manifest import Manifest
from millrace.methods.markdown import plain
from millrace.reports.markdown import markdown_table
from millrace.reports.wording import NOTHING, counted, excerpt, number, short_hash


def manifest_markdown(manifest: Manifest) -> str:
    """What a dataset is and what it was made from."""
    origin = manifest.origin
    rows = [
        ("Content hash", manifest.content_hash),
        ("Rows", f"{number(manifest.rows)} in {counted(len(manifest.parts), 'part')}"),
        ("Schema version", str(manifest.schema_version)),
        ("Made by", origin.stage),
        ("From", ", ".join(short_hash(name) for name in origin.inputs) or "no dataset"),
        ("Code", short_hash(origin.code_fingerprint)),
        ("Settings", short_hash(origin.settings_hash)),
        ("Numeric profile", origin.numeric_profile),
    ]
    return "\n".join(
        [f"## Dataset {plain(manifest.kind)}", "", *(f"- **{name}:** {plain(value)}" for name, value in rows), ""]
    )


def rows_markdown(table: pa.Table, *, n_rows: int = 10, max_chars: int = 80) -> str:
    """The first rows as a Markdown table, and how many there are.

    Args:
        table: any columns; lists and records are shown as JSON.
        n_rows: shown at most; 0 shows the header alone.
        max_chars: of one cell, cut with an ellipsis.
    """
    head = table.slice(0, n_rows)
    numbers = {field.name for field in table.schema if _is_number(field.type)}
    names = [name for name in table.column_names if name not in numbers]
    names += [name for name in table.column_names if name in numbers]
    rows = [[_cell(row[name], max_chars) for name in names] for row in head.to_pylist()]
    shown = f"{number(head.num_rows)} of {counted(table.num_rows, 'row')} shown."
    return f"{markdown_table(names, rows, len(names) - len(numbers))}\n\n{shown}\n"


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _cell(value: Any, max_chars: int) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, list | dict):
        return excerpt(json.dumps(value, ensure_ascii=False, default=str), max_chars)
    return excerpt(f"{value:g}" if isinstance(value, float) else str(value), max_chars)
