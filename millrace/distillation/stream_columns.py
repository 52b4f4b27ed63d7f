"""Columns that several of Millrace's streams have in common, and their skips."""

from collections.abc import Sequence
from hashlib import sha256
from json.encoder import encode_basestring_ascii as _quoted

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.distillation.evidence import EvidenceBatch, as_evidence
from millrace.methods.text import normalise_question
from millrace.records.evidence import Evidence
from millrace.records.trace import SkipRow

MAX_IDENTIFIER = 512
RowNumbers = npt.NDArray[np.int64]

NO_SKIPS = arrow_schema(SkipRow).empty_table()
NO_EVIDENCE = as_evidence({name: [] for name in arrow_schema(Evidence).names if name != "sig_hash"}, 0)


def whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def is_blank(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A truth value a text: whether it is null, or white space alone."""
    return pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(whole(texts))), 0).fill_null(True)


def passages(contexts: pa.Array | pa.ChunkedArray, wanted: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """The texts of lists of passages, in order.

    Args:
        wanted: one truth value for each passage of all lists; those that are not wanted are left out.
    """
    lists = whole(contexts)
    owners = np.asarray(pc.list_parent_indices(lists), dtype=np.int64)
    texts = pc.struct_field(lists.flatten(), "text")
    if wanted is not None:
        owners, texts = owners[wanted], texts.filter(pa.array(wanted))
    counts = np.bincount(owners, minlength=len(lists))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), texts)


def question_keys(rows: pa.Table) -> pa.Array:
    """:func:`millrace.methods.question_identity.question_key` of each row, by which records of one task are found.

    Args:
        rows: columns tenant_id, question and, where turns came before it, history.
    """
    histories = passages(rows.column("history")).to_pylist() if "history" in rows.column_names else [()] * rows.num_rows
    columns = (rows.column("tenant_id").to_pylist(), rows.column("question").to_pylist(), histories)
    return pa.array([_question_key(*row) for row in zip(*columns, strict=True)], pa.string())


def _question_key(tenant_id: str, question: str, history: Sequence[str]) -> str:
    # The canonical JSON of question_key, put together by hand: there are as many as there are records.
    before = ",".join([_quoted(normalise_question(text)) for text in history])
    return sha256(f"[{_quoted(tenant_id)},{_quoted(normalise_question(question))},[{before}]]".encode()).hexdigest()


def identifiers(prefix: str, names: pa.Array | pa.ChunkedArray) -> pa.Array:
    """``prefix`` and the name; null where an identifier would be too long."""
    joined = pc.binary_join_element_wise(prefix, whole(names), "")
    return pc.if_else(pc.less_equal(pc.utf8_length(joined), MAX_IDENTIFIER), joined, None)


def producers(names: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Names as identifiers: cut to what fits; null for an empty one."""
    cut = pc.utf8_slice_codeunits(whole(names), 0, MAX_IDENTIFIER)
    return pc.if_else(pc.equal(cut, ""), None, cut)


def skips(source: str, rows: RowNumbers, reason: str, messages: str | pa.Array, hashes: pa.Array) -> pa.Table:
    """Skip rows of a dataset: ``line`` is the row number from 1; messages never show content."""
    n_rows = len(rows)
    columns = {
        "source": pa.repeat(source, n_rows),
        "line": pa.array(rows + 1, pa.int64()),
        "reason": pa.repeat(reason, n_rows),
        "message": pa.repeat(messages, n_rows) if isinstance(messages, str) else messages,
        "row_hash": hashes,
    }
    return pa.table([columns[name] for name in arrow_schema(SkipRow).names], schema=arrow_schema(SkipRow))


def put_together(batches: Sequence[EvidenceBatch]) -> EvidenceBatch:
    """Several batches as one, in order."""
    return EvidenceBatch(
        pa.concat_tables([NO_EVIDENCE, *(batch.evidence for batch in batches)]),
        pa.concat_tables([NO_SKIPS, *(batch.skips for batch in batches)]),
    )
